using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

public sealed partial class PostgresRoomStore
{
    // The door to every read: the room of the tenant ($1, $2), for a member ($3) or the server itself (null).
    private const string Opened =
        """
        FROM rooms.room r
        CROSS JOIN LATERAL (SELECT e.seq AS head FROM rooms.event e WHERE e.room_key = r.room_key ORDER BY e.seq DESC LIMIT 1) h
        WHERE r.id = $1 AND r.tenant = $2
          AND ($3::uuid IS NULL OR EXISTS (SELECT FROM rooms.member m WHERE m.room_key = r.room_key AND m.user_id = $3))

        """;

    private const string ReadOpened = "SELECT r.epoch, h.head " + Opened;

    // What ReadEvent reads.
    internal const string EventColumns = "seq, type, sender, at, client_id, target, reply_to, text, emoji, subject, role, kind, name, topic";

    /// <summary>What each event costs beyond its texts, as <see cref="ReadAfter"/> counts: 128.</summary>
    internal const string EventBytes =
        "128 + coalesce(octet_length(e.text), 0) + coalesce(octet_length(e.emoji), 0) + coalesce(octet_length(e.name), 0) + coalesce(octet_length(e.topic), 0)";

    // Bounded by bytes on the server, so that what is left out does not travel.
    private const string ReadLog =
        $"""
        WITH opened AS MATERIALIZED (SELECT r.room_key {Opened})
        SELECT {EventColumns} FROM (
            SELECT e.*, sum({EventBytes}) OVER (ORDER BY e.seq) AS bytes, row_number() OVER (ORDER BY e.seq) AS n
            FROM opened o
            CROSS JOIN LATERAL (SELECT * FROM rooms.event x WHERE x.room_key = o.room_key AND x.seq > $4 ORDER BY x.seq LIMIT $5) e) w
        WHERE w.bytes <= $6 OR w.n = 1
        ORDER BY w.seq
        """;

    // Rooms one by one, see AppendFacts.OfRoom.
    private const string ReadHeadsQuery =
        """
        SELECT r.id, r.epoch, h.seq
        FROM unnest($1) u (id)
        CROSS JOIN LATERAL (SELECT r.id, r.epoch, r.room_key FROM rooms.room r WHERE r.id = u.id AND r.tenant = $2 OFFSET 0) r
        CROSS JOIN LATERAL (SELECT e.seq FROM rooms.event e WHERE e.room_key = r.room_key ORDER BY e.seq DESC LIMIT 1) h
        """;

    /// <inheritdoc/>
    public ValueTask<LogPage?> ReadAfter(
        TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(eventsMax, 1);
        return ReadRoom<LogPage?>(
            tenant,
            room,
            batch =>
            {
                (long Epoch, long Head)? opened = null;
                List<RoomEvent> events = [];
                batch.Read(ReadOpened, row => opened = (row.GetInt64(0), row.GetInt64(1)), Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of(reader?.Value))
                    .Read(
                        ReadLog, row => events.Add(ReadEvent(row, room)),
                        Sql.Of(room.Value), Sql.Of(tenant.Value), Sql.Of(reader?.Value), Sql.Of(after), Sql.Of(eventsMax), Sql.Of((long)bytesMax));
                return () => opened is { } o ? new LogPage(o.Epoch, o.Head, events) : null;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rooms.Count, 1_000, nameof(rooms));
        return ReadRooms<Gathered<RoomHead>>(
            tenant,
            rooms,
            batch =>
            {
                List<RoomHead> heads = new(rooms.Count);
                batch.Read(
                    ReadHeadsQuery, row => heads.Add(new RoomHead(new RoomId(row.GetGuid(0)), row.GetInt64(1), row.GetInt64(2))),
                    Sql.Of([.. rooms.Select(room => room.Value)]), Sql.Of(tenant.Value));
                return () => new Gathered<RoomHead>(heads, []);
            },
            cancel);
    }

    /// <summary>Reads <see cref="EventColumns"/>, which the other queries for events begin with, from column <paramref name="at"/> on.</summary>
    internal static RoomEvent ReadEvent(NpgsqlDataReader row, RoomId room, int at = 0)
    {
        var type = (EventType)row.GetInt16(at + 1);
        string? text = row.Text(at + 7);
        return new RoomEvent
        {
            Room = room,
            Seq = row.GetInt64(at),
            Type = type,
            Sender = new UserId(row.GetGuid(at + 2)),
            At = row.Time(at + 3),
            ClientId = row.Id(at + 4) is { } clientId ? new ClientId(clientId) : null,
            Target = row.Long(at + 5),
            ReplyTo = row.Long(at + 6),
            Text = text,
            Emoji = row.Text(at + 8),
            User = row.Id(at + 9) is { } user ? new UserId(user) : null,
            Role = (RoomRole?)row.Short(at + 10),
            Kind = (RoomKind?)row.Short(at + 11),
            Name = row.Text(at + 12),
            Topic = row.Text(at + 13),
            Deleted = text is null && (type is EventType.MessageCreated or EventType.MessageEdited),
        };
    }
}
