using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

/// <summary>
/// The rooms of an SQLite file, copied whole. To read them beside a running server, over <see cref="SqliteDatabase.OpenReadOnly"/>; to write them, over a database that this process owns.
/// </summary>
public sealed class SqliteRoomArchive : IRoomArchive
{
    private static readonly SqliteQuery ReadRoomRows = new("SELECT id, tenant, epoch, room_key FROM room WHERE id > ? ORDER BY id");
    private static readonly SqliteQuery ReadHead = new("SELECT max(seq) FROM event WHERE room_key = ?");
    private static readonly SqliteQuery FindKey = new("SELECT room_key FROM room WHERE id = ? AND tenant = ?");
    private static readonly SqliteQuery IsMessage = new("SELECT 1 FROM event WHERE room_key = ? AND seq = ? AND type = 20");
    private static readonly SqliteQuery UpdateEpoch = new("UPDATE room SET epoch = ? WHERE room_key = ?");

    private static readonly SqliteQuery ReadRoom = new(
        "SELECT kind, name, name_seq, topic, topic_seq, members, created_at, epoch FROM room WHERE room_key = ?");

    // In the order of the primary keys, so that rows are read one after another and none is kept.
    private static readonly SqliteQuery AllMembers = new("SELECT user, role, joined_seq, joined_at FROM member WHERE room_key = ? ORDER BY user");

    private static readonly SqliteQuery AllStates = new(
        "SELECT seq, rev, edited_seq, deleted_seq, pinned, pin_seq FROM message_state WHERE room_key = ? ORDER BY seq");

    private static readonly SqliteQuery AllReactions = new(
        "SELECT target, user, emoji, seq, present FROM reaction WHERE room_key = ? ORDER BY target, user, emoji");

    private static readonly SqliteQuery AllEmoji = new("SELECT target, emoji, first_seq, users FROM reaction_emoji WHERE room_key = ? ORDER BY target, emoji");

    private static readonly SqliteQuery MemberPage = new("SELECT user, role, joined_seq, joined_at FROM member WHERE room_key = ? AND user > ? ORDER BY user LIMIT ?");

    private static readonly SqliteQuery LastMembership = new(
        "SELECT seq, type, at FROM event WHERE room_key = ? AND subject = ? AND type IN (10, 11) ORDER BY seq DESC LIMIT 1");

    private static readonly SqliteQuery[] RemoveRows =
    [
        .. new[] { "reaction_emoji", "reaction", "message_state", "member", "event", "room" }.Select(table => new SqliteQuery($"DELETE FROM {table} WHERE room_key = ?")),
    ];

    private readonly SqliteDatabase _database;
    private readonly bool _receivesCopy;

