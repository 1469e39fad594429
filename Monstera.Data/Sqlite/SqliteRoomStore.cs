using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

/// <summary>The rooms in an SQLite file. The schema, and what it rests on, is in <c>Migrations/0001_rooms.sql</c> and docs/storage.md.</summary>
public sealed partial class SqliteRoomStore : IRoomStore
{
    // The door to every read: from here on the room_key stands for the tenant.
    private static readonly SqliteQuery OpenRoom = new(
        """
        SELECT r.room_key, r.epoch, (SELECT max(e.seq) FROM event e WHERE e.room_key = r.room_key)
        FROM room r WHERE r.id = ? AND r.tenant = ?
        """);

    private static readonly SqliteQuery IsMember = new("SELECT 1 FROM member WHERE room_key = ? AND user = ?");

    private readonly SqliteDatabase _database;
    private readonly SqliteRoomCache _cache;
    private readonly SqliteProjection _projection;

    /// <summary>One for each database.</summary>
    public SqliteRoomStore(SqliteDatabase database)
        : this(database, new SqliteRoomCache())
    {
    }

    internal SqliteRoomStore(SqliteDatabase database, SqliteRoomCache cache)
    {
        ArgumentNullException.ThrowIfNull(database);
        database.ClaimRooms();
        database.ForgetRooms = cache.Clear;
        _cache = cache;
        _projection = new SqliteProjection(database, cache, tells: true);
        _database = database;
        Outboxes = [this];
    }

    /// <inheritdoc/>
    public int Partitions => 1;

    /// <inheritdoc/>
    public IReadOnlyList<IMembershipOutbox> Outboxes { get; }

    /// <inheritdoc/>
    public int PartitionOf(RoomId room) => 0;

    /// <summary>The room of this tenant, if <paramref name="reader"/> is a member of it (null: the server itself reads).</summary>
    private static OpenedRoom? Open(SqliteConnection connection, TenantId tenant, RoomId room, UserId? reader)
    {
        OpenedRoom opened;
        using (SqliteStatement row = connection.Prepare(OpenRoom).Bind(1, room.Value).Bind(2, tenant.Value))
        {
            if (!row.Step())
            {
                return null;
            }

            opened = new OpenedRoom(room, row.Int64(0), row.Int64(1), row.Int64(2));
        }

        return reader is null || Has(connection, IsMember, opened.Key, reader.Value.Value) ? opened : null;
    }

    private static bool Has(SqliteConnection connection, SqliteQuery query, long roomKey, Guid user)
    {
        using SqliteStatement row = connection.Prepare(query).Bind(1, roomKey).Bind(2, user);
        return row.Step();
    }

    /// <summary>A room whose tenant and reader were checked.</summary>
    private readonly record struct OpenedRoom(RoomId Id, long Key, long Epoch, long Head);
}
