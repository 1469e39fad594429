namespace Monstera.Server.Commands;

/// <summary>When the next daily backup is due, for where nothing else starts one: a container without a timer beside it.</summary>
/// <param name="at">The time of day, UTC.</param>
internal sealed class BackupDays(TimeOnly at, TimeProvider time)
{
    /// <summary>After one that failed.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(30);

    /// <summary>
    /// Runs until it is cancelled: makes one whenever the newest is from before the last time that one was due, so that also what was missed while nothing ran is made up for.
    /// </summary>
    /// <param name="newest">When the newest that is there was begun; null: there is none, or that cannot be told.</param>
    /// <param name="make">Returns whether it was made.</param>
    public async Task Run(Func<Task<DateTimeOffset?>> newest, Func<Task<bool>> make, CancellationToken cancel)
    {
        while (true)
        {
            bool isDue = await newest() is not { } last || last < LastDue(time.GetUtcNow());
            bool isMade = !isDue || await make();
            DateTimeOffset now = time.GetUtcNow();
            await Task.Delay(isMade ? LastDue(now).AddDays(1) - now : RetryAfter, time, cancel);
        }
    }

    /// <summary>The last time at or before <paramref name="now"/> that a backup was due.</summary>
    public DateTimeOffset LastDue(DateTimeOffset now)
    {
        DateTimeOffset today = new(now.UtcDateTime.Date + at.ToTimeSpan(), TimeSpan.Zero);
        return today <= now ? today : today.AddDays(-1);
    }
}
