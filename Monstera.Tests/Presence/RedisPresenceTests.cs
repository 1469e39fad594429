using System.Text.Json;
using Monstera.Server.Presence;
using Monstera.Server.Redis;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Presence;

public sealed class RedisPresenceTablesTests : PresenceTablesContract, IAsyncLifetime
{
    private RedisClient _redis = null!;

    protected override IPresenceTables Tables => new RedisPresenceTables(_redis);

    public async ValueTask InitializeAsync() => _redis = await RedisServer.Shared.Connect();

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task Without_Redis_nothing_is_written_or_read_and_nothing_throws()
    {
        await using RedisClient away = RedisServer.NewClient($"127.0.0.1:{PostgresTools.FreePort()}");
        RedisPresenceTables tables = new(away);
        CancellationToken cancel = TestContext.Current.CancellationToken;
        Assert.False(await tables.Write(Guid.NewGuid(), 1, [], whole: true, TimeSpan.FromSeconds(1), cancel));
        Assert.Null(await tables.Read(Guid.NewGuid(), cancel));
        await tables.Remove(Guid.NewGuid(), cancel);
    }

    protected override async Task Expire(TimeSpan lease, Func<Task<bool>> isGone)
    {
        long begun = TimeProvider.System.GetTimestamp();
        while (!await isGone() && TimeProvider.System.GetElapsedTime(begun) < Signal.Patience)
        {
            // Redis keeps its own time.
        }
    }
}

/// <summary>The servers as they are shipped, with a Redis that stops and nodes that are killed.</summary>
[Lengthy]
public sealed class RedisPresenceTests : IAsyncDisposable
{
    private const int LeaseSeconds = 4;
    private const int HeartbeatSeconds = 1;
    private const string Key = "general";

    private readonly RedisServer _redis = RedisServer.Start();
    private readonly string _database = PostgresServer.Shared.CreateEmptyDatabase();
    private readonly List<ServerProcess> _nodes = [];
    private readonly List<HubSocket> _hubs = [];

    public async ValueTask DisposeAsync()
    {
        foreach (HubSocket hub in _hubs)
        {
            await hub.DisposeAsync();
        }

        foreach (ServerProcess node in _nodes)
        {
            await node.DisposeAsync();
        }

        _redis.Dispose();
    }

    /// <summary>
    /// 1. What is so on one node is known on the other, and to one that starts late. 2. Redis goes: nobody flickers. 3. It comes back empty: what changed meanwhile is seen.
    /// 4. A node is killed: its users are gone after the lease and not before, but for those who have a device elsewhere.
    /// </summary>
    [Fact]
    public async Task Presence_of_real_nodes_survives_Redis_and_ends_with_the_lease_of_a_node_that_is_killed()
    {
        await StartNode(isFirst: true);
        await Task.WhenAll(StartNode(), StartNode());
        (ServerProcess dies, ServerProcess lives) = (_nodes[0], _nodes[1]);
        RestClient rest = new(lives.Address.GetLeftPart(UriPartial.Authority)) { Token = Tokens.For("ghost", Key) };
        Assert.Equal(200, (await rest.Put("/api/me/presence", new { choice = "invisible" })).Status);

        // 1.
        (HubSocket looks, SeenMessages seen) = await Connect(lives, "looks");
        Guid room = Tokens.RoomOf((await looks.Hello()).GetProperty("tenant").GetProperty("id").GetGuid(), Key);
        await looks.Call("Open", new { room });
        Guid ghost = await UserOf((await Connect(dies, "ghost")).Hub);
        Guid aoi = await UserOf((await Connect(dies, "aoi")).Hub);
        Guid beni = await UserOf((await Connect(dies, "beni")).Hub);
        await Connect(lives, "beni");
        await seen.Changed.Until(() => (LastOf(seen, aoi), LastOf(seen, beni)) == ("online", "online"), "those who came");
        ServerProcess late = await StartNode();
        (HubSocket guest, _) = await Connect(late, "guest");
        await Signal.Poll(() => Online(guest.Call("Open", new { room }).Result).IsSupersetOf([aoi, beni]), "the tables on a node that started late");
        Assert.DoesNotContain(ghost, Online(await guest.Call("Open", new { room })));

        // 2.
        long stopped = TimeProvider.System.GetTimestamp();
        _redis.Stop();
        Guid cho = await UserOf((await Connect(dies, "cho")).Hub);
        await Signal.Poll(() => TimeProvider.System.GetElapsedTime(stopped) > TimeSpan.FromSeconds(LeaseSeconds + 2), "the lease, and more");
        Assert.Equal(["online"], States(seen, aoi));
        Assert.Equal(["online"], States(seen, beni));
        Assert.Empty(States(seen, cho));

        // 3.
        _redis.Restart();
        await seen.Changed.Until(() => LastOf(seen, cho) == "online", "who came meanwhile");
        Assert.Equal(["online"], States(seen, aoi));

        // 4.
        long killed = TimeProvider.System.GetTimestamp();
        await dies.Kill9();
        await seen.Changed.Until(() => LastOf(seen, aoi) == "offline" && LastOf(seen, cho) == "offline", "the end of those on the node that was killed");
        Assert.InRange(TimeProvider.System.GetElapsedTime(killed).TotalSeconds, LeaseSeconds - HeartbeatSeconds - 0.5, LeaseSeconds + 4);
        Assert.Equal(["online"], States(seen, beni));
        Assert.Empty(States(seen, ghost));
    }

    private async Task<ServerProcess> StartNode(bool isFirst = false)
    {
        (string, string)[] owner = isFirst ? [("ConnectionStrings:Owners:Directory", PostgresServer.Shared.OwnerConnection(_database))] : [];
        ServerProcess node = await ServerProcess.Start(
        [
            ("Storage", "postgres"),
            ("ConnectionStrings:Directory", PostgresServer.Shared.AppConnection(_database)),
            ("ConnectionStrings:Shards:0", PostgresServer.Shared.AppConnection(_database)),
            ("Backplane", "redis"),
            ("ConnectionStrings:Redis", _redis.ConnectionString),
            ("Presence:LeaseSeconds", $"{LeaseSeconds}"),
            ("Presence:HeartbeatSeconds", $"{HeartbeatSeconds}"),
            .. owner,
        ]);
        lock (_nodes)
        {
            _nodes.Add(node);
        }

        return node;
    }

    private async Task<(HubSocket Hub, SeenMessages Seen)> Connect(ServerProcess node, string user)
    {
        SeenMessages seen = new();
        HubSocket hub = await HubSocket.Connect(node.Address, Tokens.For(user, Key), new HubSocketOptions { Received = seen.Take });
        _hubs.Add(hub);
        await hub.Hello();
        return (hub, seen);
    }

    private static HashSet<Guid> Online(JsonElement open) => [.. open.GetProperty("online").EnumerateArray().Select(user => user.GetGuid())];

    private static async Task<Guid> UserOf(HubSocket hub) => (await hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();

    private static string[] States(SeenMessages seen, Guid user) =>
        [.. seen.Signals("presence").Where(signal => signal.GetProperty("user").GetGuid() == user).Select(signal => signal.GetProperty("state").GetString()!)];

    private static string? LastOf(SeenMessages seen, Guid user) => States(seen, user).LastOrDefault();
}
