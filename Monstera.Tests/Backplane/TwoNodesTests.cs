using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Backplane;

/// <summary>Two servers as they are shipped, on one PostgreSQL database and one Redis: nobody can tell which one a client is on, whatever becomes of Redis.</summary>
public sealed class TwoNodesTests
{
    private const string Password = "hunter2-never-shown";
    private static readonly string[] Keys = ["general", "random"];

    private readonly ConcurrentQueue<Acknowledged>[] _acknowledged = [new(), new()];
    private long _slowest;

    [Fact]
    public async Task Whatever_becomes_of_Redis_no_send_fails_everybody_gets_all_in_order_and_it_is_quick_again_soon()
    {
        using RedisServer redis = RedisServer.Start();

        // Comparing heads must not make up for what the backplane should do.
        await using TwoProcesses nodes = await TwoProcesses.Start(redis.ConnectionString, ("Realtime:HeadComparisonSeconds", "600"), ("Realtime:AwayPollMs", "1000"));
        ServerProcess[] servers = [nodes.First, nodes.Second];
        ChatClient[] clients = [.. Enumerable.Range(0, 4).Select(i => new ChatClient(() => servers[i % 2].Address, () => Tokens.For($"writer{i}", Keys)))];
        foreach (ChatClient client in clients)
        {
            await client.Start();
        }

        Guid[] rooms = [.. Keys.Select(key => Tokens.RoomOf(clients[0].Tenant, key))];
        RoomLog[][] views = [.. rooms.Select(room => clients.Select(client => client.Follow(room)).ToArray())];
        await IsQuick(clients, rooms[0], views[0]);

        using CancellationTokenSource enough = new();
        Task[] sending = [.. clients.Select((client, writer) => Task.Run(() => WriteOneByOne(client, writer, rooms, enough.Token)))];
        (Action Harm, Action Mend, bool IsAway)[] harms =
        [
            (redis.Freeze, redis.Thaw, true), (redis.Stop, redis.Restart, true), (() => redis.Command("FLUSHALL"), () => { }, false), (redis.Restart, () => { }, false),
        ];
        foreach ((Action harm, Action mend, bool isAway) in harms)
        {
            await More(100);
            await Task.Run(harm);
            await More(100);
            if (isAway)
            {
                // Without Redis too.
                await clients[1].Reach(views[0][1], await Send(clients[0], 0, rooms[0], $"{Guid.NewGuid()}"));
                await clients[0].Reach(views[0][0], await Send(clients[1], 0, rooms[0], $"{Guid.NewGuid()}"));
            }

            await Task.Run(mend);
            await More(100);
        }

        await enough.CancelAsync();
        await Task.WhenAll(sending).WaitAsync(TimeSpan.FromSeconds(60));
        await IsQuick(clients, rooms[0], views[0]);
        for (int i = 0; i < rooms.Length; i++)
        {
            RoomLog log = await LogCheck.Read(servers[i].Address, Tokens.For("writer0", Keys), rooms[i]);
            LogCheck.KeepsOrder(log);
            LogCheck.Holds(log, _acknowledged[i]);
            for (int c = 0; c < clients.Length; c++)
            {
                await clients[c].Reach(views[i][c], log.Last);
                LogCheck.Same(log, views[i][c]);
                Assert.Empty(clients[c].Faults);
                Assert.Equal(1, clients[c].Connections);
            }
        }

        Assert.InRange(TimeSpan.FromMilliseconds(_slowest), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        foreach (ChatClient client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_server_starts_without_Redis_and_says_once_that_it_is_away_and_once_that_it_is_there()
    {
        int port = PostgresTools.FreePort();
        await using ServerProcess server = await ServerProcess.Start(
            ("Backplane", "redis"), ("ConnectionStrings:Redis", $"127.0.0.1:{port},password={Password}"));
        await Signal.Poll(() => server.Output.Contains("Redis is away", StringComparison.Ordinal), "the log to say it");
        RestClient probe = new(server.Address.GetLeftPart(UriPartial.Authority));
        (await probe.Get("/healthz/ready")).IsStatus(200);
        await using ChatClient client = new(() => server.Address, () => Tokens.For("ann", Keys));
        await client.Start();
        Guid room = Tokens.RoomOf(client.Tenant, Keys[0]);
        Assert.True((await client.Send(room, "without Redis")).Seq() > 0);

        using RedisServer redis = RedisServer.StartAt(port, "--requirepass", Password);
        await Signal.Poll(() => server.Output.Contains("Redis is there", StringComparison.Ordinal), "the log to say it");
        Assert.True((await client.Send(room, "with Redis")).Seq() > 0);
        Assert.Single(server.Output.Split('\n'), line => line.Contains("Redis is away", StringComparison.Ordinal));
        Assert.DoesNotContain(Password, server.Output, StringComparison.Ordinal);
    }

    /// <summary>Eight messages one after another cross from node to node sooner than reading the log could bring them.</summary>
    private async Task IsQuick(ChatClient[] clients, Guid room, RoomLog[] views)
    {
        using CancellationTokenSource patience = new(Signal.Patience);
        for (int inARow = 0, from = 0; inARow < 8; from ^= 1)
        {
            patience.Token.ThrowIfCancellationRequested();
            long begun = TimeProvider.System.GetTimestamp();
            long seq = await Send(clients[from], 0, room, $"{Guid.NewGuid()}");
            await clients[1 - from].Reach(views[1 - from], seq);
            inARow = TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromMilliseconds(300) ? inARow + 1 : 0;
        }
    }

    private Task More(int messages)
    {
        int before = _acknowledged.Sum(queue => queue.Count);
        return Signal.Poll(() => _acknowledged.Sum(queue => queue.Count) - before >= messages, "acknowledgements");
    }

    private async Task WriteOneByOne(ChatClient client, int writer, Guid[] rooms, CancellationToken enough)
    {
        for (int i = 0; !enough.IsCancellationRequested; i++)
        {
            long begun = TimeProvider.System.GetTimestamp();
            await Send(client, i % rooms.Length, rooms[i % rooms.Length], $"{writer}:{i}").WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
            long took = (long)TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds;
            if (took > Volatile.Read(ref _slowest))
            {
                Volatile.Write(ref _slowest, took);
            }
        }
    }

    private async Task<long> Send(ChatClient client, int index, Guid room, string text)
    {
        JsonElement answer = await client.Send(room, text);
        _acknowledged[index].Enqueue(new Acknowledged(client.User, text, answer.Seq()));
        return answer.Seq();
    }
}
