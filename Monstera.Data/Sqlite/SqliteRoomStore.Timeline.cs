using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

// Messages in their present state. Seqs have no gap, so a bound on how far a scan goes is a bound on seq.
public sealed partial class SqliteRoomStore
{
    // The columns of ReadLog first (ReadEvent reads them), then those of the state. The present text is that of the last edit.
    private const string ItemColumns =
        """
        SELECT e.seq, e.type, e.sender, e.at, e.client_id, e.target, e.reply_to,
               CASE WHEN s.edited_seq IS NULL THEN e.text ELSE t.text END,
               e.emoji, e.subject, e.role, e.kind, e.name, e.topic,
               coalesce(s.rev, e.seq), t.at, coalesce(s.pinned, 0), s.seq IS NOT NULL
        FROM event e
        LEFT JOIN message_state s ON s.room_key = e.room_key AND s.seq = e.seq
        LEFT JOIN event t ON t.room_key = e.room_key AND t.seq = s.edited_seq

        """;

    // message.created, room.created, room.updated, member.joined, member.left, message.pinned
    private const string TimelineTypes = "e.type IN (20, 1, 2, 10, 11, 40)";

    private static readonly SqliteQuery ReadDown = new(
        ItemColumns + "WHERE e.room_key = ? AND e.seq < ? AND e.seq >= ? AND " + TimelineTypes + " ORDER BY e.seq DESC LIMIT ?");

    private static readonly SqliteQuery ReadUp = new(
        ItemColumns + "WHERE e.room_key = ? AND e.seq > ? AND e.seq <= ? AND " + TimelineTypes + " ORDER BY e.seq LIMIT ?");

    private static readonly SqliteQuery ReadOne = new(ItemColumns + "WHERE e.room_key = ? AND e.seq = ? AND e.type = 20");

    private static readonly SqliteQuery ReadLast = new(
        ItemColumns + "WHERE e.room_key = ? AND e.seq > ? AND e.type = 20 ORDER BY e.seq DESC LIMIT 1");

    private static readonly SqliteQuery ReadPinned = new(
        "SELECT seq FROM message_state WHERE room_key = ? AND pinned = 1 ORDER BY pin_seq DESC LIMIT ?");

    private static readonly SqliteQuery ReadEmoji = new(
        "SELECT emoji, users FROM reaction_emoji WHERE room_key = ? AND target = ? ORDER BY first_seq");

    private static readonly SqliteQuery ReadReactionUsers = new(
        "SELECT user FROM reaction WHERE room_key = ? AND target = ? AND emoji = ? AND present = 1 ORDER BY seq LIMIT ?");

