using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

// Rooms and their members as they are now.
public sealed partial class PostgresRoomStore
{
    private const string InfoColumns = "r.kind, r.name, r.topic, r.epoch, h.head, r.members, r.created_at";

    private const string MemberColumns = "m.user_id, m.role, m.joined_seq, m.joined_at";

    private const string ReadInfo = $"SELECT {InfoColumns} {Opened}";

    private const string ReadMember =
        $"""
        SELECT {MemberColumns} FROM rooms.room r JOIN rooms.member m ON m.room_key = r.room_key AND m.user_id = $3
        WHERE r.id = $1 AND r.tenant = $2
        """;

    private const string ReadStanding =
        """
        SELECT r.epoch, h.head, ARRAY(SELECT m.user_id FROM rooms.member m WHERE m.room_key = r.room_key AND m.user_id = ANY ($3))
        FROM rooms.room r
        CROSS JOIN LATERAL (SELECT e.seq AS head FROM rooms.event e WHERE e.room_key = r.room_key ORDER BY e.seq DESC LIMIT 1) h
        WHERE r.id = $1 AND r.tenant = $2
        """;

    private const string ReadMemberPage =
        $"""
        SELECT {MemberColumns} FROM rooms.room r JOIN rooms.member m ON m.room_key = r.room_key AND ($4::uuid IS NULL OR m.user_id > $4)
        WHERE r.id = $1 AND r.tenant = $2 AND EXISTS (SELECT FROM rooms.member n WHERE n.room_key = r.room_key AND n.user_id = $3)
        ORDER BY m.user_id LIMIT $5
        """;

    // Around the cursor. Of the newest events only ($4, RoomLimits.ScanMax), and as many as count ($5).
    private const string UnreadAfter = "(SELECT count(*)::integer FROM (SELECT FROM rooms.event e WHERE e.room_key = r.room_key AND e.seq > greatest(";

    private const string UnreadEnd = ", h.head - $4) AND e.type = 20 AND e.text IS NOT NULL AND e.sender <> $3 LIMIT $5) c)";

    private const string CountUnreadMessages = $"SELECT {UnreadAfter}$6{UnreadEnd} {Opened}";

    // Rooms one by one, see AppendFacts.OfRoom.
    private const string SummarizeRooms =
        $"""
        SELECT r.id, u.seq, {InfoColumns}, {MemberColumns}, {UnreadAfter}u.seq{UnreadEnd},
               CASE WHEN r.kind = 3 THEN coalesce((SELECT o.user_id FROM rooms.member o WHERE o.room_key = r.room_key AND o.user_id <> $3 LIMIT 1), $3) END,
               {ItemColumns}
        FROM unnest($1, $6) WITH ORDINALITY u (id, seq, n)
        CROSS JOIN LATERAL (SELECT r.* FROM rooms.room r WHERE r.id = u.id AND r.tenant = $2 OFFSET 0) r
        CROSS JOIN LATERAL (SELECT {MemberColumns} FROM rooms.member m WHERE m.room_key = r.room_key AND m.user_id = $3 OFFSET 0) m
        CROSS JOIN LATERAL (SELECT e.seq AS head FROM rooms.event e WHERE e.room_key = r.room_key ORDER BY e.seq DESC LIMIT 1) h
        LEFT JOIN LATERAL (
            SELECT * FROM rooms.event e WHERE e.room_key = r.room_key AND e.seq > h.head - $4 AND e.type = 20 ORDER BY e.seq DESC LIMIT 1) e ON true
        {ItemJoins}
        ORDER BY u.n
        """;

    // A text is found in itself by strpos, so that there is nothing to escape; the empty text is in every name. Rooms of slots that are owned elsewhere may lie here as a copy.
    private const string ReadPublic =
        """
        SELECT r.id, r.name, r.topic, r.members, r.name_folded, EXISTS (SELECT FROM rooms.member m WHERE m.room_key = r.room_key AND m.user_id = $2)
        FROM rooms.room r
        WHERE r.tenant = $1 AND r.kind = 1 AND ($4::uuid IS NULL OR (r.name_folded, r.id) > ($3 COLLATE "C", $4)) AND strpos(r.name_folded, $5) > 0
          AND EXISTS (SELECT FROM rooms.slot_owner o WHERE o.slot = r.slot AND o.state = 1)
        ORDER BY r.name_folded, r.id LIMIT $6
        """;

