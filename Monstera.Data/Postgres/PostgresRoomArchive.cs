using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>The rooms of a PostgreSQL database, copied whole. Connects as the owner, who may list the rooms of all tenants and names a tenant for the rest.</summary>
/// <remarks>Slots that are owned here are served here, and refused, but by an archive that was told that the whole database receives a copy.</remarks>
public sealed partial class PostgresRoomArchive : IRoomArchive
{
    // Long, because a room may be large; the server ends a transaction of a process that hangs.
    private static readonly string Settings = "SELECT " + PostgresRoomStore.Settings(new PostgresOptions
    {
        ConnectionString = "",
        StatementTimeout = TimeSpan.FromMinutes(10),
        LockTimeout = TimeSpan.FromSeconds(10),
        IdleInTransactionTimeout = TimeSpan.FromSeconds(30),
    });

    // A room shows its row to the owner, and its log to whoever names its tenant: first whose rooms these are, then how far their logs go. Both at one instant.
    private const string Page =
        "SELECT r.id, r.tenant, r.epoch, r.room_key FROM rooms.room r WHERE ($1::uuid IS NULL OR r.id > $1) AND ($2::smallint[] IS NULL OR r.slot = ANY ($2)) ORDER BY r.id LIMIT $3";

    private const string NameTenants = $"SELECT set_config('monstera.tenants', coalesce((SELECT array_agg(DISTINCT p.tenant) FROM ({Page}) p)::text, ''), true)";

    private const string ReadPage =
        $"""
        SELECT p.id, p.tenant, p.epoch, h.seq FROM ({Page}) p
        CROSS JOIN LATERAL (SELECT e.seq FROM rooms.event e WHERE e.room_key = p.room_key ORDER BY e.seq DESC LIMIT 1) h ORDER BY p.id
        """;

    // As the store's own, without reader and fence.
    private const string ReadEvents =
        $"""
        SELECT {PostgresRoomStore.EventColumns} FROM (
            SELECT e.*, sum({PostgresRoomStore.EventBytes}) OVER (ORDER BY e.seq) AS bytes, row_number() OVER (ORDER BY e.seq) AS n
            FROM (
                SELECT * FROM rooms.event x
                WHERE x.room_key = (SELECT r.room_key FROM rooms.room r WHERE r.id = $1 AND r.tenant = $2) AND x.seq > $3 ORDER BY x.seq LIMIT $4) e) w
        WHERE w.bytes <= $5 OR w.n = 1
        ORDER BY w.seq
        """;

    private const string MemberPage =
        """
        SELECT user_id, role, joined_seq, joined_at FROM rooms.member
        WHERE room_key = (SELECT r.room_key FROM rooms.room r WHERE r.id = $1 AND r.tenant = $2) AND ($3::uuid IS NULL OR user_id > $3) ORDER BY user_id LIMIT $4
        """;

    private const string LastMemberships =
        """
        SELECT d.room, d.user_id, l.seq, l.type, l.at
        FROM unnest($1, $2) d (room, user_id)
        JOIN rooms.room r ON r.id = d.room AND r.tenant = $3
        CROSS JOIN LATERAL (
            SELECT e.seq, e.type, e.at FROM rooms.event e
            WHERE e.room_key = r.room_key AND e.subject = d.user_id AND e.type IN (10, 11) ORDER BY e.seq DESC LIMIT 1) l
        """;

    private readonly NpgsqlDataSource _owner;
    private readonly bool _receivesCopy;

    /// <param name="owner">Connects as the role that owns the schema (<see cref="Connect"/>); stays the caller's.</param>
    /// <param name="receivesCopy">The database receives a copy of all rooms, and nobody serves it: slots that it owns are written too.</param>
    public PostgresRoomArchive(NpgsqlDataSource owner, bool receivesCopy = false)
    {
        ArgumentNullException.ThrowIfNull(owner);
        _owner = owner;
        _receivesCopy = receivesCopy;
    }

