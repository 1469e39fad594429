using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

// Messages in their present state. Seqs have no gap, so a bound on how far a scan goes is a bound on seq.
public sealed partial class PostgresRoomStore
{
    // What ReadItem reads: EventColumns first, then the state. The present text is that of the last edit. Reactions only where there may be some: emoji in the order of their first
    // use, and for each how many users and the first of them as a text with commas.
    private const string ItemColumns =
        """
        e.seq, e.type, e.sender, e.at, e.client_id, e.target, e.reply_to, CASE WHEN s.edited_seq IS NULL THEN e.text ELSE t.text END AS text,
        e.emoji, e.subject, e.role, e.kind, e.name, e.topic,
        coalesce(s.rev, e.seq) AS rev, t.at AS edited_at, coalesce(s.pinned, false) AS pinned, x.emoji AS reacted, x.counts, x.users
        """;

    // To be preceded by something that has e, a row of event.
    private const string ItemJoins =
        """

        LEFT JOIN rooms.message_state s ON s.room_key = e.room_key AND s.seq = e.seq
        LEFT JOIN rooms.event t ON t.room_key = e.room_key AND t.seq = s.edited_seq
        LEFT JOIN LATERAL (
            SELECT array_agg(y.emoji ORDER BY y.first_seq) AS emoji, array_agg(y.users ORDER BY y.first_seq) AS counts,
                   array_agg(array_to_string(ARRAY(
                       SELECT z.user_id FROM rooms.reaction z
                       WHERE z.room_key = y.room_key AND z.target = y.target AND z.emoji = y.emoji AND z.present ORDER BY z.seq LIMIT 50), ',') ORDER BY y.first_seq) AS users
            FROM rooms.reaction_emoji y WHERE y.room_key = s.room_key AND y.target = s.seq) x ON s.seq IS NOT NULL AND s.deleted_seq IS NULL

        """;

    // message.created, room.created, room.updated, member.joined, member.left, message.pinned
    private const string TimelineTypes = "e.type IN (20, 1, 2, 10, 11, 40)";

    // Where the page begins ($4) is brought into the log first: cursors outside of it are as good as its ends. Then at most $5 items below it, and from it on up to $6 in all,
    // looking at most $7 far on each side.
    private const string ReadPage =
        $"""
        WITH opened AS MATERIALIZED (
            SELECT r.room_key, r.epoch, h.head, greatest(1, least($4, h.head + 1)) AS start {Opened}),
        down AS MATERIALIZED (
            SELECT {ItemColumns} FROM opened o
            CROSS JOIN LATERAL (
                SELECT * FROM rooms.event e
                WHERE e.room_key = o.room_key AND e.seq < o.start AND e.seq >= greatest(o.start - $7, 1) AND {TimelineTypes} ORDER BY e.seq DESC LIMIT $5) e
            {ItemJoins}),
        up AS MATERIALIZED (
            SELECT {ItemColumns} FROM opened o
            CROSS JOIN LATERAL (
                SELECT * FROM rooms.event e
                WHERE e.room_key = o.room_key AND e.seq >= o.start AND e.seq <= least(o.start - 1 + $7, o.head) AND {TimelineTypes}
                ORDER BY e.seq LIMIT greatest($6 - (SELECT count(*) FROM down), 0)) e
            {ItemJoins})
        SELECT * FROM (SELECT * FROM down UNION ALL SELECT * FROM up) i RIGHT JOIN opened o ON true ORDER BY i.seq
        """;

    private const string ReadOneItem =
        $"""
        WITH opened AS MATERIALIZED (SELECT r.room_key {Opened})
        SELECT {ItemColumns} FROM opened o JOIN rooms.event e ON e.room_key = o.room_key AND e.seq = $4 AND e.type = 20 {ItemJoins}
        """;

    private const string ReadPinned =
        $"""
        WITH opened AS MATERIALIZED (SELECT r.room_key {Opened})
        SELECT {ItemColumns} FROM opened o
        CROSS JOIN LATERAL (SELECT p.seq, p.pin_seq FROM rooms.message_state p WHERE p.room_key = o.room_key AND p.pinned ORDER BY p.pin_seq DESC LIMIT $4) p
        JOIN rooms.event e ON e.room_key = o.room_key AND e.seq = p.seq {ItemJoins}
        ORDER BY p.pin_seq DESC
        """;

