using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

public sealed partial class PostgresDirectory
{
    // Of changes of the same user and room the greatest seq counts. A membership that begins moves the marker to its seq, never back; one that ends leaves it.
    private const string ApplyChanges =
        """
        INSERT INTO directory.user_room AS known (tenant, user_id, room, seq, member, joined_at, read_seq)
        SELECT tenant, user_id, room, seq, member, joined_at, CASE WHEN member THEN seq ELSE 0 END
        FROM unnest($1, $2, $3, $4, $5, $6) AS change (tenant, user_id, room, seq, member, joined_at)
        ON CONFLICT (tenant, user_id, room) DO UPDATE SET
            seq = excluded.seq, member = excluded.member, joined_at = excluded.joined_at, read_seq = greatest(known.read_seq, excluded.read_seq)
        WHERE excluded.seq > known.seq
        """;

    private const string UserRoomColumns = "SELECT room, seq, joined_at, read_seq FROM directory.user_room WHERE tenant = $1 AND user_id = $2 AND member";

    private const string ReadFirstRooms = UserRoomColumns + " ORDER BY room LIMIT $3";
    private const string ReadFurtherRooms = UserRoomColumns + " AND room > $4 ORDER BY room LIMIT $3";
    private const string FindUserRoom = UserRoomColumns + " AND room = $3";

    private const string MoveMarker =
        "UPDATE directory.user_room SET read_seq = $4 WHERE tenant = $1 AND user_id = $2 AND room = $3 AND member AND read_seq < $4";

    /// <inheritdoc/>
    public async ValueTask ApplyMemberships(IReadOnlyList<MembershipChange> changes, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (changes.Count == 0)
        {
            return;
        }

        // One change for each row, since a statement changes a row once; and by key, so that two servers that apply at once lock in the same order.
        MembershipChange[] last =
        [
            .. changes.GroupBy(change => (change.Tenant, change.User, change.Room)).Select(group => group.MaxBy(change => change.Seq)!)
                .OrderBy(change => change.Tenant.Value).ThenBy(change => change.User.Value).ThenBy(change => change.Room.Value),
        ];
        await _database.Batch(batch => batch.See(last.Select(change => change.Tenant).Distinct())
            .Add(
                ApplyChanges,
                Column(last, change => change.Tenant.Value), Column(last, change => change.User.Value), Column(last, change => change.Room.Value),
                Column(last, change => change.Seq), Column(last, change => change.Member), Column(last, change => PostgresTime.Of(change.At)))
            .Run(cancel));
    }

    /// <inheritdoc/>
    public async ValueTask<Page<UserRoom>> ReadRooms(TenantId tenant, UserId user, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        Guid? cursor = after is null ? null : PageCursor.Id(after);
        List<UserRoom> rooms = await _database.Batch(batch => (cursor is { } last
                ? batch.See(tenant).Add(ReadFurtherRooms, tenant.Value, user.Value, limit + 1, last)
                : batch.See(tenant).Add(ReadFirstRooms, tenant.Value, user.Value, limit + 1))
            .Read(ReadUserRoom, cancel));
        return rooms.ToPage(limit, room => PageCursor.Of(room.Room.Value));
    }

    /// <inheritdoc/>
    public async ValueTask<UserRoom?> FindRoom(TenantId tenant, UserId user, RoomId room, CancellationToken cancel) =>
        (await _database.Batch(batch => batch.See(tenant).Add(FindUserRoom, tenant.Value, user.Value, room.Value).Read(ReadUserRoom, cancel))).SingleOrDefault();

    /// <inheritdoc/>
    public async ValueTask<long> MarkRead(TenantId tenant, UserId user, RoomId room, long seq, CancellationToken cancel)
    {
        // Two statements in one message: the second sees what the first waited for, where another server was quicker.
        List<UserRoom> now = await _database.Batch(batch => batch.See(tenant)
            .Add(MoveMarker, tenant.Value, user.Value, room.Value, seq)
            .Add(FindUserRoom, tenant.Value, user.Value, room.Value)
            .Read(ReadUserRoom, cancel));
        return now.SingleOrDefault()?.ReadSeq ?? 0;
    }

    private static T[] Column<T>(MembershipChange[] changes, Func<MembershipChange, T> value) => Array.ConvertAll(changes, change => value(change));

    private static UserRoom ReadUserRoom(NpgsqlDataReader row) => new(new RoomId(row.GetGuid(0)), row.GetInt64(1), row.Time(2), row.GetInt64(3));
}
