using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Metrics;

/// <summary>What goes wrong with real databases, as the metrics tell of it.</summary>
public sealed class StorageFiguresTests
{
    /// <summary>The write has its turn and waits for the room; who holds the room asks for the turn, and is the more patient. PostgreSQL ends the write's transaction, and it is tried again.</summary>
    [Fact]
    public async Task A_deadlock_is_counted_although_the_message_was_written_in_the_end()
    {
        string database = PostgresServer.Shared.CreateEmptyDatabase();
        await using RunningServer server = await Start(PostgresServer.Shared, database, PostgresServer.Shared, database);
        await using HubSocket hub = await server.Connect("aoi", ["general"]);
        Guid room = await Room(hub);
        Assert.Equal(0, (await Scrape.Of(server.Uri()))["db_deadlocks_total{shard=\"0\"}"]);

        await using NpgsqlConnection other = await Open(PostgresServer.Shared.SuperuserConnection(database));
        await using NpgsqlConnection watch = await Open(PostgresServer.Shared.SuperuserConnection(database));
        await other.Execute("SET deadlock_timeout = '1h'");
        await other.Execute("BEGIN");
        await other.Execute($"SELECT FROM rooms.room WHERE id = '{room}' FOR UPDATE");
        Task<JsonElement> sending = hub.Send(room, "hello");
        await watch.UntilSomebodyWaits(sending);
        await other.Execute($"SELECT pg_advisory_xact_lock({PostgresLocks.Turn}, {PostgresLocks.TurnOf(Slot.Of(new RoomId(room)))})");
        await other.Execute("ROLLBACK");
        Assert.True((await sending).Seq() > 0);

        Scrape scrape = await Scrape.Of(server.Uri());
        Assert.Equal(1, scrape["db_deadlocks_total{shard=\"0\"}"]);
        Assert.Equal(0, scrape.Sum("db_errors_total"));

        // A connection that waits for somebody else's lock is one of the pool's that are used.
        await other.Execute("BEGIN");
        await other.Execute($"SELECT FROM rooms.room WHERE id = '{room}' FOR UPDATE");
        sending = hub.Send(room, "hello again");
        await watch.UntilSomebodyWaits(sending);
        await Scrape.Until(server.Uri(), scrape => scrape.Sum("db_client_connection_count", "pool_name=\"0\"", "state=\"used\"") >= 1, "a connection in use");
        await other.Execute("ROLLBACK");
        Assert.True((await sending).Seq() > 0);
    }

    [Fact]
    public async Task A_shard_that_is_away_is_told_with_what_fails_for_it_and_so_is_a_new_map()
    {
        using PostgresServer shard = PostgresServer.Start([.. PostgresServer.Hasty]);
        (string directory, string rooms) = (PostgresServer.Shared.CreateEmptyDatabase(), shard.CreateEmptyDatabase());
        await using RunningServer server = await Start(PostgresServer.Shared, directory, shard, rooms);
        await using HubSocket hub = await server.Connect("aoi", ["general"]);
        Guid room = await Room(hub);
        Assert.True((await hub.Send(room, "hello")).Seq() > 0);
        Scrape before = await Scrape.Of(server.Uri());
        Assert.Equal((0, 0), (before["db_shard_away{shard=\"0\"}"], before.Sum("db_errors_total")));

        shard.StopImmediately();
        Assert.Equal("unavailable", (await hub.Send(room, "to nobody")).Code());
        RestClient rest = new(server.Address) { Token = Tokens.For("aoi", "general") };
        (await rest.Get($"/api/rooms/{room}/messages")).Is("unavailable", 503);
        Scrape scrape = await Scrape.Until(
            server.Uri(), scrape => scrape["db_shard_away{shard=\"0\"}"] == 1 && scrape.Sum("job_runs_total", "outcome=\"failed\"") > 0, "the shard to be away, and a job to fail for it");
        Assert.True(scrape.Sum("db_errors_total", "query_type=\"append\"", "shard=\"0\"", "kind=\"unavailable\"") > 0);
        Assert.Equal(scrape.Sum("db_errors_total"), scrape.Sum("db_errors_total", "shard=\"0\"", "kind=\"unavailable\""));
        Assert.Equal(1, scrape["hub_calls_total{method=\"Send\",outcome=\"unavailable\"}"]);
        Assert.Equal(1, scrape.Sum("http_server_request_duration_seconds_count", "http_route=\"/api/rooms/{room}/messages\"", "http_response_status_code=\"503\""));

        shard.Restart();
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(directory), "UPDATE directory.slot_map_version SET version = version + 1");
        await Scrape.Until(
            server.Uri(), scrape => scrape["db_shard_away{shard=\"0\"}"] == 0 && scrape["slot_map_version"] == before["slot_map_version"] + 1, "the shard's return and the new map");
    }

    [Fact]
    public async Task What_waits_to_be_written_is_told_and_what_may_not_wait_any_more_too()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [("Limits:WriteQueueMax", "4")], GatedRoomStore.Use);
        await using HubSocket hub = await server.Connect("aoi", ["general"]);
        Guid room = await Room(hub);
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        Gate gate = new();
        store.BeforeAppend = _ => gate.Pass();
        Task<JsonElement> first = hub.Send(room, "is being written");
        await gate.Reached;
        Task<JsonElement>[] rest = [.. Enumerable.Range(0, 12).Select(i => hub.Send(room, $"message {i}"))];
        Scrape scrape = await Scrape.Until(server.Uri(), scrape => scrape.Sum("hub_calls_total", "method=\"Send\"", "outcome=\"overloaded\"") > 0, "a call to be too many");
        Assert.Equal(4, scrape["write_queue_max"]);
        Assert.InRange(scrape["write_queue_depth{shard=\"0\"}"], 1, 4);

        gate.Open();
        Assert.True((await first).Seq() > 0);
        Assert.Contains("overloaded", (await Task.WhenAll(rest)).Select(answer => answer.Code()));
        Assert.Equal(0, (await Scrape.Of(server.Uri()))["write_queue_depth{shard=\"0\"}"]);
    }

    private static async Task<Guid> Room(HubSocket hub) => (await hub.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();

    private static Task<RunningServer> Start(PostgresServer directory, string directoryName, PostgresServer shard, string shardName) => LiveServer.Start(
        ("Storage", "postgres"),
        ("Postgres:ConnectTimeoutSeconds", "2"),
        ("ConnectionStrings:Directory", directory.AppConnection(directoryName)),
        ("ConnectionStrings:Owners:Directory", directory.OwnerConnection(directoryName)),
        ("ConnectionStrings:Shards:0", shard.AppConnection(shardName)),
        ("ConnectionStrings:Owners:Shards:0", shard.OwnerConnection(shardName)));
}