    private const int ItemColumnCount = 20;

    /// <inheritdoc/>
    public ValueTask<TimelinePage?> ReadTimeline(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        (long start, int below, int all, int scanMax) = query switch
        {
            TimelineQuery.Newest => (long.MaxValue, limit, 0, RoomLimits.ScanMax),
            TimelineQuery.Before before => (before.Seq, limit, 0, RoomLimits.ScanMax),
            TimelineQuery.After after => (after.Seq == long.MaxValue ? after.Seq : after.Seq + 1, 0, limit, RoomLimits.ScanMax),
            TimelineQuery.Around around => (around.Seq, limit / 2, limit, RoomLimits.ScanMax / 2),
            _ => throw new ArgumentException("A query of an unknown kind.", nameof(query)),
        };
        return ReadRoom<TimelinePage?>(
            tenant,
            room,
            batch =>
            {
                (long Epoch, long Head, long Start)? opened = null;
                List<TimelineItem> items = [];
                batch.Read(
                    ReadPage,
                    row =>
                    {
                        // Then those of opened: room_key, epoch, head, start. Without an item there is a row of them alone.
                        opened = (row.GetInt64(ItemColumnCount + 1), row.GetInt64(ItemColumnCount + 2), row.GetInt64(ItemColumnCount + 3));
                        if (!row.IsDBNull(0))
                        {
                            items.Add(ReadItem(row, room));
                        }
                    },
                    Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)reader.Value), Sql.Of(start), Sql.Of((long)below), Sql.Of((long)all), Sql.Of((long)scanMax));
                return () => opened is { } o ? Page(o, items, below, all, scanMax) : null;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) =>
        ReadRoom<TimelineItem?>(
            tenant,
            room,
            batch =>
            {
                TimelineItem? item = null;
                batch.Read(
                    ReadOneItem, row => item = ReadItem(row, room), Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)reader.Value), Sql.Of(seq));
                return () => item;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) =>
        ReadRoom<IReadOnlyList<TimelineItem>?>(
            tenant,
            room,
            batch =>
            {
                bool opened = false;
                List<TimelineItem> items = [];
                batch.Read(ReadOpened, _ => opened = true, Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)reader.Value))
                    .Read(
                        ReadPinned, row => items.Add(ReadItem(row, room)),
                        Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of((Guid?)reader.Value), Sql.Of((long)RoomLimits.PinsMax));
                return () => opened ? items : null;
            },
            cancel);

    /// <summary>Where the page ends on either side: full there, at its last item; otherwise all was looked at as far as the scan goes.</summary>
    private static TimelinePage Page((long Epoch, long Head, long Start) room, List<TimelineItem> items, int below, int all, int scanMax)
    {
        int found = items.FindIndex(item => item.Event.Seq >= room.Start) is var at && at < 0 ? items.Count : at;
        long low = room.Start;
        if (below > 0)
        {
            low = found == below ? items[0].Event.Seq : Math.Max(room.Start - scanMax, 1);
        }

        long high = room.Start - 1;
        int rest = all - found;
        if (rest > 0)
        {
            high = items.Count - found == rest ? items[^1].Event.Seq : Math.Min(high + scanMax, room.Head);
        }

        return new TimelinePage(room.Epoch, room.Head, items, low > 1 ? low : null, high < room.Head ? high : null);
    }

    /// <summary>Reads <see cref="ItemColumns"/>, from column <paramref name="at"/> on.</summary>
    private static TimelineItem ReadItem(NpgsqlDataReader row, RoomId room, int at = 0)
    {
        RoomEvent made = ReadEvent(row, room, at);
        List<Reaction> reactions = [];
        if (!row.IsDBNull(at + 17))
        {
            string[] emoji = row.GetFieldValue<string[]>(at + 17);
            int[] counts = row.GetFieldValue<int[]>(at + 18);
            string[] users = row.GetFieldValue<string[]>(at + 19);
            for (int i = 0; i < emoji.Length; i++)
            {
                reactions.Add(new Reaction(emoji[i], [.. users[i].Split(',').Select(user => UserId.Parse(user, null))], counts[i]));
            }
        }

        DateTimeOffset? editedAt = made.Deleted || row.IsDBNull(at + 15) ? null : row.Time(at + 15);
        return new TimelineItem(made, row.GetInt64(at + 14), editedAt, row.GetBoolean(at + 16), reactions);
    }
}
