using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Data.Sqlite;

/// <summary>The directory of an SQLite file, copied whole.</summary>
/// <param name="database">Opened to be read only, it refuses to write; stays the caller's.</param>
public sealed partial class SqliteDirectoryArchive(SqliteDatabase database) : IDirectoryArchive
{
    private static readonly SqliteQuery FindInstallation = new("SELECT id, state, moved_to, moved_at FROM installation");
    private static readonly SqliteQuery UpdateInstallation = new("UPDATE installation SET id = ?, state = ?, moved_to = ?, moved_at = ?");

    private static readonly SqliteQuery TenantPage = new("SELECT id, key, name, set_up, default_room FROM tenant WHERE id > ? ORDER BY id LIMIT ?");

    private static readonly SqliteQuery AccountPage = new(
        """
        SELECT id, user_name, display_name, display_folded, role, created_at, password_hash, failures, locked_until, subject, presence, presence_version
        FROM user WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?
        """);

    private static readonly SqliteQuery SessionPage = new(
        "SELECT id, user, token_hash, created_at, last_seen_at, expires_at, client FROM session WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?");

    private static readonly SqliteQuery InvitePage = new(
        "SELECT id, code, created_by, created_at, expires_at, uses_left FROM invite WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?");

    private static readonly SqliteQuery UserRoomPage = new(
        """
        SELECT user, room, seq, member, joined_at, read_seq FROM user_room
        WHERE tenant = ? AND (user, room) > (?, ?) ORDER BY user, room LIMIT ?
        """);

    /// <inheritdoc/>
    public ValueTask<Installation> ReadInstallation(CancellationToken cancel) => database.Read(Find, cancel);

    /// <inheritdoc/>
    public ValueTask<bool> TrySetInstallation(Installation expected, Installation installation, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(installation);
        return database.Write(
            connection => Find(connection) == expected && connection.Prepare(UpdateInstallation)
                .Bind(1, installation.Id).Bind(2, (long)installation.State).Bind(3, installation.MovedTo).Bind(4, installation.MovedAt?.ToUnixTimeMilliseconds()).Run() == 1,
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TenantRecord>> ReadTenants(TenantId? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        return database.Read<IReadOnlyList<TenantRecord>>(
            connection =>
            {
                List<TenantRecord> tenants = [];
                using SqliteStatement row = BindAfter(connection.Prepare(TenantPage), 1, after?.Value).Bind(2, limit);
                while (row.Step())
                {
                    tenants.Add(new TenantRecord(
                        new TenantId(row.Guid(0)), row.Text(1), row.Text(2), row.Bool(3), row.GuidOrNull(4) is { } room ? new RoomId(room) : null));
                }

                return tenants;
            },
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<DirectoryRecord>> Read(DirectoryTable table, TenantId tenant, DirectoryKey? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        return database.Read<IReadOnlyList<DirectoryRecord>>(
            connection =>
            {
                (SqliteQuery query, Func<SqliteStatement, TenantId, DirectoryRecord> record) = table switch
                {
                    DirectoryTable.Accounts => (AccountPage, (Func<SqliteStatement, TenantId, DirectoryRecord>)ReadAccount),
                    DirectoryTable.Sessions => (SessionPage, ReadSession),
                    DirectoryTable.Invites => (InvitePage, ReadInvite),
                    DirectoryTable.UserRooms => (UserRoomPage, ReadUserRoom),
                    _ => throw new ArgumentOutOfRangeException(nameof(table)),
                };
                using SqliteStatement row = BindAfter(connection.Prepare(query).Bind(1, tenant.Value), 2, after?.First);
                if (table == DirectoryTable.UserRooms)
                {
                    BindAfter(row, 3, after?.Second).Bind(4, limit);
                }
                else
                {
                    row.Bind(3, limit);
                }

                List<DirectoryRecord> rows = [];
                while (row.Step())
                {
                    rows.Add(record(row, tenant));
                }

                return rows;
            },
            cancel);
    }

    private static Installation Find(SqliteConnection connection)
    {
        using SqliteStatement row = connection.Prepare(FindInstallation);
        return row.Step()
            ? new Installation(row.Guid(0), (InstallationState)row.Int64(1), row.TextOrNull(2), row.TimeOrNull(3))
            : throw new StorageUnavailableException("The database has lost the row of its installation. Restore a backup.");
    }

    private static AccountRecord ReadAccount(SqliteStatement row, TenantId tenant) =>
        new(
            tenant, new UserId(row.Guid(0)), row.Text(1), row.Text(2), row.Text(3), (WorkspaceRole)row.Int32(4), row.Time(5), row.TextOrNull(6), row.Int32(7),
            row.TimeOrNull(8), row.TextOrNull(9), (PresenceChoice)row.Int32(10), row.Int64(11));

    private static SessionRecord ReadSession(SqliteStatement row, TenantId tenant) =>
        new(
            tenant, new SessionId(row.Guid(0)), new UserId(row.Guid(1)), Convert.ToHexStringLower(row.Bytes(2)), row.Time(3), row.Time(4), row.Time(5), row.TextOrNull(6));

    private static InviteRecord ReadInvite(SqliteStatement row, TenantId tenant) =>
        new(tenant, new InviteId(row.Guid(0)), row.Text(1), new UserId(row.Guid(2)), row.Time(3), row.Time(4), row.Int32(5));

    private static UserRoomRecord ReadUserRoom(SqliteStatement row, TenantId tenant) =>
        new(tenant, new UserId(row.Guid(0)), new RoomId(row.Guid(1)), row.Int64(2), row.Bool(3), row.Time(4), row.Int64(5));

    private static SqliteStatement BindAfter(SqliteStatement statement, int index, Guid? after) =>
        after is { } last ? statement.Bind(index, last) : statement.BindBeginning(index);

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, IDirectoryArchive.RowsMax);
    }
}
