using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Redis;

/// <summary>A real Redis Cluster of three masters, and a replica of the first if that is asked for.</summary>
internal sealed class RedisCluster : IDisposable
{
    private RedisCluster(RedisServer[] masters, RedisServer? replica) => (Masters, Replica) = (masters, replica);

    public RedisServer[] Masters { get; }

    public RedisServer? Replica { get; }

    public string ConnectionString => string.Join(',', Masters.Select(master => master.ConnectionString));

    /// <summary>Back when all of them say that the cluster is whole.</summary>
    public static async Task<RedisCluster> Start(bool withReplica = false)
    {
        int[] busses = [.. Enumerable.Range(0, withReplica ? 4 : 3).Select(_ => PostgresTools.FreePort())];
        RedisServer[] servers = await Task.WhenAll(busses.Select((bus, i) => Task.Run(() => RedisServer.Start(
            "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000", "--cluster-port", $"{bus}", "--repl-diskless-sync-delay", "0"))));
        int[] bounds = [0, 5_461, 10_923, 16_384];
        for (int i = 0; i < servers.Length; i++)
        {
            if (i < 3)
            {
                Ok(servers[i], $"CLUSTER ADDSLOTSRANGE {bounds[i]} {bounds[i + 1] - 1}");
            }

            Ok(servers[i], $"CLUSTER SET-CONFIG-EPOCH {i + 1}");
            if (i > 0)
            {
                Ok(servers[0], $"CLUSTER MEET 127.0.0.1 {servers[i].Port} {busses[i]}");
            }
        }

        await Signal.Poll(
            () => servers.All(server => server.Command("CLUSTER INFO") is var info
                && info.Contains("cluster_state:ok", StringComparison.Ordinal) && info.Contains($"cluster_known_nodes:{servers.Length}", StringComparison.Ordinal)),
            "the cluster to be whole");
        RedisCluster cluster = new(servers[..3], servers.Skip(3).SingleOrDefault());
        if (cluster.Replica is { } replica)
        {
            Ok(replica, $"CLUSTER REPLICATE {IdOf(servers[0])}");
            await Signal.Poll(() => replica.Command("INFO replication").Contains("master_link_status:up", StringComparison.Ordinal), "the replica to follow");
            await Signal.Poll(() => servers.All(server => server.Command("CLUSTER NODES").Contains("slave", StringComparison.Ordinal)), "all to know of the replica");
        }

        return cluster;
    }

    public static string IdOf(RedisServer server) => server.Command("CLUSTER MYID");

    public static void Ok(RedisServer server, string command)
    {
        string answer = server.Command(command);
        Assert.True(answer == "+OK", $"{command}: {answer}");
    }

    /// <summary>Gives a slot without keys to another master, as an operator does; clients are not told.</summary>
    public void Move(int slot, int from, int to)
    {
        string target = IdOf(Masters[to]);
        foreach (RedisServer master in new[] { Masters[to], Masters[from], Masters[3 - to - from] })
        {
            Ok(master, $"CLUSTER SETSLOT {slot} NODE {target}");
        }
    }

    public void Dispose()
    {
        foreach (RedisServer master in Masters)
        {
            master.Dispose();
        }

        Replica?.Dispose();
    }
}
