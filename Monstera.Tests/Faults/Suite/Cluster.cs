using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Npgsql;

namespace Monstera.Tests.Faults.Suite;

/// <summary>An installation as it is shipped: nodes as processes, a Redis with a replica, two PostgreSQL servers with two shards; and on each way between them a link that can fail.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    public const int Shards = 2;

    /// <summary>Small bounds, so that whoever reads slowly comes to the end of them, and patience that suits a test.</summary>
    private static readonly (string Key, string Value)[] NodeSettings =
    [
        ("Storage", "postgres"), ("Backplane", "redis"), ("Postgres:ConnectTimeoutSeconds", "2"), ("Postgres:StatementTimeoutSeconds", "5"),
        ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"), ("Limits:CallsPerSecondPerConnection", "0"),
        ("Realtime:SendBufferBytes", "8192"), ("Realtime:TailEventsMax", "128"), ("Proxies:0", "127.0.0.1"), ("Limits:ConnectionsPerAddress", "100000"),
        ("Lifecycle:SettleSeconds", "2"), ("Lifecycle:DrainSeconds", "1"), ("DOTNET_gcServer", "0"),
    ];

    private readonly List<ClusterNode> _nodes = [];
    private readonly PostgresServer[] _servers;
    private readonly string[] _databases;
    private Balancer? _balancer;

    private Cluster(RedisPair redis, PostgresServer[] servers)
    {
        Redis = redis;
        _servers = servers;
        _databases = [.. Enum.GetValues<Database>().Select(database => ServerOf(database).CreateEmptyDatabase())];
    }

    public RedisPair Redis { get; }

    public IReadOnlyList<ClusterNode> Nodes => _nodes;

    public static async Task<Cluster> Start(int nodes)
    {
        // What dies here are processes, never the machine: nothing need be flushed for that.
        PostgresServer[] servers = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => PostgresServer.Start([.. PostgresServer.Hasty]))));
        Cluster cluster = new(await Task.Run(() => new RedisPair()), servers);
        try
        {
            await cluster.StartNodes(nodes);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public PostgresServer ServerOf(Database database) => _servers[database == Database.Second ? 1 : 0];

    /// <summary>Where a client connects.</summary>
    public Uri Entrance() => _balancer!.Address;

    /// <summary>All nodes find Redis behind this port from now on.</summary>
    public void LeadToRedis(int port) => _nodes.ForEach(node => node.Redis.Lead(port));

    /// <summary>The shard of each slot.</summary>
    public async Task<IReadOnlyList<short>> ShardsOfSlots()
    {
        await using NpgsqlConnection connection = await PostgresDesk.Open(Owner(Database.Directory));
        return await connection.Scalar<short[]>("SELECT array_agg(shard ORDER BY slot) FROM directory.slot_map");
    }

    /// <summary>As an operator moves slots, while they are used; back when the command has ended well.</summary>
    public Task MoveSlots(int from, int to, IEnumerable<short> slots) => CommandProcess.Run(
        exitCode: 0,
        $"shards move-slots --from {from} --to {to} --slots {string.Join(',', slots)} --soak 1s",
        [
            ("Storage", "postgres"),
            .. Enum.GetValues<Database>().Select(database => ($"ConnectionStrings:{KeyOf(database)}", App(database, ServerOf(database).Port))),
            .. Enum.GetValues<Database>().Select(database => ($"ConnectionStrings:Owners:{KeyOf(database)}", Owner(database))),
        ]);

    public async ValueTask DisposeAsync()
    {
        _balancer?.Dispose();
        foreach (ClusterNode node in _nodes)
        {
            await node.DisposeAsync();
        }

        Redis.Dispose();
        Array.ForEach(_servers, server => server.Dispose());
    }

    private async Task StartNodes(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _nodes.Add(new ClusterNode(i, new Link(Redis.Primary.Port), [.. Enum.GetValues<Database>().Select(database => new Link(ServerOf(database).Port))]));
        }

        MakeSchemas();
        GiveSlots();
        await Task.WhenAll(_nodes.Select(node => node.Start(
            [.. NodeSettings, .. Enum.GetValues<Database>().Select(database => ($"ConnectionStrings:{KeyOf(database)}", App(database, node.To(database).Port)))])));
        _balancer = await Balancer.Start([.. _nodes.Select(node => node.Address)]);
    }

    private static string KeyOf(Database database) => database == Database.Directory ? "Directory" : $"Shards:{(int)database - 1}";

    private string App(Database database, int port) =>
        new NpgsqlConnectionStringBuilder(ServerOf(database).AppConnection(_databases[(int)database])) { Port = port }.ConnectionString;

    private string Owner(Database database) => ServerOf(database).OwnerConnection(_databases[(int)database]);

    private void MakeSchemas()
    {
        Guid installation;
        using (PostgresDatabase directory = PostgresDatabase.Open(AsOwner(Database.Directory), PostgresParts.Directory))
        {
            installation = PostgresInstallation.Read(directory).Id;
        }

        PostgresDatabase.Open(AsOwner(Database.First), PostgresParts.Rooms, new ShardIdentity(0, installation)).Dispose();
        PostgresDatabase.Open(AsOwner(Database.Second), PostgresParts.Rooms, new ShardIdentity(1, installation)).Dispose();
    }

    private PostgresOptions AsOwner(Database database) => new() { ConnectionString = App(database, ServerOf(database).Port), OwnerConnectionString = Owner(database) };

    /// <summary>Every second slot to the second shard, as moves of empty slots leave it.</summary>
    private void GiveSlots()
    {
        PostgresServer.Execute(
            Owner(Database.Second), "INSERT INTO rooms.slot_owner (slot, epoch, state) SELECT slot, 2, 1 FROM generate_series(0, 4095) slot WHERE slot % 2 = 1");
        PostgresServer.Execute(Owner(Database.First), "UPDATE rooms.slot_owner SET state = 2, epoch = 2 WHERE slot % 2 = 1");
        PostgresServer.Execute(
            Owner(Database.Directory),
            "INSERT INTO directory.shard (id, name, state) VALUES (1, 'second', 1)",
            "UPDATE directory.slot_map SET shard = 1, epoch = 2 WHERE slot % 2 = 1",
            "UPDATE directory.slot_map_version SET version = version + 1");
    }
}
