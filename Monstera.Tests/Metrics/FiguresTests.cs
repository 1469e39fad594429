using System.Diagnostics.Metrics;
using System.Net.WebSockets;
using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Server.Hosting;
using Monstera.Server.Metrics;
using Monstera.Server.Realtime;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Metrics;

/// <summary>Figures of single features: ends of connections, failures of the storage, jobs.</summary>
public sealed class FiguresTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Each_connection_that_ends_has_its_reason_and_each_that_is_refused_too()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(
            time, null, [("Limits:ConnectionsPerNode", "3"), ("Limits:ConnectionsPerUser", "2"), ("Realtime:HelloTimeoutSeconds", "10"), ("Realtime:ClientTimeoutSeconds", "30")]);
        await using HubSocket broken = await server.Connect("aoi", ["general"]);
        await using HubSocket protocol = await server.Connect("beni", ["general"]);
        await using HubSocket closed = await server.Connect("beni", ["general"]);

        // A fourth, when three are all.
        WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(() => server.Connect("aoi", ["general"]));
        Assert.Contains("503", refused.Message, StringComparison.Ordinal);
        broken.Cut();
        await Closed(server, "broken");
        await using (HubSocket third = await HubSocket.Connect(server.Uri(), Tokens.For("beni", "general"), new HubSocketOptions { Handshake = false }))
        {
            // The user's third, when two are all.
            await third.Closed.WaitAsync(Signal.Patience, TimeProvider.System);
        }

        closed.SendFrame("""{"type":7}""");
        await Closed(server, "closed");
        protocol.SendFrame("no JSON");
        await Closed(server, "protocol");

        await using HubSocket mute = await HubSocket.Connect(server.Uri(), Tokens.For("chiyo", "general"), new HubSocketOptions { Pings = false });
        await Signal.Poll(() => server.Get<ConnectionRegistry>().Count == 1, "the connection to be there");
        time.Advance(TimeSpan.FromSeconds(10));
        await Closed(server, "no_hello");
        await using HubSocket silent = await HubSocket.Connect(server.Uri(), Tokens.For("chiyo", "general"), new HubSocketOptions { Pings = false });
        await silent.Hello();
        for (int i = 0; i < 30; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await Closed(server, "silent");
        Scrape scrape = await Scrape.Of(server.Uri());
        Assert.Equal(1, scrape["connections_refused_total{reason=\"node_full\"}"]);
        Assert.Equal(1, scrape["connections_refused_total{reason=\"user\"}"]);
        Assert.Equal(1, scrape["rate_limited_total{limit=\"user_connections\"}"]);
        Assert.Equal(3, scrape["connections_max"]);
        Assert.Equal(5, scrape["connections_opened_total{transport=\"websockets\"}"]);
        Assert.Equal(5, scrape.Sum("connections_closed_total"));
        Assert.Equal(0, scrape["connections_by_transport{transport=\"websockets\"}"]);
    }

    [Fact]
    public async Task A_figure_that_cannot_be_read_is_missing_and_the_page_is_there()
    {
        await using RunningServer server = await LiveServer.Start();
        Meter meter = server.Get<IMeterFactory>().Create("Monstera.Broken");
        meter.CreateObservableGauge("broken_at_once", int () => throw new IOException("The share is away."));
        meter.CreateObservableGauge("broken_midway", () => Enumerable.Range(0, 2).Select(i => i == 0 ? new Measurement<int>(7) : throw new UnauthorizedAccessException("Not yours.")));
        for (int i = 1; i <= 2; i++)
        {
            Scrape scrape = await Scrape.Of(server.Uri());
            Assert.DoesNotContain("broken_at_once", scrape.Types.Keys);
            Assert.Equal(1, scrape.Sum("monstera_info"));
            Assert.Contains("process_open_fds", scrape.Series);
        }

        Assert.Equal(2, server.Get<MeterCollector>().Failures);
        Assert.True((await Scrape.Of(server.Uri()))["metrics_failed_scrapes_total"] >= 2);
    }

    [Fact]
    public async Task Calls_of_the_storage_are_measured_and_the_kinds_of_failures_told_apart()
    {
        using CollectedMeters meters = new();
        StorageMeter storage = new(meters.Meter, "7", TimeProvider.System);
        Assert.Equal(5, await storage.Measure("append", storage.Now, ValueTask.FromResult(5)));
        Exception[] failures =
        [
            new StorageUnavailableException("away"),
            new StorageUnavailableException("late") { Kind = StorageFaultKind.Timeout },
            new StorageUnavailableException("locked") { Kind = StorageFaultKind.Deadlock },
            new StorageUnavailableException("lost") { Kind = StorageFaultKind.Race },
            new InvalidOperationException("ours"),

            // Answers, and what was given up, are no failures.
            new RoomMovedException([1]),
            new OperationCanceledException(),
        ];
        foreach (Exception failure in failures)
        {
            Assert.Same(failure, await Record.ExceptionAsync(async () => await storage.Measure("append", storage.Now, ValueTask.FromException<int>(failure))));
        }

        string text = meters.Expose();
        foreach (string kind in (string[])["unavailable", "timeout", "deadlock", "race", "bug"])
        {
            Assert.Contains($"db_errors_total{{kind=\"{kind}\",query_type=\"append\",shard=\"7\"}} 1\n", text, StringComparison.Ordinal);
        }

        Assert.Equal(5, text.Split('\n').Count(line => line.StartsWith("db_errors_total{", StringComparison.Ordinal)));
        Assert.Contains("db_query_duration_seconds_count{query_type=\"append\",shard=\"7\"} 8\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_are_counted_by_how_they_ended_and_the_last_success_stays()
    {
        using CollectedMeters meters = new();
        FakeTime time = new(Noon);
        JobMeter jobs = new(meters.Meters, time);
        await jobs.Run("tidying", () =>
        {
            time.Advance(TimeSpan.FromSeconds(7));
            return Task.CompletedTask;
        });
        time.Advance(TimeSpan.FromHours(1));
        await Assert.ThrowsAsync<IOException>(() => jobs.Run("tidying", () => Task.FromException(new IOException("full"))));

        string[] lines = meters.Expose().Split('\n');
        Assert.Contains("job_runs_total{job=\"tidying\",outcome=\"succeeded\"} 1", lines);
        Assert.Contains("job_runs_total{job=\"tidying\",outcome=\"failed\"} 1", lines);
        Assert.Contains("job_duration_seconds_bucket{job=\"tidying\",le=\"5\"} 1", lines);
        Assert.Contains("job_duration_seconds_bucket{job=\"tidying\",le=\"10\"} 2", lines);
        Assert.Contains($"job_last_success_timestamp_seconds{{job=\"tidying\"}} {Noon.ToUnixTimeSeconds() + 7}", lines);
    }

    private static Task Closed(RunningServer server, string reason) =>
        Scrape.Until(server.Uri(), scrape => scrape.Sum("connections_closed_total", $"reason=\"{reason}\"") == 1, "a connection that ended: " + reason);
}
