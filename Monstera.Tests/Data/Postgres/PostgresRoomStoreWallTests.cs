using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>
/// Somebody got to run SQL in the application's role. Row level security shows the rows of the tenants that the transaction named, and of nobody else; rights keep the rest.
/// </summary>
public sealed class PostgresRoomStoreWallTests : IAsyncLifetime
{
    private static readonly string[] OfTenants = ["event", "member", "membership_outbox", "message_state", "reaction", "reaction_emoji", "room"];

    /// <summary>Those that the role reads at all.</summary>
    private static readonly string[] Readable = [.. OfTenants.Where(table => table != "membership_outbox")];

    private readonly PostgresStorage _storage = new();
    private NpgsqlConnection _app = null!;
    private NpgsqlConnection _all = null!;

    public async ValueTask InitializeAsync()
    {
        foreach ((TenantId tenant, RoomId room) in new[] { (Tenant, Room(1)), (OtherTenant, Room(2)) })
        {
            Draft[] drafts =
            [
                Create(room, Bob), Send(room, "secret"), Send(room, "secret"),
                new EditMessage(4, "secret!") { Tenant = tenant, Room = room, Sender = Ann },
                new React(4, "👍", true) { Tenant = tenant, Room = room, Sender = Ann }, new Pin(4, true) { Tenant = tenant, Room = room, Sender = Ann },
            ];
            Assert.All(await _storage.Rooms.Append([.. drafts.Select(d => d with { Tenant = tenant })], Now, Cancel), o => Assert.Null(o.Refusal));
        }

        _app = await Open(PostgresServer.Shared.AppConnection(_storage.Name));
        _all = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _all.DisposeAsync();
        _storage.Dispose();
    }

    private Task As(params TenantId[] tenants) => _app.Execute($"SELECT set_config('monstera.tenants', '{{{string.Join(',', tenants)}}}', false)");

    private Task<long> Count(NpgsqlConnection connection, string table, string where = "true") =>
        connection.Scalar<long>($"SELECT count(*) FROM rooms.{table} WHERE {where}");

