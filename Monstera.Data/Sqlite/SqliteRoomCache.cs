using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

/// <summary>A room as the writer knows it.</summary>
internal sealed class SqliteRoom(long key, TenantId tenant, RoomState state)
{
    public long Key { get; } = key;

    public TenantId Tenant { get; } = tenant;

    public RoomState State { get; set; } = state;
}

/// <summary>
/// What the writer has learnt of rooms and members. Stays right between transactions because nobody else writes them (the file has one owner, and the owner
/// one room store): every projection changes it too, and a rollback empties it. Bounded: full, it starts anew.
/// </summary>
internal sealed class SqliteRoomCache(int roomsMax = 20_000, int membersMax = 100_000)
{
    private static readonly SqliteQuery FindRoom = new(
        """
        SELECT r.room_key, r.tenant, r.kind, r.name, r.name_seq, r.topic, r.topic_seq, r.epoch, r.members,
               (SELECT max(e.seq) FROM event e WHERE e.room_key = r.room_key)
        FROM room r WHERE r.id = ?
        """);

    private static readonly SqliteQuery FindMember = new("SELECT role, joined_seq, joined_at FROM member WHERE room_key = ? AND user = ?");

    private readonly Dictionary<RoomId, SqliteRoom> _rooms = [];
    private readonly Dictionary<(long RoomKey, UserId User), RoomMember?> _members = [];

    /// <summary>The room with this id, of whichever tenant: the caller compares.</summary>
    public SqliteRoom? Room(SqliteConnection connection, RoomId id) =>
        _rooms.TryGetValue(id, out SqliteRoom? room) ? room : LoadRoom(connection, id);

    public RoomMember? Member(SqliteConnection connection, SqliteRoom room, UserId user) =>
        _members.TryGetValue((room.Key, user), out RoomMember? member) ? member : LoadMember(connection, room, user);

    public void Add(SqliteRoom room)
    {
        if (_rooms.Count >= roomsMax)
        {
            _rooms.Clear();
        }

        _rooms[room.State.Id] = room;
    }

    /// <param name="member">Null: no member.</param>
    public void Set(SqliteRoom room, UserId user, RoomMember? member)
    {
        if (_members.Count >= membersMax)
        {
            _members.Clear();
        }

        _members[(room.Key, user)] = member;
    }

    public void Clear()
    {
        _rooms.Clear();
        _members.Clear();
    }

    private SqliteRoom? LoadRoom(SqliteConnection connection, RoomId id)
    {
        using SqliteStatement row = connection.Prepare(FindRoom).Bind(1, id.Value);
        if (!row.Step())
        {
            return null;
        }

        var state = new RoomState(
            id, (RoomKind)row.Int32(2), row.TextOrNull(3), row.Int64(4), row.TextOrNull(5), row.Int64(6), row.Int64(7), row.Int64(9), row.Int32(8));
        var room = new SqliteRoom(row.Int64(0), new TenantId(row.Guid(1)), state);
        Add(room);
        return room;
    }

    private RoomMember? LoadMember(SqliteConnection connection, SqliteRoom room, UserId user)
    {
        RoomMember? member = null;
        using (SqliteStatement row = connection.Prepare(FindMember).Bind(1, room.Key).Bind(2, user.Value))
        {
            if (row.Step())
            {
                member = new RoomMember(user, (RoomRole)row.Int32(0), row.Int64(1), row.Time(2));
            }
        }

        Set(room, user, member);
        return member;
    }
}
