using Monstera.Tests.Backplane;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Redis;

/// <summary>A master, a replica and three real sentinels.</summary>
public sealed class RedisSentinelTests
{
    [Fact]
    public async Task After_a_failover_nodes_follow_the_new_master_and_leave_the_old_one()
    {
        using RedisServer master = RedisServer.Start("--repl-diskless-sync-delay", "0");
        using RedisServer replica = RedisServer.Start("--replicaof", "127.0.0.1", $"{master.Port}", "--repl-diskless-sync-delay", "0");
        await Signal.Poll(() => replica.Command("INFO replication").Contains("master_link_status:up", StringComparison.Ordinal), "the replica to follow");
        RedisServer[] sentinels = [.. Enumerable.Range(0, 3).Select(_ => RedisServer.StartSentinel(
            $"sentinel monitor main 127.0.0.1 {master.Port} 2", "sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 3000"))];
        try
        {
            await Signal.Poll(
                () => Array.TrueForAll(sentinels, sentinel => sentinel.Command("SENTINEL CKQUORUM main").StartsWith("+OK 3", StringComparison.Ordinal)), "the sentinels to find each other");

            // The first address is nobody's.
            string connectionString = string.Join(',', sentinels.Select(sentinel => sentinel.ConnectionString).Prepend("127.0.0.1:1").Append("serviceName=main"));
            string prefix = Guid.NewGuid().ToString("N");
            using RedisNode here = new(connectionString, prefix);
            using RedisNode there = new(connectionString, prefix);
            await here.Listen(3);
            await there.Listen(3);
            int missed = there.Missed.Count(partition => partition == RedisNode.All);

            // It hangs, which is worse than being dead.
            master.Freeze();
            await there.Changed.Until(() => there.Missed.Count(partition => partition == RedisNode.All) > missed, "the new master to be found");
            await Signal.Poll(() => !here.Backplane.IsAway, "the new master to be found here too");
            Assert.Contains("role:master", replica.Command("INFO replication"), StringComparison.Ordinal);
            here.Backplane.Publish(RedisBackplaneTests.Some(3, 1));
            await there.Changed.Until(() => there.Got.Count == 1, "an event over the new master");

            // The old one wakes up, and believes for some seconds that it still is the master.
            master.Thaw();
            Assert.Contains("role:master", master.Command("INFO replication"), StringComparison.Ordinal);
            here.Backplane.Publish(RedisBackplaneTests.Some(3, 2));
            await there.Changed.Until(() => there.Got.Count == 2, "an event after the old master's return");
            string channel = here.Client.Key("p3", "events");
            Assert.Equal(2, (await here.Client.Call(channel, ["PUBSUB", "NUMSUB", channel], CancellationToken.None)).Items.Span[1].Integer);
        }
        finally
        {
            foreach (RedisServer sentinel in sentinels)
            {
                sentinel.Dispose();
            }
        }
    }
}
