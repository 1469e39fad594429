using Monstera.Tests.Backplane;

namespace Monstera.Tests.Redis;

/// <summary>A master, a replica and three real sentinels.</summary>
public sealed class RedisSentinelTests
{
    [Fact]
    public async Task After_a_failover_nodes_follow_the_new_master_and_leave_the_old_one()
    {
        using RedisSentinels redis = await RedisSentinels.Start();
        string prefix = Guid.NewGuid().ToString("N");
        using RedisNode here = new(redis.ConnectionString, prefix);
        using RedisNode there = new(redis.ConnectionString, prefix);
        await here.Listen(3);
        await there.Listen(3);
        int missed = there.Missed.Count(partition => partition == RedisNode.All);
        int missedHere = here.Missed.Count(partition => partition == RedisNode.All);

        // It hangs, which is worse than being dead.
        redis.Master.Freeze();
        await there.Changed.Until(() => there.Missed.Count(partition => partition == RedisNode.All) > missed, "the new master to be found");
        await here.Changed.Until(() => here.Missed.Count(partition => partition == RedisNode.All) > missedHere, "the new master to be found here too");
        Assert.Contains("role:master", redis.Replica.Command("INFO replication"), StringComparison.Ordinal);
        here.Backplane.Publish(RedisBackplaneTests.Some(3, 1));
        await there.Changed.Until(() => there.Got.Count == 1, "an event over the new master");

        // The old one wakes up, and believes for some seconds that it still is the master.
        redis.Master.Thaw();
        Assert.Contains("role:master", redis.Master.Command("INFO replication"), StringComparison.Ordinal);
        here.Backplane.Publish(RedisBackplaneTests.Some(3, 2));
        await there.Changed.Until(() => there.Got.Count == 2, "an event after the old master's return");
        string channel = here.Client.Key("p3", "events");
        Assert.Equal(2, (await here.Client.Call(channel, ["PUBSUB", "NUMSUB", channel], CancellationToken.None)).Items.Span[1].Integer);
    }
}
