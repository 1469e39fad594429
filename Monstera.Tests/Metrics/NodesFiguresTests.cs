using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Metrics;

/// <summary>What two nodes tell of each other and of a Redis of their own, which goes away and comes back.</summary>
public sealed class NodesFiguresTests
{
    [Fact]
    public async Task Two_nodes_tell_what_goes_between_them_and_that_Redis_is_away()
    {
        using RedisServer redis = RedisServer.Start();
        string database = PostgresStorage.CreateDatabase(PostgresServer.Shared);
        await using RunningServer here = await Start(redis, database, "here");
        await using RunningServer there = await Start(redis, database, "there");
        await using HubSocket writer = await here.Connect("aoi", ["general"]);
        await using ChatClient reader = await there.Client("beni", ["general"]);
        Guid room = Tokens.RoomOf(reader.Tenant, "general");
        RoomLog log = reader.Follow(room);
        await reader.Changed.Until(() => log.Live, "the reader to be live");
        await reader.Reach(log, (await writer.Send(room, "hello")).Seq());
        foreach (RunningServer node in (RunningServer[])[here, there])
        {
            Scrape one = await Scrape.Until(
                node.Uri(),
                scrape => scrape["presence_leases"] == 1 && scrape["presence_users_online"] == 2 && scrape.Sum("backplane_received_total") > 0 && scrape.Sum("backplane_published_total") > 0,
                "the nodes to know each other");
            Assert.Equal(0, one["backplane_away"]);
            Assert.True(one["backplane_lag_seconds_count"] > 0);
            Assert.True(one["backplane_frames_total"] > 0 && one["backplane_bytes_total"] > one["backplane_frames_total"]);
        }

        Assert.Equal(1, (await Scrape.Of(there.Uri()))["rooms_live"]);

        // Nothing is lost: the other node reads the log.
        redis.Stop();
        await Scrape.Until(here.Uri(), scrape => scrape["backplane_away"] == 1, "Redis to be away here");
        await Scrape.Until(there.Uri(), scrape => scrape["backplane_away"] == 1, "Redis to be away there");
        await reader.Reach(log, (await writer.Send(room, "while it is away")).Seq());
        Scrape away = await Scrape.Of(there.Uri());
        Assert.Equal(1, away["backplane_repaired_events_total"]);
        Assert.Equal(0, away["backplane_reconnects_total"]);
        Assert.True((await Scrape.Of(here.Uri())).Sum("backplane_dropped_total", "kind=\"event", "reason=\"away\"") > 0);

        redis.Restart();
        Scrape back = await Scrape.Until(there.Uri(), scrape => scrape["backplane_away"] == 0, "the return");
        Assert.Equal(1, back["backplane_reconnects_total"]);
        Assert.True(back["backplane_away_seconds_total"] > 0);
    }

    private static Task<RunningServer> Start(RedisServer redis, string database, string name) => LiveServer.Start(
        ("Storage", "postgres"),
        ("NodeName", name),
        ("Backplane", "redis"),
        ("ConnectionStrings:Redis", redis.ConnectionString),
        ("ConnectionStrings:Directory", PostgresServer.Shared.AppConnection(database)),
        ("ConnectionStrings:Owners:Directory", PostgresServer.Shared.OwnerConnection(database)),
        ("ConnectionStrings:Shards:0", PostgresServer.Shared.AppConnection(database)));
}