    private async Task Denied(string sql)
    {
        PostgresException e = await Assert.ThrowsAsync<PostgresException>(() => _app.Execute(sql));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, e.SqlState);
    }

    [Fact]
    public async Task Every_table_is_behind_the_wall_or_of_no_tenant()
    {
        string walled = await _all.Scalar<string>(
            """
            SELECT string_agg(c.relname::text, ' ' ORDER BY c.relname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND a.attnotnull
            WHERE c.relnamespace = 'rooms'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relrowsecurity AND c.relforcerowsecurity
            """);
        string all = await _all.Scalar<string>(
            "SELECT string_agg(relname::text, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'rooms'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')");
        Assert.Equal(OfTenants, walled.Split(' '));
        Assert.Equal(OfTenants.Concat(["schema_migration", "shard", "slot_owner"]).Order(StringComparer.Ordinal), all.Split(' '));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{NULL}")]
    [InlineData("{00000000-0000-0000-0000-000000000000}")]
    public async Task Who_names_no_tenant_sees_nothing(string setting)
    {
        foreach (string table in Readable)
        {
            Assert.Equal(0, await Count(_app, table));
        }

        await _app.Execute($"SELECT set_config('monstera.tenants', '{setting}', false)");
        foreach (string table in Readable)
        {
            Assert.True(await Count(_all, table) > 1);
            Assert.Equal(0, await Count(_app, table));
        }
    }

    [Fact]
    public async Task Each_sees_its_own_and_both_when_both_are_named()
    {
        foreach (string table in Readable)
        {
            await As(Tenant);
            long own = await Count(_app, table);
            Assert.Equal((own, 0), (await Count(_all, table, $"tenant = '{Tenant}'"), await Count(_app, table, $"tenant <> '{Tenant}'")));
            await As(OtherTenant);
            Assert.Equal(0, await Count(_app, table, $"tenant = '{Tenant}'"));
            await As(Tenant, OtherTenant);
            Assert.True(own > 0);
            Assert.Equal(await Count(_all, table), await Count(_app, table));
        }
    }

    [Fact]
    public async Task Knowing_the_ids_of_others_opens_nothing()
    {
        long key = await _all.Scalar<long>($"SELECT room_key FROM rooms.room WHERE id = '{Room(1)}'");
        await As(OtherTenant);
        Assert.Equal(0, await Count(_app, "room", $"id = '{Room(1)}'"));
        foreach (string table in Readable)
        {
            Assert.Equal(0, await Count(_app, table, $"room_key = {key}"));
        }

        Assert.Equal(0, await _app.Scalar<long>($"SELECT count(*) FROM rooms.room r FULL JOIN rooms.event e ON true WHERE r.room_key = {key} OR e.room_key = {key}"));
        Assert.Equal(0, await _app.Scalar<long>("SELECT count(*) FROM rooms.event e WHERE NOT EXISTS (SELECT FROM rooms.room r WHERE r.room_key = e.room_key)"));

        // A condition that tells what it is asked about is not asked about the rows of others.
        Assert.Equal(0, await _app.Scalar<long>($"SELECT count(*) FROM rooms.event WHERE room_key = {key} AND 1 / (seq - seq) > 0"));
    }

    [Fact]
    public async Task Nobody_changes_or_brings_rows_of_others()
    {
        long before = await Count(_all, "event", "text IS NOT NULL");
        long key = await _all.Scalar<long>($"SELECT room_key FROM rooms.room WHERE id = '{Room(1)}'");
        await As(OtherTenant);
        Assert.Equal(0, await _app.Execute($"UPDATE rooms.event SET text = 'x' WHERE room_key = {key}"));
        Assert.Equal(0, await _app.Execute($"DELETE FROM rooms.member WHERE room_key = {key}"));
        Assert.Equal(before, await Count(_all, "event", "text LIKE 'secret%'"));
        Assert.Equal(3, await _app.Execute("UPDATE rooms.event SET text = 'x' WHERE text IS NOT NULL"));
        Assert.Equal(before - 3, await Count(_all, "event", "text LIKE 'secret%'"));

        await Denied($"INSERT INTO rooms.member VALUES ({key}, '{Bob}', '{Tenant}', 3, 1, now())");
        await Denied($"INSERT INTO rooms.event (room_key, seq, tenant, type, sender, at) VALUES ({key}, 99, '{Tenant}', 20, '{Bob}', now())");
        await Denied($"INSERT INTO rooms.member VALUES ({key}, '{Bob}', '{Tenant}', 3, 1, now()) ON CONFLICT (room_key, user_id) DO UPDATE SET role = 3");
        await Denied($"INSERT INTO rooms.membership_outbox (tenant, user_id, room, seq, member, at) VALUES ('{Tenant}', '{Bob}', '{Room(1)}', 9, false, now())");
    }

    [Fact]
    public async Task What_a_row_is_and_whose_is_never_changed()
    {
        await As(Tenant, OtherTenant);
        foreach (string table in OfTenants)
        {
            await Denied($"UPDATE rooms.{table} SET tenant = '{OtherTenant}'");
        }

        foreach (string column in new[] { "room_key", "seq", "sender", "at", "client_id", "type" })
        {
            await Denied($"UPDATE rooms.event SET {column} = {column}");
        }

        await Denied("UPDATE rooms.room SET id = id");
        await Denied("DELETE FROM rooms.event");
        await Denied("DELETE FROM rooms.room");
        await Denied("UPDATE rooms.slot_owner SET state = 1");
        await Denied("DELETE FROM rooms.schema_migration");
    }

    [Fact]
    public async Task The_wall_is_not_taken_down()
    {
        await As(Tenant);
        await Denied("SELECT * FROM rooms.membership_outbox");
        await Denied("DELETE FROM rooms.membership_outbox");
        await Denied("TRUNCATE rooms.event");
        await Denied("ALTER TABLE rooms.event DISABLE ROW LEVEL SECURITY");
        await Denied("DROP POLICY tenants ON rooms.event");
        await Denied("CREATE TABLE rooms.mine (x integer)");
        await Denied("SELECT rooms.grant_app('monstera_app')");
        await Denied($"SET ROLE {PostgresServer.Owner}");
        await Denied("SET row_security = off; SELECT * FROM rooms.event");
        await Denied("COPY rooms.event TO PROGRAM 'true'");
        await _app.Execute("SET row_security = on");

        // What it lends its eyes for tells an id's being taken, and no more.
        Assert.Equal(1, await _app.Scalar<long>($"SELECT count(*) FROM rooms.taken(ARRAY['{Room(1)}', '{Room(2)}', '{Room(3)}']::uuid[])"));
    }

    [Fact]
    public async Task The_owner_too_sees_only_what_its_functions_need()
    {
        await using NpgsqlConnection owner = await Open(PostgresServer.Shared.OwnerConnection(_storage.Name));
        foreach (string table in OfTenants.Except(["room", "membership_outbox"]))
        {
            Assert.Equal(0, await Count(owner, table));
        }
    }

    [Theory]
    [InlineData(PostgresServer.Owner)]
    [InlineData("postgres")]
    public void A_role_that_the_wall_does_not_hold_is_refused(string role)
    {
        string connection = new NpgsqlConnectionStringBuilder(PostgresServer.Shared.AppConnection(_storage.Name)) { Username = role }.ConnectionString;
        Assert.Throws<StorageRefusedException>(() => PostgresDatabase.Open(new PostgresOptions { ConnectionString = connection }, PostgresRoomStore.Schema));
    }
}