    /// <inheritdoc/>
    public ValueTask<TimelinePage?> ReadTimeline(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        return _database.Read(
            connection => Open(connection, tenant, room, reader) is not { } opened
                ? null
                : query switch
                {
                    TimelineQuery.Newest => Page(connection, opened, opened.Head + 1, limit, 0, RoomLimits.ScanMax),
                    TimelineQuery.Before before => Page(connection, opened, before.Seq, limit, 0, RoomLimits.ScanMax),
                    TimelineQuery.After after => Page(connection, opened, Math.Min(after.Seq, opened.Head) + 1, 0, limit, RoomLimits.ScanMax),
                    TimelineQuery.Around around => Page(connection, opened, around.Seq, limit / 2, limit, RoomLimits.ScanMax / 2),
                    _ => throw new ArgumentException("A query of an unknown kind.", nameof(query)),
                },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) =>
        _database.Read(connection => Open(connection, tenant, room, reader) is { } opened ? FindOne(connection, opened, seq) : null, cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) =>
        _database.Read<IReadOnlyList<TimelineItem>?>(
            connection =>
            {
                if (Open(connection, tenant, room, reader) is not { } opened)
                {
                    return null;
                }

                List<long> seqs = [];
                using (SqliteStatement row = connection.Prepare(ReadPinned).Bind(1, opened.Key).Bind(2, RoomLimits.PinsMax))
                {
                    while (row.Step())
                    {
                        seqs.Add(row.Int64(0));
                    }
                }

                return [.. seqs.Select(seq => FindOne(connection, opened, seq)!)];
            },
            cancel);

    /// <summary>At most <paramref name="below"/> items with a seq under <paramref name="from"/>, then from it on up to <paramref name="limit"/> items in all (0: none of these).</summary>
    /// <param name="scanMax">How far to look on each side.</param>
    private static TimelinePage Page(SqliteConnection connection, OpenedRoom room, long from, int below, int limit, int scanMax)
    {
        // Cursors outside of the log are as good as its ends; this also keeps the sums below from overflowing.
        from = Math.Clamp(from, 1, room.Head + 1);
        List<TimelineItem> items = [];
        long low = from;
        if (below > 0)
        {
            long floor = Math.Max(from - scanMax, 1);
            Scan(connection, ReadDown, room, from, floor, below, items);
            items.Reverse();

            // Full: go on below the last item. Otherwise all down to the floor was looked at.
            low = items.Count == below ? items[0].Event.Seq : floor;
        }

        long high = from - 1;
        int rest = limit - items.Count;
        if (rest > 0)
        {
            long ceiling = Math.Min(high + scanMax, room.Head);
            int before = items.Count;
            Scan(connection, ReadUp, room, high, ceiling, rest, items);
            high = items.Count - before == rest ? items[^1].Event.Seq : ceiling;
        }

        FillReactions(connection, room.Key, items);
        return new TimelinePage(room.Epoch, room.Head, items, low > 1 ? low : null, high < room.Head ? high : null);
    }

    private static void Scan(SqliteConnection connection, SqliteQuery query, OpenedRoom room, long from, long bound, int limit, List<TimelineItem> items)
    {
        using SqliteStatement row = connection.Prepare(query).Bind(1, room.Key).Bind(2, from).Bind(3, bound).Bind(4, limit);
        while (row.Step())
        {
            items.Add(ReadItem(row, room.Id));
        }
    }

    private static TimelineItem? FindOne(SqliteConnection connection, OpenedRoom room, long seq)
    {
        TimelineItem item;
        using (SqliteStatement row = connection.Prepare(ReadOne).Bind(1, room.Key).Bind(2, seq))
        {
            if (!row.Step())
            {
                return null;
            }

            item = ReadItem(row, room.Id);
        }

        return WithReactions(connection, room.Key, item);
    }

    private static TimelineItem? LastMessage(SqliteConnection connection, OpenedRoom room)
    {
        TimelineItem item;
        using (SqliteStatement row = connection.Prepare(ReadLast).Bind(1, room.Key).Bind(2, room.Head - RoomLimits.ScanMax))
        {
            if (!row.Step())
            {
                return null;
            }

            item = ReadItem(row, room.Id);
        }

        return WithReactions(connection, room.Key, item);
    }

    /// <summary>The item but for its reactions: <see cref="Touched"/> stands for those that may be there.</summary>
    private static TimelineItem ReadItem(SqliteStatement row, RoomId room)
    {
        RoomEvent made = ReadEvent(row, room);
        return new TimelineItem(
            made, row.Int64(14), made.Deleted ? null : row.TimeOrNull(15), row.Bool(16), row.Bool(17) && !made.Deleted ? Touched : []);
    }

    private static readonly IReadOnlyList<Reaction> Touched = [new Reaction("", [], 0)];

    private static void FillReactions(SqliteConnection connection, long roomKey, List<TimelineItem> items)
    {
        for (int i = 0; i < items.Count; i++)
        {
            items[i] = WithReactions(connection, roomKey, items[i]);
        }
    }

    private static TimelineItem WithReactions(SqliteConnection connection, long roomKey, TimelineItem item)
    {
        if (!ReferenceEquals(item.Reactions, Touched))
        {
            return item;
        }

        List<Reaction> reactions = [];
        using SqliteStatement row = connection.Prepare(ReadEmoji).Bind(1, roomKey).Bind(2, item.Event.Seq);
        while (row.Step())
        {
            string emoji = row.Text(0);
            List<UserId> users = [];
            using SqliteStatement user = connection.Prepare(ReadReactionUsers)
                .Bind(1, roomKey).Bind(2, item.Event.Seq).Bind(3, emoji).Bind(4, RoomLimits.ReactionUsersMax);
            while (user.Step())
            {
                users.Add(new UserId(user.Guid(0)));
            }

            reactions.Add(new Reaction(emoji, users, row.Int32(1)));
        }

        return item with { Reactions = reactions };
    }
}
