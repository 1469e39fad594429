using Monstera.Server.Backplane;
using Monstera.Server.Redis;
using Monstera.Tests.Backplane;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Redis;

/// <summary>Three real masters: who asks does not notice that there are several.</summary>
public sealed class RedisClusterTests
{
    private static readonly int[] All = [.. Enumerable.Range(0, BackplanePartition.Count)];

    [Fact]
    public async Task Keys_and_channels_go_to_the_right_master_also_while_slots_move()
    {
        using RedisCluster cluster = await RedisCluster.Start();
        string prefix = Guid.NewGuid().ToString("N");

        // One seed is enough to find the rest.
        using RedisNode here = new(cluster.Masters[1].ConnectionString, prefix);
        using RedisNode there = new(cluster.ConnectionString, prefix);
        await here.Listen(All);
        await there.Listen(All);
        foreach (RedisServer master in cluster.Masters)
        {
            Assert.NotEqual("*0", master.Command("PUBSUB SHARDCHANNELS"));
            Assert.Equal("*0", master.Command("PUBSUB CHANNELS"));
        }

        for (int i = 0; i < 100; i++)
        {
            string key = here.Client.Key($"t{i}", "key");
            await here.Client.Call(key, ["SET", key, i], CancellationToken.None);
            Assert.Equal(i, (await there.Client.Call(key, ["GET", key], CancellationToken.None)).Integer);
        }

        foreach (int partition in All)
        {
            here.Backplane.Publish(RedisBackplaneTests.Some(partition, partition + 1));
        }

        await there.Changed.Until(() => there.Got.Count == All.Length, "an event of each partition");
        Assert.Empty(here.Got);

        await KeysAreFollowed(cluster, here.Client);
        await ChannelsAreFollowed(cluster, here, there);
    }

    [Fact]
    public async Task When_a_master_dies_the_others_go_on_and_its_replica_takes_over()
    {
        using RedisCluster cluster = await RedisCluster.Start(withReplica: true);
        string prefix = Guid.NewGuid().ToString("N");
        using RedisNode here = new(cluster.ConnectionString, prefix);
        using RedisNode there = new(cluster.ConnectionString, prefix);
        await here.Listen(All);
        await there.Listen(All);
        int missed = there.Missed.Count(partition => partition == RedisNode.All);

        cluster.Masters[0].Stop();
        await Signal.Poll(() => here.Backplane.IsAway && there.Backplane.IsAway, "the death to be noticed");
        int alive = All.First(partition => RedisSlot.Of(here.Client.Key($"p{partition}", "")) >= 10_923);
        here.Backplane.Publish(RedisBackplaneTests.Some(alive, 1));
        await there.Changed.Until(() => there.Got.Count == 1, "an event by another master");

        await there.Changed.Until(() => there.Missed.Count(partition => partition == RedisNode.All) > missed, "the replica to take over");
        await Signal.Poll(() => !here.Backplane.IsAway, "the replica to be found");
        foreach (int partition in All)
        {
            here.Backplane.Publish(RedisBackplaneTests.Some(partition, partition + 1));
        }

        await there.Changed.Until(() => there.Got.Count == All.Length + 1, "an event of each partition");
    }

    private static async Task KeysAreFollowed(RedisCluster cluster, RedisClient client)
    {
        // A slot of the first master, on its way to the second: the key is there already.
        string key = Enumerable.Range(0, 1_000).Select(i => client.Key($"ask{i}", "key")).First(name => RedisSlot.Of(name) < 5_461);
        int slot = RedisSlot.Of(key);
        await client.Call(key, ["SET", key, "moved"], CancellationToken.None);
        RedisCluster.Ok(cluster.Masters[1], $"CLUSTER SETSLOT {slot} IMPORTING {RedisCluster.IdOf(cluster.Masters[0])}");
        RedisCluster.Ok(cluster.Masters[0], $"CLUSTER SETSLOT {slot} MIGRATING {RedisCluster.IdOf(cluster.Masters[1])}");
        RedisCluster.Ok(cluster.Masters[0], $"MIGRATE 127.0.0.1 {cluster.Masters[1].Port} {key} 0 5000");
        Assert.StartsWith("-ASK", cluster.Masters[0].Command($"GET {key}"), StringComparison.Ordinal);
        Assert.Equal("moved", (await client.Call(key, ["GET", key], CancellationToken.None)).Text);

        cluster.Move(slot, from: 0, to: 1);
        Assert.StartsWith("-MOVED", cluster.Masters[0].Command($"GET {key}"), StringComparison.Ordinal);
        Assert.Equal("moved", (await client.Call(key, ["GET", key], CancellationToken.None)).Text);
    }

    private static async Task ChannelsAreFollowed(RedisCluster cluster, RedisNode here, RedisNode there)
    {
        int partition = All.First(one => RedisSlot.Of(here.Client.Key($"p{one}", "")) is >= 5_461 and < 10_923);
        int before = there.Missed.Count(one => one == partition);
        cluster.Move(RedisSlot.Of(here.Client.Key($"p{partition}", "")), from: 1, to: 2);

        // Told by the server, and not found out by the next look at the map.
        await there.Changed.Until(() => there.Missed.Count(one => one == partition) > before, "the subscription to follow the slot", TimeSpan.FromSeconds(8));

        // The publisher may learn of it by this event only.
        there.Got.Clear();
        here.Backplane.Publish(RedisBackplaneTests.Some(partition, 1));
        await there.Changed.Until(() => there.Got.Count == 1, "an event over the new master");
        await Signal.Poll(() => !here.Backplane.IsAway && !there.Backplane.IsAway, "both to be whole again");
    }
}
