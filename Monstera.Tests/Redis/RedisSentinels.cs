using Monstera.Tests.Clients;

namespace Monstera.Tests.Redis;

/// <summary>A master, a replica, and three real sentinels that put the replica in the master's place after a second without a word from it.</summary>
internal sealed class RedisSentinels : IDisposable
{
    private readonly RedisServer[] _sentinels;

    private RedisSentinels(RedisServer master, RedisServer replica)
    {
        (Master, Replica) = (master, replica);
        _sentinels = [.. Enumerable.Range(0, 3).Select(_ => RedisServer.StartSentinel(
            $"sentinel monitor main 127.0.0.1 {master.Port} 2", "sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 3000"))];
    }

    /// <summary>The master of the beginning.</summary>
    public RedisServer Master { get; }

    /// <summary>The one that takes its place.</summary>
    public RedisServer Replica { get; }

    /// <summary>Of the sentinels; the first address is nobody's.</summary>
    public string ConnectionString => string.Join(',', _sentinels.Select(sentinel => sentinel.ConnectionString).Prepend("127.0.0.1:1").Append("serviceName=main"));

    /// <summary>Back when the replica follows and the sentinels know each other.</summary>
    public static async Task<RedisSentinels> Start()
    {
        RedisServer master = RedisServer.Start("--repl-diskless-sync-delay", "0");
        RedisServer replica = RedisServer.Start("--replicaof", "127.0.0.1", $"{master.Port}", "--repl-diskless-sync-delay", "0");
        await Signal.Poll(() => replica.Command("INFO replication").Contains("master_link_status:up", StringComparison.Ordinal), "the replica to follow");
        RedisSentinels sentinels = new(master, replica);
        await Signal.Poll(
            () => Array.TrueForAll(sentinels._sentinels, sentinel => sentinel.Command("SENTINEL CKQUORUM main").StartsWith("+OK 3", StringComparison.Ordinal)), "the sentinels to find each other");
        return sentinels;
    }

    public void Dispose()
    {
        foreach (RedisServer server in (IEnumerable<RedisServer>)[.. _sentinels, Master, Replica])
        {
            server.Dispose();
        }
    }
}
