using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>The real HAProxy with the shipped configuration before two real nodes.</summary>
[Lengthy]
public sealed class HaproxyTests
{
    private const int Writers = 8;
    private const string Key = "general";

    [Fact]
    public async Task All_transports_work_nodes_come_and_go_and_nobody_is_sent_where_nobody_is()
    {
        await using TwoProcesses nodes = await Balancer.StartNodes();
        await using Balancer balancer = await Balancer.StartHaproxy(nodes);
        await using ChatClient writer = new(() => balancer.Address, () => Tokens.For("writer", Key));
        await writer.Start();
        Guid room = Tokens.RoomOf(writer.Tenant, Key);
        RoomLog log = writer.Follow(room);
        await SpreadsAndSticks(balancer, room);
        await SignsInBehindTls(nodes, balancer);

        // Fallback connections to the node that goes, so that they have to move.
        await using FallbackHub events = await OnNode(balancer, FallbackTransport.ServerSentEvents, writer.Node!);
        await using FallbackHub polling = await OnNode(balancer, FallbackTransport.LongPolling, writer.Node!);
        string going = writer.Node!;
        string staying = TwoProcesses.OtherThan(going);
        await nodes[going].Tell("-TERM");
        await balancer.Until(going, "NOLB");

        // Who is there still is served there, and whoever comes, comes to the other.
        Assert.True((await polling.Call("Send", new { room, clientId = Guid.NewGuid(), text = "still on the one that goes" })).Seq() > 0);
        for (int i = 0; i < 6; i++)
        {
            await using HubSocket fresh = await HubSocket.Connect(balancer.Address, Tokens.For("fresh", Key));
            Assert.Equal(staying, NodeOf(await fresh.Hello()));
        }

        await polling.Changed.Until(() => polling.Received.Any(message => message.Target == "Reconnect"), "long polling to be sent away");
        await events.Changed.Until(() => events.Received.Any(message => message.Target == "Reconnect"), "Server-Sent Events to be sent away");
        Assert.Equal(0, await nodes[going].Ended());
        await writer.Changed.Until(() => writer.Moves == 1 && writer.Connections == 2, "the writer to move");
        Assert.Equal(staying, writer.Node);
        await balancer.Until(going, "DOWN");
        long seq = (await writer.Send(room, "on the one that stays")).Seq();
        await writer.Reach(log, seq);

        // Back in service, and the other dies without a word.
        await nodes[going].Restart();
        await balancer.Until(going, "UP");
        await nodes[staying].Kill9();
        seq = (await writer.Send(room, "after the death").WaitAsync(Signal.Patience)).Seq();
        await writer.Reach(log, seq);
        Assert.Equal(going, writer.Node);
        await using FallbackHub again = await FallbackHub.Connect(balancer.Address, Tokens.For("again", Key), FallbackTransport.LongPolling);
        Assert.Equal(going, NodeOf(await again.Call("Hello", new { protocol = 1 })));
        Assert.Empty(writer.Faults);
        Assert.Equal(Enumerable.Range(1, (int)log.Last).Select(i => (long)i), log.Events.Select(e => e.Seq));
        Assert.DoesNotContain("access_token", balancer.Output, StringComparison.Ordinal);
        Assert.Contains("/hub", balancer.Output, StringComparison.Ordinal);
    }

    /// <summary>Nobody loses anything, and hardly anybody waits.</summary>
    [Fact]
    public async Task A_rolling_restart_under_load_loses_nothing_and_delays_little()
    {
        await using TwoProcesses nodes = await Balancer.StartNodes();
        await using Balancer balancer = await Balancer.StartHaproxy(nodes);
        ChatClient[] clients = [.. Enumerable.Range(0, Writers).Select(i => new ChatClient(() => balancer.Address, () => Tokens.For($"writer{i}", Key)))];
        foreach (ChatClient client in clients)
        {
            await client.Start();
        }

        Guid room = Tokens.RoomOf(clients[0].Tenant, Key);
        ConcurrentDictionary<string, long> sentAt = new(StringComparer.Ordinal);
        ConcurrentQueue<(double Ms, double AtSecond)> delays = [];
        List<string> phases = [];
        long begun = TimeProvider.System.GetTimestamp();
        RoomLog[] views = [.. clients.Select(client => client.Follow(room))];
        foreach (RoomLog view in views)
        {
            view.Applied = e =>
            {
                if (e.Text is not null && sentAt.TryGetValue(e.Text, out long at))
                {
                    delays.Enqueue((TimeProvider.System.GetElapsedTime(at).TotalMilliseconds, TimeProvider.System.GetElapsedTime(begun).TotalSeconds));
                }
            };
        }

        ConcurrentQueue<Acknowledged> acknowledged = [];
        using CancellationTokenSource enough = new();
        Task[] writing = [.. clients.Select((client, i) => Task.Run(() => WriteOneByOne(client, i, room, sentAt, acknowledged, enough.Token)))];
        foreach (string node in (string[])["node1", "node2"])
        {
            int before = acknowledged.Count;
            await Signal.Poll(() => acknowledged.Count > before + 100, "messages");
            phases.Add($"{node} told to stop at {TimeProvider.System.GetElapsedTime(begun).TotalSeconds:F1} s");
            (int exitCode, _) = await nodes[node].Terminate();
            Assert.Equal(0, exitCode);
            phases.Add($"started again at {TimeProvider.System.GetElapsedTime(begun).TotalSeconds:F1} s");
            await nodes[node].Restart();
            await balancer.Until(node, "UP");
        }

        int last = acknowledged.Count;
        await Signal.Poll(() => acknowledged.Count > last + 100, "messages");
        await enough.CancelAsync();
        await Task.WhenAll(writing).WaitAsync(Signal.Patience);
        RoomLog log = await LogCheck.Read(balancer.Address, Tokens.For("writer0", Key), room);
        LogCheck.KeepsOrder(log);
        LogCheck.Holds(log, acknowledged);
        for (int i = 0; i < clients.Length; i++)
        {
            await clients[i].Reach(views[i], log.Last);
            LogCheck.Same(log, views[i]);
            Assert.Empty(clients[i].Faults);
            Assert.True(clients[i].Moves >= 1, "It was never asked to move.");
            Assert.InRange(clients[i].Connections, 2, 4);
            await clients[i].DisposeAsync();
        }

        double[] sorted = [.. delays.Select(delay => delay.Ms).Order()];
        (double median, double p99, double most) = (sorted[sorted.Length / 2], sorted[(int)(sorted.Length * 0.99)], sorted[^1]);
        IEnumerable<string> late = delays.Where(delay => delay.Ms > 1_000).GroupBy(delay => (int)delay.AtSecond).OrderBy(group => group.Key).Select(group => $"{group.Key} s: {group.Count()}");
        string figures = $"{sorted.Length} deliveries: median {median:F0} ms, p99 {p99:F0} ms, most {most:F0} ms. {string.Join(", ", phases)}. Later than a second: {string.Join(", ", late)}";
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
        Assert.True(p99 < 2_000, figures);
    }

