using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Redis;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Redis;

/// <summary>Two servers as they are shipped, joined by a Redis that is several servers itself.</summary>
public sealed class RedisNodesTests
{
    /// <summary>Nothing but Redis may bring messages from node to node while these wait for them.</summary>
    private static readonly (string Key, string Value)[] NoOtherWay = [("Realtime:HeadComparisonSeconds", "600"), ("Realtime:AwayPollMs", "60000")];

    [Fact]
    public async Task Over_a_cluster_messages_cross_by_each_of_its_masters()
    {
        using RedisCluster cluster = await RedisCluster.Start();
        await using TwoProcesses nodes = await TwoProcesses.Start(cluster.ConnectionString, NoOtherWay);
        (int From, int To)[] slots = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
        Guid tenant = await TenantOf(nodes.First);
        string[] keys = [.. slots.Select(range => Enumerable.Range(0, 1_000).Select(i => $"room-{i}").First(key => SlotOf(tenant, key) is var slot && slot >= range.From && slot <= range.To))];
        await using ChatClient here = await Client(nodes.First, "ann", keys);
        await using ChatClient there = await Client(nodes.Second, "bob", keys);
        foreach (string key in keys)
        {
            await Crosses(here, there, Tokens.RoomOf(tenant, key));
        }

        Assert.All(cluster.Masters, master => Assert.NotEqual("*0", master.Command("PUBSUB SHARDCHANNELS")));
    }

    [Fact]
    public async Task Behind_Sentinel_messages_cross_again_after_the_master_was_killed()
    {
        using RedisSentinels redis = await RedisSentinels.Start();
        await using TwoProcesses nodes = await TwoProcesses.Start(redis.ConnectionString, NoOtherWay);
        const string key = "general";
        await using ChatClient here = await Client(nodes.First, "ann", key);
        await using ChatClient there = await Client(nodes.Second, "bob", key);
        Guid room = Tokens.RoomOf(here.Tenant, key);
        await Crosses(here, there, room);

        redis.Master.Stop();
        foreach (ServerProcess node in new[] { nodes.First, nodes.Second })
        {
            await Signal.Poll(() => node.Output.Contains($"Redis is there: {redis.Replica.ConnectionString}", StringComparison.Ordinal), "the new master to be found");
        }

        Assert.Contains("role:master", redis.Replica.Command("INFO replication"), StringComparison.Ordinal);
        await Crosses(here, there, room);
        await Crosses(there, here, room);
        Assert.Equal((1, 1), (here.Connections, there.Connections));
    }

    /// <summary>A message from one node arrives at the other, and its answer at the first.</summary>
    private static async Task Crosses(ChatClient from, ChatClient to, Guid room)
    {
        (RoomLog sent, RoomLog seen) = (from.Follow(room), to.Follow(room));
        await from.Changed.Until(() => sent.Live, "the subscription");
        await to.Changed.Until(() => seen.Live, "the other subscription");
        await to.Reach(seen, (await from.Send(room, $"from {from.Node}")).Seq());
        await from.Reach(sent, (await to.Send(room, $"from {to.Node}")).Seq());
        Assert.NotEqual(from.Node, to.Node);
        Assert.Equal(sent.Events.Select(e => (e.Seq, e.Text)), seen.Events.Select(e => (e.Seq, e.Text)));
        Assert.Empty(from.Faults);
        Assert.Empty(to.Faults);
    }

    private static async Task<ChatClient> Client(ServerProcess node, string user, params string[] keys)
    {
        ChatClient client = new(() => node.Address, () => Tokens.For(user, keys));
        await client.Start();
        return client;
    }

    private static async Task<Guid> TenantOf(ServerProcess node)
    {
        await using HubSocket hub = await HubSocket.Connect(node.Address, Tokens.For("first"));
        JsonElement hello = await hub.Hello();
        return hello.GetProperty("tenant").GetProperty("id").GetGuid();
    }

    /// <summary>The slot of a cluster in which the channel of the room's partition is.</summary>
    private static int SlotOf(Guid tenant, string key) => RedisSlot.Of($"{{p{BackplanePartition.Of(new RoomId(Tokens.RoomOf(tenant, key)))}}}");
}
