using Monstera.Server.Commands;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Commands;

/// <summary>Backups of a process that runs on.</summary>
public sealed class BackupDaysTests
{
    private static readonly TimeOnly At = new(3, 17);

    [Theory]
    [InlineData("2026-11-21T03:17:00Z", "2026-11-21T03:17:00Z")]
    [InlineData("2026-11-21T03:16:59Z", "2026-11-20T03:17:00Z")]
    [InlineData("2026-11-21T23:59:59Z", "2026-11-21T03:17:00Z")]
    [InlineData("2026-11-21T09:00:00+09:00", "2026-11-20T03:17:00Z")]
    [InlineData("2027-01-01T00:00:00Z", "2026-12-31T03:17:00Z")]
    public void The_last_one_that_was_due(string now, string due) =>
        Assert.Equal(DateTimeOffset.Parse(due, null), new BackupDays(At, TimeProvider.System).LastDue(DateTimeOffset.Parse(now, null)));

    [Fact]
    public async Task What_was_missed_is_made_at_once_a_failed_one_again_soon_and_otherwise_one_a_day()
    {
        DateTimeOffset start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
        FakeTime time = new(start);
        List<DateTimeOffset> tries = [];
        DateTimeOffset? newest = start.AddDays(-1);
        bool fails = true;
        using CancellationTokenSource stop = new();
        Task running = new BackupDays(At, time).Run(
            () => Task.FromResult(newest),
            () =>
            {
                tries.Add(time.GetUtcNow());
                newest = fails ? newest : time.GetUtcNow();
                return Task.FromResult(!fails);
            },
            stop.Token);
        await Made(1);
        Assert.Equal([start], tries);
        time.Advance(BackupDays.RetryAfter - TimeSpan.FromSeconds(1));
        Assert.Single(tries);
        fails = false;
        time.Advance(TimeSpan.FromSeconds(1));
        await Made(2);
        Assert.Equal(start + BackupDays.RetryAfter, tries[1]);

        DateTimeOffset next = new(2026, 11, 22, 3, 17, 0, TimeSpan.Zero);
        time.Advance(next - time.GetUtcNow() - TimeSpan.FromSeconds(1));
        Assert.Equal(2, tries.Count);
        time.Advance(TimeSpan.FromSeconds(1));
        await Made(3);
        Assert.Equal(next, tries[2]);

        // Somebody made one by hand just before: it is not made again.
        newest = next.AddDays(1);
        time.Advance(TimeSpan.FromDays(1));
        await Made(3);
        time.Advance(TimeSpan.FromDays(1));
        await Made(4);
        Assert.Equal(next.AddDays(2), tries[3]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        // It has done what was due, and waits for the next time.
        async Task Made(int count)
        {
            await Signal.Poll(() => tries.Count >= count && time.Waiting == 1, $"{count} backups");
            Assert.Equal(count, tries.Count);
        }
    }
}
