using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Monstera.Data.Directory;
using Monstera.Server.Accounts;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

public sealed class SessionSweepTests
{
    [Fact]
    public async Task What_has_expired_is_removed_every_hour_also_after_a_failure()
    {
        FakeTime time = new();
        ConcurrentQueue<DateTimeOffset> sweeps = new();
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(time: TimeProvider.System, replace: services => CountingDirectory.Install(services, made => directory = made));
        bool isAway = true;
        directory!.Fails = method =>
        {
            if (method == nameof(IDirectory.RemoveExpired))
            {
                sweeps.Enqueue(time.GetUtcNow());
            }

            return isAway;
        };

        using SessionSweep sweep = new(server.Services.GetRequiredService<IDirectory>(), time, NullLogger<SessionSweep>.Instance);
        await sweep.StartAsync(TestContext.Current.CancellationToken);
        await Signal.Poll(() => time.Waiting == 1, "the sweep waits for its hour");
        DateTimeOffset start = time.GetUtcNow();
        for (int hour = 1; hour <= 3; hour++)
        {
            int before = sweeps.Count;
            time.Advance(TimeSpan.FromHours(1));
            await Signal.Poll(() => sweeps.Count > before, "the sweep of the hour");
            isAway = false;
        }

        await sweep.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal([start.AddHours(1), start.AddHours(2), start.AddHours(3)], sweeps);
    }
}
