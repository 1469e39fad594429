using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteRoomStore
{
    /// <summary>What each event costs beyond its texts, as <see cref="ReadAfter"/> counts.</summary>
    private const int EventOverheadBytes = 128;

    internal static readonly SqliteQuery ReadLog = new(
        """
        SELECT seq, type, sender, at, client_id, target, reply_to, text, emoji, subject, role, kind, name, topic
        FROM event WHERE room_key = ? AND seq > ? ORDER BY seq LIMIT ?
        """);

    private static readonly SqliteQuery ReadHead = new(
        """
        SELECT r.epoch, (SELECT max(e.seq) FROM event e WHERE e.room_key = r.room_key)
        FROM room r WHERE r.id = ? AND r.tenant = ?
        """);

    /// <inheritdoc/>
    public ValueTask<LogPage?> ReadAfter(
        TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(eventsMax, 1);
        return _database.Read(
            connection =>
            {
                if (Open(connection, tenant, room, reader) is not { } opened)
                {
                    return null;
                }

                return new LogPage(opened.Epoch, opened.Head, ReadEvents(connection, opened.Key, room, after, eventsMax, bytesMax));
            },
            cancel);
    }

    internal static List<RoomEvent> ReadEvents(SqliteConnection connection, long roomKey, RoomId room, long after, int eventsMax, int bytesMax)
    {
        List<RoomEvent> events = [];
        long bytes = 0;
        using SqliteStatement row = connection.Prepare(ReadLog).Bind(1, roomKey).Bind(2, after).Bind(3, eventsMax);
        while (row.Step())
        {
            bytes += EventOverheadBytes + row.TextBytes(7) + row.TextBytes(8) + row.TextBytes(12) + row.TextBytes(13);
            if (bytes > bytesMax && events.Count > 0)
            {
                break;
            }

            events.Add(ReadEvent(row, room));
        }

        return events;
    }

    /// <inheritdoc/>
    public ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rooms.Count, 1_000, nameof(rooms));
        return _database.Read(
            connection =>
            {
                List<RoomHead> heads = new(rooms.Count);
                foreach (RoomId room in rooms)
                {
                    using SqliteStatement row = connection.Prepare(ReadHead).Bind(1, room.Value).Bind(2, tenant.Value);
                    if (row.Step())
                    {
                        heads.Add(new RoomHead(room, row.Int64(0), row.Int64(1)));
                    }
                }

                return new Gathered<RoomHead>(heads, []);
            },
            cancel);
    }

    /// <summary>Reads the columns of <see cref="ReadLog"/>, which the other queries for events begin with.</summary>
    internal static RoomEvent ReadEvent(SqliteStatement row, RoomId room)
    {
        var type = (EventType)row.Int32(1);
        string? text = row.TextOrNull(7);
        return new RoomEvent
        {
            Room = room,
            Seq = row.Int64(0),
            Type = type,
            Sender = new UserId(row.Guid(2)),
            At = row.Time(3),
            ClientId = row.GuidOrNull(4) is { } clientId ? new ClientId(clientId) : null,
            Target = row.Int64OrNull(5),
            ReplyTo = row.Int64OrNull(6),
            Text = text,
            Emoji = row.TextOrNull(8),
            User = row.GuidOrNull(9) is { } user ? new UserId(user) : null,
            Role = (RoomRole?)row.Int64OrNull(10),
            Kind = (RoomKind?)row.Int64OrNull(11),
            Name = row.TextOrNull(12),
            Topic = row.TextOrNull(13),
            Deleted = text is null && (type is EventType.MessageCreated or EventType.MessageEdited),
        };
    }
}
