using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

// Rooms and their members as they are now.
public sealed partial class SqliteRoomStore
{
    private static readonly SqliteQuery ReadInfo = new(
        """
        SELECT r.room_key, r.kind, r.name, r.topic, r.epoch, (SELECT max(e.seq) FROM event e WHERE e.room_key = r.room_key), r.members, r.created_at
        FROM room r WHERE r.id = ? AND r.tenant = ?
        """);

    private static readonly SqliteQuery ReadMember = new("SELECT user, role, joined_seq, joined_at FROM member WHERE room_key = ? AND user = ?");

    private static readonly SqliteQuery ReadMemberPage = new(
        "SELECT user, role, joined_seq, joined_at FROM member WHERE room_key = ? AND user > ? ORDER BY user LIMIT ?");

    private static readonly SqliteQuery ReadOther = new("SELECT user FROM member WHERE room_key = ? AND user <> ? LIMIT 1");

    // The newest events only (RoomLimits.ScanMax): seqs have no gap, so a bound on seq is a bound on rows.
    private static readonly SqliteQuery CountUnreadMessages = new(
        """
        SELECT count(*) FROM (
            SELECT 1 FROM event WHERE room_key = ? AND seq > ? AND type = 20 AND text IS NOT NULL AND sender <> ? LIMIT ?)
        """);

    private static readonly SqliteQuery ReadPublic = new(
        """
        SELECT r.id, r.name, r.topic, r.members, r.name_folded,
               EXISTS (SELECT 1 FROM member m WHERE m.room_key = r.room_key AND m.user = ?)
        FROM room r
        WHERE r.tenant = ? AND r.kind = 1 AND (r.name_folded, r.id) > (?, ?) AND instr(r.name_folded, ?) > 0
        ORDER BY r.name_folded, r.id LIMIT ?
        """);

    /// <inheritdoc/>
    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) =>
        _database.Read(connection => Info(connection, tenant, room)?.Info, cancel);

    /// <inheritdoc/>
    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) =>
        _database.Read(
            connection => Open(connection, tenant, room, reader: null) is { } opened ? MemberOf(connection, opened.Key, user) : null,
            cancel);

    /// <inheritdoc/>
    public ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(users);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(users.Count, 1_000, nameof(users));
        return _database.Read(
            connection => Open(connection, tenant, room, reader: null) is { } opened
                ? new RoomStanding(opened.Epoch, opened.Head, users.Where(user => MemberOf(connection, opened.Key, user) is not null).ToHashSet())
                : null,
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Page<RoomMember>?> ReadMembers(
        TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        Guid? cursor = after is null ? null : PageCursor.Id(after);
        return _database.Read(
            connection =>
            {
                if (Open(connection, tenant, room, reader) is not { } opened)
                {
                    return null;
                }

                List<RoomMember> members = [];
                using SqliteStatement row = connection.Prepare(ReadMemberPage).Bind(1, opened.Key).Bind(3, limit + 1);
                if (cursor is { } last)
                {
                    row.Bind(2, last);
                }
                else
                {
                    row.BindBeginning(2);
                }

                while (row.Step())
                {
                    members.Add(ReadMemberRow(row));
                }

                return members.ToPage(limit, member => PageCursor.Of(member.User.Value));
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Gathered<RoomSummary>> Summarize(
        TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rooms.Count, 100, nameof(rooms));
        return _database.Read(
            connection =>
            {
                List<RoomSummary> summaries = new(rooms.Count);
                foreach (ReadMarker marker in rooms)
                {
                    if (Info(connection, tenant, marker.Room) is not { } room || MemberOf(connection, room.Key, user) is not { } member)
                    {
                        continue;
                    }

                    summaries.Add(new RoomSummary(
                        room.Info, member, marker.Seq, Unread(connection, room.Key, room.Info.Head, user, marker.Seq),
                        LastMessage(connection, new OpenedRoom(marker.Room, room.Key, room.Info.Epoch, room.Info.Head)),
                        room.Info.Kind == RoomKind.Direct ? OtherOf(connection, room.Key, user) : null));
                }

                return new Gathered<RoomSummary>(summaries, []);
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) =>
        _database.Read(
            connection => Open(connection, tenant, room, user) is { } opened ? Unread(connection, opened.Key, opened.Head, user, readSeq) : (int?)null,
            cancel);

    /// <inheritdoc/>
    public ValueTask<PublicRoomPage> ReadPublicRooms(
        TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        (Guid Id, string Name)? cursor = after is null ? null : PageCursor.IdAndName(after);
        return _database.Read(
            connection =>
            {
                // A text is found in itself by instr, so that there is nothing to escape; the empty text is in every name.
                List<(PublicRoom Room, string Folded)> rooms = [];
                using SqliteStatement row = connection.Prepare(ReadPublic)
                    .Bind(1, user.Value).Bind(2, tenant.Value).Bind(3, cursor?.Name ?? "")
                    .Bind(5, query is null ? "" : FoldedText.Of(query)).Bind(6, limit + 1);
                if (cursor is { } last)
                {
                    row.Bind(4, last.Id);
                }
                else
                {
                    row.BindBeginning(4);
                }

                while (row.Step())
                {
                    rooms.Add((new PublicRoom(new RoomId(row.Guid(0)), row.Text(1), row.TextOrNull(2), row.Int32(3), row.Bool(5)), row.Text(4)));
                }

                Page<(PublicRoom Room, string Folded)> page = rooms.ToPage(limit, item => PageCursor.Of(item.Room.Id.Value, item.Folded));
                return new PublicRoomPage([.. page.Items.Select(item => item.Room)], page.Next);
            },
            cancel);
    }

    private static (long Key, RoomInfo Info)? Info(SqliteConnection connection, TenantId tenant, RoomId room)
    {
        using SqliteStatement row = connection.Prepare(ReadInfo).Bind(1, room.Value).Bind(2, tenant.Value);
        return row.Step()
            ? (row.Int64(0), new RoomInfo(
                room, (RoomKind)row.Int32(1), row.TextOrNull(2), row.TextOrNull(3), row.Int64(4), row.Int64(5), row.Int32(6), row.Time(7)))
            : null;
    }

    private static RoomMember? MemberOf(SqliteConnection connection, long roomKey, UserId user)
    {
        using SqliteStatement row = connection.Prepare(ReadMember).Bind(1, roomKey).Bind(2, user.Value);
        return row.Step() ? ReadMemberRow(row) : null;
    }

    private static RoomMember ReadMemberRow(SqliteStatement row) =>
        new(new UserId(row.Guid(0)), (RoomRole)row.Int32(1), row.Int64(2), row.Time(3));

    /// <summary>The other member of a direct room; oneself in a room with oneself.</summary>
    private static UserId OtherOf(SqliteConnection connection, long roomKey, UserId user)
    {
        using SqliteStatement row = connection.Prepare(ReadOther).Bind(1, roomKey).Bind(2, user.Value);
        return row.Step() ? new UserId(row.Guid(0)) : user;
    }

    private static int Unread(SqliteConnection connection, long roomKey, long head, UserId user, long readSeq)
    {
        if (readSeq >= head)
        {
            return 0;
        }

        using SqliteStatement row = connection.Prepare(CountUnreadMessages)
            .Bind(1, roomKey).Bind(2, Math.Max(readSeq, head - RoomLimits.ScanMax)).Bind(3, user.Value).Bind(4, RoomLimits.UnreadMax);
        row.Step();
        return row.Int32(0);
    }

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, RoomLimits.PageMax);
    }
}