    /// <param name="database">Stays the caller's.</param>
    /// <param name="receivesCopy">The database receives a copy, and nobody serves it. Otherwise it serves all slots, as an SQLite file does, and nothing is written.</param>
    public SqliteRoomArchive(SqliteDatabase database, bool receivesCopy = false)
    {
        ArgumentNullException.ThrowIfNull(database);
        _database = database;
        _receivesCopy = receivesCopy;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ArchivedRoom>> ReadRooms(IReadOnlyCollection<short>? slots, RoomId? after, int limit, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 10_000);
        HashSet<short>? wanted = slots?.ToHashSet();
        return _database.Read<IReadOnlyList<ArchivedRoom>>(
            connection =>
            {
                List<ArchivedRoom> rooms = [];
                using SqliteStatement row = connection.Prepare(ReadRoomRows);
                if (after is { } last)
                {
                    row.Bind(1, last.Value);
                }
                else
                {
                    row.BindBeginning(1);
                }

                while (rooms.Count < limit && row.Step())
                {
                    var id = new RoomId(row.Guid(0));
                    if (wanted?.Contains(Slot.Of(id)) ?? true)
                    {
                        rooms.Add(new ArchivedRoom(id, new TenantId(row.Guid(1)), row.Int64(2), HeadOf(connection, row.Int64(3))));
                    }
                }

                return rooms;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RoomEvent>> ReadLog(TenantId tenant, RoomId room, long after, int eventsMax, int bytesMax, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(eventsMax, 1);
        return _database.Read<IReadOnlyList<RoomEvent>>(
            connection => KeyOf(connection, tenant, room) is { } key ? SqliteRoomStore.ReadEvents(connection, key, room, after, eventsMax, bytesMax) : [],
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RoomMember>> ReadMembers(TenantId tenant, RoomId room, UserId? after, int limit, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return _database.Read<IReadOnlyList<RoomMember>>(
            connection =>
            {
                List<RoomMember> members = [];
                using SqliteStatement row = connection.Prepare(MemberPage).Bind(1, KeyOf(connection, tenant, room)).Bind(3, limit);
                if (after is { } last)
                {
                    row.Bind(2, last.Value);
                }
                else
                {
                    row.BindBeginning(2);
                }

                while (row.Step())
                {
                    members.Add(ReadMember(row));
                }

                return members;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<MembershipChange>> ReadMemberships(TenantId tenant, IReadOnlyCollection<(RoomId Room, UserId User)> of, CancellationToken cancel) =>
        _database.Read<IReadOnlyList<MembershipChange>>(
            connection =>
            {
                List<MembershipChange> changes = [];
                foreach ((RoomId room, UserId user) in of)
                {
                    using SqliteStatement row = connection.Prepare(LastMembership).Bind(1, KeyOf(connection, tenant, room)).Bind(2, user.Value);
                    if (row.Step())
                    {
                        changes.Add(new MembershipChange(0, tenant, user, room, row.Int64(0), row.Int32(1) == (int)EventType.MemberJoined, row.Time(2)));
                    }
                }

                return changes;
            },
            cancel);

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyList<LogPart> parts, CancellationToken cancel)
    {
        LogParts.Check(parts);
        RefuseServed();
        await _database.Write(
            connection =>
            {
                // Remembered no longer than this transaction, which may be rolled back.
                var cache = new SqliteRoomCache();
                var projection = new SqliteProjection(_database, cache, tells: false);
                foreach (LogPart part in parts)
                {
                    Write(connection, cache, projection, part);
                }

                _database.ForgetRooms?.Invoke();
                return true;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<RoomDigest?> Digest(TenantId tenant, RoomId room, CancellationToken cancel) => _database.Read(
        connection => KeyOf(connection, tenant, room) is { } key ? Digest(connection, tenant, room, key) : null,
        cancel);

    /// <inheritdoc/>
    public async ValueTask Remove(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        RefuseServed();
        await _database.Write(
            connection =>
            {
                foreach (RoomId room in rooms)
                {
                    if (KeyOf(connection, tenant, room) is { } key)
                    {
                        Array.ForEach(RemoveRows, remove => connection.Prepare(remove).Bind(1, key).Run());
                        _database.Erased();
                    }
                }

                _database.ForgetRooms?.Invoke();
                return true;
            },
            cancel);
    }

    private void RefuseServed()
    {
        if (!_receivesCopy)
        {
            throw new ArchiveConflictException($"{_database.Path} is served at present: its rooms are written by its server alone.");
        }
    }

    private static void Write(SqliteConnection connection, SqliteRoomCache cache, SqliteProjection projection, LogPart part)
    {
        SqliteRoom? room = cache.Room(connection, part.Room);
        if (room is not null && room.Tenant != part.Tenant)
        {
            throw LogParts.OtherTenant(part);
        }

        long head = room?.State.Head ?? 0;
        LogParts.RefuseGap(part, head);
        foreach (RoomEvent copied in part.Events)
        {
            if (copied.Seq <= head)
            {
                continue;
            }

            room ??= projection.InsertRoom(connection, part.Tenant, copied, part.Epoch);
            if (!Fits(connection, cache, room, copied))
            {
                throw LogParts.DoesNotFit(copied);
            }

            projection.Store(connection, room, copied);
        }

        if (room is not null && room.State.Epoch != part.Epoch)
        {
            room.State = room.State with { Epoch = part.Epoch };
            connection.Prepare(UpdateEpoch).Bind(1, part.Epoch).Bind(2, room.Key).Run();
        }
    }

    /// <summary>Whether what the event changes is there; no rule decided on it.</summary>
    private static bool Fits(SqliteConnection connection, SqliteRoomCache cache, SqliteRoom room, RoomEvent copied)
    {
        if (copied.User is { } user)
        {
            return (cache.Member(connection, room, user) is null) == (copied.Type == EventType.MemberJoined);
        }

        if (copied.Target is not { } target)
        {
            return true;
        }

        using SqliteStatement row = connection.Prepare(IsMessage).Bind(1, room.Key).Bind(2, target);
        return row.Step();
    }

    private static RoomDigest Digest(SqliteConnection connection, TenantId tenant, RoomId room, long key)
    {
        using var digester = new RoomDigester();
        long epoch, head = 0;
        using (SqliteStatement row = connection.Prepare(ReadRoom).Bind(1, key))
        {
            row.Step();
            digester.Room((RoomKind)row.Int32(0), row.TextOrNull(1), row.Int64(2), row.TextOrNull(3), row.Int64(4), row.Int32(5), row.Time(6));
            epoch = row.Int64(7);
        }

        using (SqliteStatement row = connection.Prepare(SqliteRoomStore.ReadLog).Bind(1, key).Bind(2, 0).Bind(3, long.MaxValue))
        {
            while (row.Step())
            {
                digester.Event(SqliteRoomStore.ReadEvent(row, room));
                head = row.Int64(0);
            }
        }

        ForEach(connection, AllMembers, key, row => digester.Member(ReadMember(row)));
        ForEach(connection, AllStates, key, row => digester.MessageState(row.Int64(0), row.Int64(1), row.Int64OrNull(2), row.Int64OrNull(3), row.Bool(4), row.Int64OrNull(5)));
        ForEach(connection, AllReactions, key, row => digester.Reaction(row.Int64(0), row.Guid(1), row.Text(2), row.Int64(3), row.Bool(4)));
        ForEach(connection, AllEmoji, key, row => digester.EmojiCount(row.Int64(0), row.Text(1), row.Int64(2), row.Int32(3)));
        return new RoomDigest(room, tenant, epoch, head, digester.Finish());
    }

    private static void ForEach(SqliteConnection connection, SqliteQuery query, long key, Action<SqliteStatement> then)
    {
        using SqliteStatement row = connection.Prepare(query).Bind(1, key);
        while (row.Step())
        {
            then(row);
        }
    }

    private static RoomMember ReadMember(SqliteStatement row) => new(new UserId(row.Guid(0)), (RoomRole)row.Int32(1), row.Int64(2), row.Time(3));

    private static long? KeyOf(SqliteConnection connection, TenantId tenant, RoomId room)
    {
        using SqliteStatement row = connection.Prepare(FindKey).Bind(1, room.Value).Bind(2, tenant.Value);
        return row.Step() ? row.Int64(0) : null;
    }

    private static long HeadOf(SqliteConnection connection, long key)
    {
        using SqliteStatement row = connection.Prepare(ReadHead).Bind(1, key);
        return row.Step() ? row.Int64(0) : 0;
    }
}