    /// <summary>Connections as this archive uses them: few, and errors without what is in the rows.</summary>
    /// <param name="ownerConnectionString">In Npgsql's form; straight to the server.</param>
    public static NpgsqlDataSource Connect(string ownerConnectionString) => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(ownerConnectionString)
    {
        Pooling = true,
        MinPoolSize = 0,
        MaxPoolSize = 10,
        MaxAutoPrepare = 64,
        AutoPrepareMinUsages = 2,

        // Nothing is left behind in a session.
        NoResetOnClose = true,

        // The server's timeouts bound a statement.
        CommandTimeout = 11 * 60,
        Enlist = false,
        IncludeErrorDetail = false,
    });

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<ArchivedRoom>> ReadRooms(IReadOnlyCollection<short>? slots, RoomId? after, int limit, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 10_000);
        List<ArchivedRoom> rooms = [];
        NpgsqlParameter[] Parameters() => [Sql.Of(after?.Value), slots is null ? Sql.NoSmallints() : Sql.Of([.. slots]), Sql.Of(limit)];

        // Planned by the statistics: few slots and many ask for different ways.
        await Run(
            batch =>
            {
                rooms.Clear();
                batch.Do(PostgresRoomStore.BeginRead).Do("SET LOCAL statement_timeout = '10min'").Do("SET LOCAL plan_cache_mode = force_custom_plan")
                    .Skip(NameTenants, Parameters())
                    .Read(ReadPage, row => rooms.Add(new ArchivedRoom(new RoomId(row.GetGuid(0)), new TenantId(row.GetGuid(1)), row.GetInt64(2), row.GetInt64(3))), Parameters());
            },
            cancel);
        return rooms;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<RoomEvent>> ReadLog(TenantId tenant, RoomId room, long after, int eventsMax, int bytesMax, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(eventsMax, 1);
        List<RoomEvent> events = [];
        await Run(
            batch =>
            {
                events.Clear();
                Begin(batch, tenant).Read(
                    ReadEvents, row => events.Add(PostgresRoomStore.ReadEvent(row, room)),
                    Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of(after), Sql.Of(eventsMax), Sql.Of((long)bytesMax));
            },
            cancel);
        return events;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<RoomMember>> ReadMembers(TenantId tenant, RoomId room, UserId? after, int limit, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        List<RoomMember> members = [];
        await Run(
            batch =>
            {
                members.Clear();
                Begin(batch, tenant).Read(
                    MemberPage, row => members.Add(ReadMember(row)), Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of(after?.Value), Sql.Of(limit));
            },
            cancel);
        return members;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<MembershipChange>> ReadMemberships(TenantId tenant, IReadOnlyCollection<(RoomId Room, UserId User)> of, CancellationToken cancel)
    {
        List<MembershipChange> changes = [];
        await Run(
            batch =>
            {
                changes.Clear();
                Begin(batch, tenant).Read(
                    LastMemberships,
                    row => changes.Add(new MembershipChange(
                        0, tenant, new UserId(row.GetGuid(1)), new RoomId(row.GetGuid(0)), row.GetInt64(2), row.GetInt16(3) == (short)EventType.MemberJoined, row.Time(4))),
                    Sql.Of([.. of.Select(pair => pair.Room.Value)]), Sql.Of([.. of.Select(pair => pair.User.Value)]), Sql.Of(tenant.Value));
            },
            cancel);
        return changes;
    }

    private static RoomMember ReadMember(NpgsqlDataReader row) => new(new UserId(row.GetGuid(0)), (RoomRole)row.GetInt16(1), row.GetInt64(2), row.Time(3));

    private static PostgresBatch Begin(PostgresBatch batch, TenantId tenant) =>
        batch.Do(PostgresRoomStore.BeginRead).Skip(Settings, PostgresRoomStore.TenantSetting([tenant]));

    /// <summary>One round trip, and once more when the connection was lost, most likely while it lay idle.</summary>
    /// <param name="ask">Begins a transaction, which is committed at its end. Starts anew when it is called again.</param>
    private async ValueTask Run(Action<PostgresBatch> ask, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using NpgsqlConnection connection = await _owner.OpenConnectionAsync(cancel);
                using var batch = new PostgresBatch(connection);
                ask(batch);
                batch.Do("COMMIT");
                await PostgresRoomStore.RunOrRollBack(connection, batch, cancel);
                return;
            }
            catch (Exception e) when (attempt == 1 && PostgresFailure.IsConnectionLost(e))
            {
                _owner.Clear();
            }
            catch (Exception e) when (PostgresFailure.IsFault(e))
            {
                throw PostgresFailure.Of(e)!;
            }
        }
    }
}
