using System.Globalization;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Faults.Suite;

/// <summary>A Redis and its replica, which takes its place when it fails. Nodes find the present one through their links, as behind an address that moves.</summary>
internal sealed class RedisPair : IDisposable
{
    private RedisServer _replica;

    public RedisPair()
    {
        Primary = RedisServer.Start();
        _replica = StartReplica(Primary);
    }

    public RedisServer Primary { get; private set; }

    /// <summary>The primary, after it was stopped; empty.</summary>
    public void Restart()
    {
        Primary.Restart();
        Promote(Primary);
    }

    /// <summary>The primary dies, and the replica is promoted with whatever it has got by then. A new replica is there afterwards.</summary>
    /// <returns>The port of the new primary.</returns>
    public int FailOver()
    {
        Primary.Dispose();
        Primary = _replica;
        Promote(Primary);
        _replica = StartReplica(Primary);
        return Primary.Port;
    }

    public void Dispose()
    {
        Primary.Dispose();
        _replica.Dispose();
    }

    private static RedisServer StartReplica(RedisServer primary) =>
        RedisServer.Start("--replicaof", "127.0.0.1", primary.Port.ToString(CultureInfo.InvariantCulture), "--repl-diskless-sync-delay", "0");

    /// <summary>One that was a replica starts as one.</summary>
    private static void Promote(RedisServer server) => Assert.Equal("+OK", server.Command("REPLICAOF NO ONE"));
}
