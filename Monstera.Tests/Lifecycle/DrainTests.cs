using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Monstera.Server.Lifecycle;
using Monstera.Server.Realtime;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Lifecycle;

/// <summary>A node that is told to stop goes out of service before it stops.</summary>
public sealed class DrainTests
{
    private const int Crowd = 24;

    /// <summary>One beat of the waves.</summary>
    private const int BeatMs = 250;

    private const int Waves = 16;

    private static readonly (string, string)[] Slowly =
        [("Lifecycle:SettleSeconds", "3"), ("Lifecycle:DrainSeconds", "4"), ("Realtime:ClientTimeoutSeconds", "900"), ("Realtime:HelloTimeoutSeconds", "300")];

    [Fact]
    public async Task First_it_is_not_ready_and_lets_nobody_in_and_all_else_goes_on()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, Slowly);
        await using HubSocket hub = await server.Connect("aoi", ["general"]);
        await using FallbackHub polling = await FallbackHub.Connect(server.Uri(), Tokens.For("beni", "general"), FallbackTransport.LongPolling);
        await polling.Call("Hello", new { protocol = 1 });
        Guid room = (await hub.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();

        server.Get<Drain>().Begin();

        Answer ready = (await server.Anonymous().Get("/healthz/ready")).IsStatus(503);
        Assert.Equal("""{"status":"draining"}""", ready.Text);
        (await server.Anonymous().Get("/healthz/live")).IsStatus(200);
        foreach (string path in (string[])["/hub", "/HUB"])
        {
            WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(() => server.Connect("beni", [], new HubSocketOptions { Path = path }));
            Assert.Contains("503", refused.Message, StringComparison.Ordinal);
        }

        RestClient rest = new(server.Address) { Token = Tokens.For("aoi", "general") };
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("overloaded", 503);
        rest.Headers["Accept"] = "text/event-stream";
        (await rest.Get("/hub?id=anything")).Is("overloaded", 503);
        rest.Headers.Clear();

        // Nobody was told yet: balancers may not have noticed.
        Answer mine = (await rest.Get("/api/rooms")).IsStatus(200);
        Assert.Equal("close", mine.Header("Connection"));
        Assert.True((await hub.Send(room, "still here")).Seq() > 0);
        Assert.True((await polling.Call("Send", new { room, clientId = Guid.NewGuid(), text = "here too" })).Seq() > 0);
        Assert.True(hub.IsOpen);
        Assert.DoesNotContain(polling.Received, message => message.Target == "Reconnect");
        Assert.False(server.Get<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
    }

    [Fact]
    public async Task Then_it_sends_its_connections_away_in_waves_answers_what_was_called_and_stops()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, [.. Slowly, ("Limits:ConnectionsPerUser", "100")], GatedRoomStore.Use);
        ConnectionRegistry registry = server.Get<ConnectionRegistry>();
        List<int> afterMs = [];
        void Take(string target, JsonElement argument)
        {
            if (target == "Reconnect")
            {
                lock (afterMs)
                {
                    afterMs.Add(argument.GetProperty("afterMs").GetInt32());
                }
            }
        }

        List<HubSocket> hubs = [];
        for (int i = 0; i < Crowd; i++)
        {
            hubs.Add(await server.Connect("aoi", ["general"], new HubSocketOptions { Received = Take, Path = i % 2 == 0 ? "/hub" : "/HUB" }));
        }

        await using FallbackHub events = await FallbackHub.Connect(server.Uri(), Tokens.For("aoi"), FallbackTransport.ServerSentEvents);
        await using FallbackHub polling = await FallbackHub.Connect(server.Uri(), Tokens.For("aoi"), FallbackTransport.LongPolling);
        Guid room = (await hubs[0].Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();

        // A write that is under way when its connection is sent away.
        GatedRoomStore store = (GatedRoomStore)server.Get<Monstera.Data.Rooms.IRoomStore>();
        Gate gate = new();
        store.BeforeAppend = _ => gate.Pass();
        Task<JsonElement> inFlight = hubs[0].Send(room, "under way");
        await gate.Reached;

        CancellationToken stopping = server.Get<IHostApplicationLifetime>().ApplicationStopping;
        server.Get<Drain>().Begin();
        time.Advance(TimeSpan.FromSeconds(3));
        int expected = 0;
        for (int wave = 0; expected < Crowd + 2; wave++)
        {
            // As many at each beat as it takes to be through in time.
            expected += (Crowd + 2 - expected + Waves - wave - 1) / (Waves - wave);
            await Signal.Poll(() => Told() == expected, $"{expected} to be told (are {Told()})");
            Assert.False(stopping.IsCancellationRequested);
            if (wave == 4)
            {
                gate.Open();
                Assert.True((await inFlight).Seq() > 0);
            }

            time.AdvanceMs(BeatMs);
        }

        // They do not go by themselves: two seconds later they are let go.
        for (int beats = 0; !stopping.IsCancellationRequested; beats++)
        {
            Assert.True(beats < 10_000, "It does not end.");
            time.AdvanceMs(BeatMs);
            await Task.Yield();
        }

        Assert.True(afterMs.Distinct().Count() > 4, "They would come back all at once.");
        foreach (HubSocket hub in hubs)
        {
            await hub.Closed.WaitAsync(Signal.Patience, TimeProvider.System);
            await hub.DisposeAsync();
        }

        await Signal.Poll(() => registry.Count == 0, "the connections to be gone");

        int Told()
        {
            lock (afterMs)
            {
                return afterMs.Count + events.Received.Concat(polling.Received).Count(message => message.Target == "Reconnect");
            }
        }
    }

    [Fact]
    public async Task When_nobody_is_there_only_balancers_are_waited_for()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, Slowly);
        CancellationToken stopping = server.Get<IHostApplicationLifetime>().ApplicationStopping;
        server.Get<Drain>().Begin();
        Assert.False(stopping.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(3));
        await Signal.Poll(() => stopping.IsCancellationRequested, "the end");
    }

    [Fact]
    public async Task Told_again_it_waits_for_nobody()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, Slowly);
        await using HubSocket hub = await server.Connect("aoi", []);
        server.Get<Drain>().Begin();
        Assert.False(server.Get<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        server.Get<Drain>().Begin();
        Assert.True(server.Get<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        await hub.Closed.WaitAsync(Signal.Patience, TimeProvider.System);
    }

    /// <summary>As Ctrl-C does. The signal itself cannot be sent by a test: whatever a shell runs in the background ignores it.</summary>
    [Fact]
    public async Task Who_sits_at_a_terminal_does_not_wait()
    {
        await using RunningServer server = await LiveServer.Start(null, null, Slowly);
        await using HubSocket hub = await server.Connect("aoi", []);
        server.Get<Drain>().Hurry();
        Assert.True(server.Get<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        await hub.Closed.WaitAsync(Signal.Patience, TimeProvider.System);
    }

    [Fact]
    public async Task A_node_alone_stops_at_once()
    {
        await using RunningServer server = await LiveServer.Start();
        server.Get<Drain>().Begin();
        Assert.True(server.Get<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
    }

    [Fact]
    public async Task SIGTERM_drains_and_a_second_one_hurries()
    {
        Requires.Unix("SIGTERM");
        await using ServerProcess server = await ServerProcess.Start(("Lifecycle:SettleSeconds", "600"), ("Lifecycle:DrainSeconds", "600"));
        await using HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("aoi"));
        RestClient rest = new(server.Address.GetLeftPart(UriPartial.Authority));
        await server.Tell("-TERM");
        await Signal.Poll(() => server.Output.Contains("sent to other nodes", StringComparison.Ordinal), "the server to say so");
        Assert.Equal("""{"status":"draining"}""", (await rest.Get("/healthz/ready")).IsStatus(503).Text);
        Assert.True(hub.IsOpen);
        (int exitCode, TimeSpan took) = await server.Terminate();
        Assert.Equal(0, exitCode);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await hub.Closed.WaitAsync(Signal.Patience, TimeProvider.System);
    }
}
