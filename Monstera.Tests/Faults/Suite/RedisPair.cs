namespace Monstera.Tests.Faults.Suite;

/// <summary>A Redis and its replica, which takes its place when it fails. Nodes find the present one through their links, as behind an address that moves.</summary>
internal sealed class RedisPair : IDisposable
{
    private RedisPair(RedisProcess primary, RedisProcess replica)
    {
        Primary = primary;
        Replica = replica;
    }

    public RedisProcess Primary { get; private set; }

    private RedisProcess Replica { get; set; }

    public static async Task<RedisPair> Start()
    {
        RedisProcess primary = new();
        RedisPair pair = new(primary, new RedisProcess(primary.Port));
        await pair.Primary.Ready();
        await pair.Replica.Ready();
        return pair;
    }

    /// <summary>The primary dies, and the replica is promoted with whatever it has got by then. A new replica is there afterwards.</summary>
    /// <returns>The port of the new primary.</returns>
    public async Task<int> FailOver()
    {
        Primary.Kill9();
        Replica.Promote();
        Primary = Replica;
        Replica = new RedisProcess(Primary.Port);
        await Replica.Ready();
        return Primary.Port;
    }

    public void Dispose()
    {
        Primary.Dispose();
        Replica.Dispose();
    }
}