    private static async Task WriteOneByOne(
        ChatClient client, int writer, Guid room, ConcurrentDictionary<string, long> sentAt, ConcurrentQueue<Acknowledged> acknowledged, CancellationToken enough)
    {
        using PeriodicTimer pace = new(TimeSpan.FromMilliseconds(40), TimeProvider.System);
        for (int i = 0; !enough.IsCancellationRequested; i++)
        {
            string text = $"{writer}:{i}";
            sentAt[text] = TimeProvider.System.GetTimestamp();
            JsonElement answer = await client.Send(room, text);
            acknowledged.Enqueue(new Acknowledged(client.User, text, answer.Seq()));
            await pace.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    /// <summary>New connections go to both nodes, and those of many requests stay where they are.</summary>
    private static async Task SpreadsAndSticks(Balancer balancer, Guid room)
    {
        foreach (FallbackTransport transport in Enum.GetValues<FallbackTransport>())
        {
            HashSet<string> seen = [];
            for (int i = 0; i < 4; i++)
            {
                await using FallbackHub hub = await FallbackHub.Connect(balancer.Address, Tokens.For($"{transport}", Key), transport);
                seen.Add(NodeOf(await hub.Call("Hello", new { protocol = 1 })));
                Assert.Contains("monstera_node=", hub.CookiesText, StringComparison.Ordinal);
                await hub.Call("Resume", new { rooms = new[] { new { room } } });
                string text = $"{transport} {i}";
                Assert.True((await hub.Call("Send", new { room, clientId = Guid.NewGuid(), text })).Seq() > 0);
                await hub.Changed.Until(() => hub.Received.Any(message => message.Argument.GetRawText().Contains(text, StringComparison.Ordinal)), text);
            }

            Assert.Equal(2, seen.Count);
        }

        HashSet<string> sockets = [];
        List<HubSocket> hubs = [];
        for (int i = 0; i < 4; i++)
        {
            hubs.Add(await HubSocket.Connect(balancer.Address, Tokens.For("sockets", Key)));
            sockets.Add(NodeOf(await hubs[^1].Hello()));
        }

        Assert.Equal(2, sockets.Count);
        await Task.WhenAll(hubs.Select(hub => hub.DisposeAsync().AsTask()));
    }

    /// <summary>What a browser says of itself is not believed, and what the balancer says is: here that it speaks no TLS.</summary>
    private static async Task SignsInBehindTls(TwoProcesses nodes, Balancer balancer)
    {
        RestClient direct = new(nodes.First.Address.GetLeftPart(UriPartial.Authority));
        (await direct.Post("/api/setup", new { workspaceName = "Green", userName = "owner", displayName = "Owner", password = RestClient.Password })).IsStatus(201);
        RestClient through = new(balancer.Address.GetLeftPart(UriPartial.Authority));
        through.Headers["X-Forwarded-Proto"] = "https";
        through.Headers["X-Forwarded-For"] = "203.0.113.5";
        Answer answer = (await through.Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).IsStatus(200);
        Assert.DoesNotContain("secure", answer.Header("Set-Cookie")!, StringComparison.OrdinalIgnoreCase);

        // As a balancer that ends TLS says it.
        direct.Headers["X-Forwarded-Proto"] = "https";
        answer = (await direct.Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).IsStatus(200);
        Assert.Contains("secure", answer.Header("Set-Cookie")!, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<FallbackHub> OnNode(Balancer balancer, FallbackTransport transport, string node)
    {
        while (true)
        {
            FallbackHub hub = await FallbackHub.Connect(balancer.Address, Tokens.For("other", Key), transport);
            if (NodeOf(await hub.Call("Hello", new { protocol = 1 })) == node)
            {
                return hub;
            }

            await hub.DisposeAsync();
        }
    }

    private static string NodeOf(JsonElement hello) => hello.GetProperty("server").GetProperty("node").GetString()!;
}