    /// <inheritdoc/>
    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) =>
        ReadRoom<RoomInfo?>(
            tenant,
            room,
            batch =>
            {
                RoomInfo? info = null;
                batch.Read(ReadInfo, row => info = ReadInfoRow(row, room, 0), Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)null));
                return () => info;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) =>
        ReadRoom<RoomMember?>(
            tenant,
            room,
            batch =>
            {
                RoomMember? member = null;
                batch.Read(ReadMember, row => member = ReadMemberRow(row, 0), Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of(user.Value));
                return () => member;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(users);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(users.Count, 1_000, nameof(users));
        return ReadRoom<RoomStanding?>(
            tenant,
            room,
            batch =>
            {
                RoomStanding? standing = null;
                batch.Read(
                    ReadStanding,
                    row => standing = new RoomStanding(row.GetInt64(0), row.GetInt64(1), row.GetFieldValue<Guid[]>(2).Select(id => new UserId(id)).ToHashSet()),
                    Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of([.. users.Select(user => user.Value)]));
                return () => standing;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Page<RoomMember>?> ReadMembers(
        TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        Guid? cursor = after is null ? null : PageCursor.Id(after);
        return ReadRoom<Page<RoomMember>?>(
            tenant,
            room,
            batch =>
            {
                bool opened = false;
                List<RoomMember> members = [];
                batch.Read(ReadOpened, _ => opened = true, Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)reader.Value))
                    .Read(
                        ReadMemberPage, row => members.Add(ReadMemberRow(row, 0)),
                        Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of(reader.Value), Sql.Of(cursor), Sql.Of((long)limit + 1));
                return () => opened ? members.ToPage(limit, member => PageCursor.Of(member.User.Value)) : null;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Gathered<RoomSummary>> Summarize(
        TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rooms.Count, 100, nameof(rooms));
        return ReadRooms<Gathered<RoomSummary>>(
            tenant,
            rooms.Select(marker => marker.Room),
            batch =>
            {
                List<RoomSummary> summaries = new(rooms.Count);
                batch.Read(
                    SummarizeRooms, row => summaries.Add(ReadSummary(row)),
                    Sql.Of([.. rooms.Select(marker => marker.Room.Value)]), Sql.Of(tenant.Value), Sql.Of(user.Value), Sql.Of((long)RoomLimits.ScanMax),
                    Sql.Of((long)RoomLimits.UnreadMax), Sql.Of([.. rooms.Select(marker => marker.Seq)]));
                return () => new Gathered<RoomSummary>(summaries, []);
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) =>
        ReadRoom<int?>(
            tenant,
            room,
            batch =>
            {
                int? count = null;
                batch.Read(
                    CountUnreadMessages, row => count = row.GetInt32(0), Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)user.Value),
                    Sql.Of((long)RoomLimits.ScanMax), Sql.Of((long)RoomLimits.UnreadMax), Sql.Of(readSeq));
                return () => count;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<PublicRoomPage> ReadPublicRooms(
        TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        (Guid Id, string Name)? cursor = after is null ? null : PageCursor.IdAndName(after);
        if (cursor?.Name.Contains('\0', StringComparison.Ordinal) == true)
        {
            throw new FormatException("Not a page cursor.");
        }

        string part = query is null ? "" : FoldedText.Of(query);
        if (part.Contains('\0', StringComparison.Ordinal))
        {
            // In no name: a text of PostgreSQL cannot hold it, and it refuses to be asked.
            return ValueTask.FromResult(new PublicRoomPage([], Next: null));
        }

        return ReadAny<PublicRoomPage>(
            [tenant],
            batch =>
            {
                List<(PublicRoom Room, string Folded)> rooms = [];
                batch.Read(
                    ReadPublic,
                    row => rooms.Add((new PublicRoom(new RoomId(row.GetGuid(0)), row.GetString(1), row.Text(2), row.GetInt32(3), row.GetBoolean(5)), row.GetString(4))),
                    Sql.Of(tenant.Value), Sql.Of(user.Value), Sql.Of(cursor?.Name ?? ""), Sql.Of(cursor?.Id), Sql.Of(part), Sql.Of((long)limit + 1));
                return () =>
                {
                    Page<(PublicRoom Room, string Folded)> page = rooms.ToPage(limit, item => PageCursor.Of(item.Room.Id.Value, item.Folded));
                    return new PublicRoomPage([.. page.Items.Select(item => item.Room)], page.Next);
                };
            },
            cancel);
    }

    private static RoomInfo ReadInfoRow(NpgsqlDataReader row, RoomId room, int at) => new(
        room, (RoomKind)row.GetInt16(at), row.Text(at + 1), row.Text(at + 2), row.GetInt64(at + 3), row.GetInt64(at + 4), row.GetInt32(at + 5), row.Time(at + 6));

    private static RoomMember ReadMemberRow(NpgsqlDataReader row, int at) =>
        new(new UserId(row.GetGuid(at)), (RoomRole)row.GetInt16(at + 1), row.GetInt64(at + 2), row.Time(at + 3));

    private static RoomSummary ReadSummary(NpgsqlDataReader row)
    {
        const int Info = 2, Member = 9, Unread = 13, With = 14, Last = 15;
        var room = new RoomId(row.GetGuid(0));
        return new RoomSummary(
            ReadInfoRow(row, room, Info), ReadMemberRow(row, Member), row.GetInt64(1), row.GetInt32(Unread),
            row.IsDBNull(Last) ? null : ReadItem(row, room, Last), row.Id(With) is { } with ? new UserId(with) : null);
    }

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, RoomLimits.PageMax);
    }
}
