using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteDirectory
{
    // Of changes of the same user and room the greatest seq counts. A membership that begins moves the marker to its seq, never back; one that ends leaves it.
    private static readonly SqliteQuery ApplyMembership = new(
        """
        INSERT INTO user_room (tenant, user, room, seq, member, joined_at, read_seq)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?5 THEN ?4 ELSE 0 END)
        ON CONFLICT DO UPDATE SET
            seq = excluded.seq, member = excluded.member, joined_at = excluded.joined_at, read_seq = max(read_seq, excluded.read_seq)
        WHERE excluded.seq > seq
        """);

    private static readonly SqliteQuery ReadUserRooms = new(
        "SELECT room, seq, joined_at, read_seq FROM user_room WHERE tenant = ? AND user = ? AND room > ? AND member = 1 ORDER BY room LIMIT ?");

    private static readonly SqliteQuery FindUserRoom = new(
        "SELECT room, seq, joined_at, read_seq FROM user_room WHERE tenant = ? AND user = ? AND room = ? AND member = 1");

    private static readonly SqliteQuery MoveMarker = new(
        "UPDATE user_room SET read_seq = ? WHERE tenant = ? AND user = ? AND room = ? AND member = 1 AND read_seq < ?");

    /// <inheritdoc/>
    public async ValueTask ApplyMemberships(IReadOnlyList<MembershipChange> changes, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (changes.Count == 0)
        {
            return;
        }

        await _database.Write(
            connection =>
            {
                foreach (MembershipChange change in changes)
                {
                    connection.Prepare(ApplyMembership)
                        .Bind(1, change.Tenant.Value).Bind(2, change.User.Value).Bind(3, change.Room.Value).Bind(4, change.Seq)
                        .Bind(5, change.Member ? 1 : 0).Bind(6, change.At.ToUnixTimeMilliseconds()).Run();
                }

                return changes.Count;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Page<UserRoom>> ReadRooms(TenantId tenant, UserId user, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        Guid? cursor = after is null ? null : PageCursor.Id(after);
        return _database.Read(
            connection =>
            {
                List<UserRoom> rooms = [];
                using SqliteStatement row = connection.Prepare(ReadUserRooms).Bind(1, tenant.Value).Bind(2, user.Value).Bind(4, limit + 1);
                if (cursor is { } last)
                {
                    row.Bind(3, last);
                }
                else
                {
                    row.BindBeginning(3);
                }

                while (row.Step())
                {
                    rooms.Add(ReadUserRoom(row));
                }

                return rooms.ToPage(limit, room => PageCursor.Of(room.Room.Value));
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<UserRoom?> FindRoom(TenantId tenant, UserId user, RoomId room, CancellationToken cancel) =>
        _database.Read(connection => Find(connection, tenant, user, room), cancel);

    /// <inheritdoc/>
    public async ValueTask<long> MarkRead(TenantId tenant, UserId user, RoomId room, long seq, CancellationToken cancel)
    {
        // Often nothing is to be moved: look before taking the writer's turn, which costs a sync.
        UserRoom? known = await _database.Read(connection => Find(connection, tenant, user, room), cancel);
        if (known is null || known.ReadSeq >= seq)
        {
            return known?.ReadSeq ?? 0;
        }

        return await _database.Write(
            connection =>
            {
                connection.Prepare(MoveMarker).Bind(1, seq).Bind(2, tenant.Value).Bind(3, user.Value).Bind(4, room.Value).Bind(5, seq).Run();
                return Find(connection, tenant, user, room)?.ReadSeq ?? 0;
            },
            cancel);
    }

    private static UserRoom? Find(SqliteConnection connection, TenantId tenant, UserId user, RoomId room)
    {
        using SqliteStatement row = connection.Prepare(FindUserRoom).Bind(1, tenant.Value).Bind(2, user.Value).Bind(3, room.Value);
        return row.Step() ? ReadUserRoom(row) : null;
    }

    private static UserRoom ReadUserRoom(SqliteStatement row) => new(new RoomId(row.Guid(0)), row.Int64(1), row.Time(2), row.Int64(3));
}
