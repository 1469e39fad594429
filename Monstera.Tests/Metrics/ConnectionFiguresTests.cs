using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Monstera.Server.Lifecycle;
using Monstera.Server.Metrics;
using Monstera.Server.Realtime;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Metrics;

/// <summary>Who lags, who is cut, who is sent away and who is not let in, as the metrics tell of them.</summary>
public sealed class ConnectionFiguresTests
{
    private const int TextChars = 3_000;

    private readonly FakeTime _time = new(TimeProvider.System.GetUtcNow());

    [Fact]
    public async Task Who_reads_slowly_lags_is_told_of_the_gap_and_who_takes_nothing_for_too_long_is_cut()
    {
        await using RunningServer server = await LiveServer.Start(
            _time, null, [("Realtime:SendTimeoutSeconds", "10"), ("Realtime:ClientTimeoutSeconds", "900"), ("Realtime:SendBufferBytes", "8192"), ("Realtime:TailEventsMax", "16")]);
        await using HubSocket writer = await server.Connect("writer", ["general"]);
        Guid room = (await writer.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        (Gate thaws, Gate never) = (new Gate(), new Gate());
        await using HubSocket slow = await Frozen(server, "slow", room, thaws);
        await using HubSocket frozen = await Frozen(server, "frozen", room, never);
        Assert.Equal(0, (await Scrape.Of(server.Uri()))["connections_lagging"]);

        // As much as the system takes for them, and then more than the room remembers.
        ConnectionRegistry registry = server.Get<ConnectionRegistry>();
        await Signal.Poll(() => Flood(writer, room) && registry.All.Count(connection => connection.IsLagging) == 2, "both to lag");
        Flood(writer, room);
        Assert.Equal(2, (await Scrape.Of(server.Uri()))["connections_lagging"]);

        thaws.Open();
        Scrape scrape = await Scrape.Until(server.Uri(), scrape => scrape.Sum("gaps_told_total") > 0, "a gap to be told");
        Assert.Equal(1, scrape["gaps_told_total"]);
        scrape = await Scrape.Until(server.Uri(), scrape => scrape["connections_lagging"] == 1, "the slow one to have caught up");
        Assert.Equal(0, scrape.Sum("connections_closed_total"));

        _time.Advance(TimeSpan.FromSeconds(11));
        scrape = await Closed(server.Uri(), "slow", 1);
        Assert.Equal((1, 0), (scrape.Sum("connections_closed_total"), scrape["connections_lagging"]));
        Assert.True(slow.IsOpen);
        never.Open();
    }

    [Fact]
    public async Task Who_signs_out_is_counted_as_signed_out()
    {
        await using RunningServer server = await LiveServer.Start(_time, null, []);
        RestClient owner = await server.SetUp();
        await using HubSocket hub = await HubSocket.Connect(server.Uri(), owner.Token);
        await hub.Hello();
        (await owner.Post("/api/sign-out")).IsStatus(204);

        // It does not go by itself.
        await Signal.Poll(
            () =>
            {
                _time.AdvanceMs(100);
                return !hub.IsOpen;
            },
            "the connection to end");
        Assert.Equal(1, (await Closed(server.Uri(), "signed_out", 1)).Sum("connections_closed_total"));
    }

    [Fact]
    public async Task Who_is_sent_to_another_node_who_comes_while_it_goes_and_who_is_there_when_it_stops()
    {
        await using RunningServer server = await LiveServer.Start(
            _time, null, [("Lifecycle:SettleSeconds", "3"), ("Lifecycle:DrainSeconds", "4"), ("Realtime:ClientTimeoutSeconds", "900"), ("Realtime:HelloTimeoutSeconds", "300")]);
        TaskCompletionSource<int> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        HubSocketOptions Told(int which) => new()
        {
            Received = (target, _) =>
            {
                if (target == "Reconnect")
                {
                    told.TrySetResult(which);
                }
            },
        };
        HubSocket[] hubs = [await server.Connect("aoi", [], Told(0)), await server.Connect("beni", [], Told(1))];
        server.Get<Drain>().Begin();
        await Assert.ThrowsAsync<WebSocketException>(() => server.Connect("chiyo", []));
        _time.Advance(TimeSpan.FromSeconds(3));
        int first = await told.Task.WaitAsync(Signal.Patience, TimeProvider.System);
        await hubs[first].DisposeAsync();
        Scrape scrape = await Closed(server.Uri(), "drained", 1);
        Assert.Equal((1, 1), (scrape.Sum("connections_closed_total"), scrape["connections_refused_total{reason=\"draining\"}"]));

        // The other has not been told yet.
        server.Get<Drain>().Begin();
        Assert.True(server.Get<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        await hubs[1 - first].Closed.WaitAsync(Signal.Patience, TimeProvider.System);
        await Signal.Poll(() => server.Get<ConnectionRegistry>().Count == 0, "the connection to be gone");
        await Signal.Poll(() => Scrape.Of(server.Get<MeterCollector>()).Sum("connections_closed_total", "reason=\"stopped\"") == 1, "the end to be counted");
        Assert.Equal(2, Scrape.Of(server.Get<MeterCollector>()).Sum("connections_closed_total"));
        await hubs[1 - first].DisposeAsync();
    }

    [Fact]
    public async Task Who_is_not_let_in_is_counted_by_what_stands_in_the_way()
    {
        await using RunningServer server = await LiveServer.Start(
            _time, null, [("Limits:ConnectionsPerAddress", "1"), ("Realtime:UpgradesPerSecond", "1"), ("Realtime:UpgradesBurst", "2"), ("Proxies:0", "127.0.0.1")]);
        RestClient rest = new(server.Address) { Token = Tokens.For("aoi") };
        await using HubSocket only = await server.Connect("aoi", []);
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("rate_limited", 429);

        // From elsewhere there is room, but not for so many at once.
        rest.Headers["X-Forwarded-For"] = "203.0.113.1";
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).IsStatus(200);
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("overloaded", 503);
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("overloaded", 503);
        Scrape scrape = await Scrape.Of(server.Uri());
        foreach ((string reason, string limit, int times) in ((string, string, int)[])[("address", "address", 1), ("rate", "upgrade", 2)])
        {
            Assert.Equal(times, scrape[$"connections_refused_total{{reason=\"{reason}\"}}"]);
            Assert.Equal(times, scrape[$"rate_limited_total{{limit=\"{limit}\"}}"]);
        }
    }

    [Fact]
    public async Task Who_calls_writes_or_signs_in_too_often_is_counted_by_the_limit()
    {
        await using RunningServer server = await LiveServer.Start(
            _time,
            null,
            [
                ("Limits:CallsPerSecondPerConnection", "1"), ("Limits:CallsBurstPerConnection", "5"), ("Limits:SignInsPerMinutePerAddress", "1"),
                ("Limits:WritesPerSecondPerUser", "1"), ("Limits:WritesBurstPerUser", "1"), ("Limits:WritesPerSecondPerTenant", "1"), ("Limits:WritesBurstPerTenant", "2"),
            ]);
        await using HubSocket aoi = await server.Connect("aoi", ["general"]);
        Guid room = (await aoi.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        Assert.True((await aoi.Send(room, "one")).Seq() > 0);
        Assert.Equal("rate_limited", (await aoi.Send(room, "the user's second")).Code());
        await using HubSocket beni = await server.Connect("beni", ["general"]);
        Assert.True((await beni.Send(room, "two")).Seq() > 0);
        await using HubSocket chiyo = await server.Connect("chiyo", ["general"]);
        Assert.Equal("rate_limited", (await chiyo.Send(room, "the tenant's third")).Code());
        List<string?> codes = [];
        for (int i = 0; i < 6; i++)
        {
            codes.Add((await chiyo.Call("Rooms", new { })).Code());
        }

        RestClient anybody = server.Anonymous();
        int refused = 0;
        for (int i = 0; i < 3; i++)
        {
            refused += (await anybody.Post("/api/sign-in", new { userName = "nobody", password = RestClient.Password })).Status == 429 ? 1 : 0;
        }

        Scrape scrape = await Scrape.Of(server.Uri());
        Assert.Equal(1, scrape["rate_limited_total{limit=\"write_user\"}"]);
        Assert.Equal(1, scrape["rate_limited_total{limit=\"write_tenant\"}"]);
        Assert.Contains("rate_limited", codes);
        Assert.Equal(codes.Count(code => code == "rate_limited"), scrape["rate_limited_total{limit=\"call\"}"]);
        Assert.True(refused > 0);
        Assert.Equal(refused, scrape["rate_limited_total{limit=\"sign_in\"}"]);
    }

    /// <summary>Who follows the room and reads nothing more from now on.</summary>
    private static async Task<HubSocket> Frozen(RunningServer server, string user, Guid room, Gate gate)
    {
        bool isFrozen = false;
        HubSocket hub = await server.Connect(
            user, ["general"], new HubSocketOptions { ReceiveBufferBytes = 4_096, BeforeRead = _ => Volatile.Read(ref isFrozen) ? new ValueTask(gate.Pass()) : default });
        await hub.Resume(room);
        Volatile.Write(ref isFrozen, true);
        return hub;
    }

    private static bool Flood(HubSocket writer, Guid room)
    {
        string text = new('x', TextChars);
        JsonElement[] answers = Task.WhenAll(Enumerable.Range(0, 50).Select(_ => writer.Send(room, text))).GetAwaiter().GetResult();
        return Array.TrueForAll(answers, answer => answer.Seq() > 0);
    }

    private static Task<Scrape> Closed(Uri server, string reason, int times) =>
        Scrape.Until(server, scrape => scrape.Sum("connections_closed_total", $"reason=\"{reason}\"") == times, "a connection that ended: " + reason);
}
