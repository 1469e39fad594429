using Monstera.Data.Archive;
using Monstera.Data.Ids;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteDirectoryArchive
{
    private static readonly SqliteQuery WriteTenant = new(
        """
        INSERT INTO tenant (id, key, name, set_up, default_room) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET key = excluded.key, name = excluded.name, set_up = excluded.set_up, default_room = excluded.default_room
        """);

    private static readonly SqliteQuery WriteAccount = new(
        """
        INSERT INTO user
            (tenant, id, user_name, display_name, display_folded, role, created_at, password_hash, failures, locked_until, subject, presence, presence_version)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            user_name = excluded.user_name, display_name = excluded.display_name, display_folded = excluded.display_folded, role = excluded.role,
            created_at = excluded.created_at, password_hash = excluded.password_hash, failures = excluded.failures, locked_until = excluded.locked_until,
            subject = excluded.subject, presence = excluded.presence, presence_version = excluded.presence_version
        """);

    private static readonly SqliteQuery WriteSession = new(
        """
        INSERT INTO session (tenant, id, user, token_hash, created_at, last_seen_at, expires_at, client)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM user WHERE id = ?3 AND tenant = ?1)
        ON CONFLICT (id) DO UPDATE SET
            user = excluded.user, token_hash = excluded.token_hash, created_at = excluded.created_at, last_seen_at = excluded.last_seen_at,
            expires_at = excluded.expires_at, client = excluded.client
        """);

    private static readonly SqliteQuery WriteInvite = new(
        """
        INSERT INTO invite (tenant, id, code, created_by, created_at, expires_at, uses_left) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            code = excluded.code, created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at, uses_left = excluded.uses_left
        """);

    private static readonly SqliteQuery WriteUserRoom = new(
        """
        INSERT INTO user_room (tenant, user, room, seq, member, joined_at, read_seq) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (tenant, user, room) DO UPDATE SET
            seq = excluded.seq, member = excluded.member, joined_at = excluded.joined_at, read_seq = excluded.read_seq
        """);

    private static readonly SqliteQuery CorrectUserRoom = new(
        """
        UPDATE user_room SET seq = ?, member = ?, joined_at = ?, read_seq = max(read_seq, ?)
        WHERE tenant = ? AND user = ? AND room = ? AND seq = ? AND member = ?
        """);

    private static readonly SqliteQuery RemoveTenant = new("DELETE FROM tenant WHERE id = ?");
    private static readonly SqliteQuery RemoveAccount = new("DELETE FROM user WHERE tenant = ? AND id = ?");
    private static readonly SqliteQuery RemoveSession = new("DELETE FROM session WHERE tenant = ? AND id = ?");
    private static readonly SqliteQuery RemoveInvite = new("DELETE FROM invite WHERE tenant = ? AND id = ?");
    private static readonly SqliteQuery RemoveUserRoom = new("DELETE FROM user_room WHERE tenant = ? AND user = ? AND room = ?");

    // An id belongs to one tenant: the upserts below find rows by id alone, as the primary keys do.
    private static readonly SqliteQuery AccountOfOther = new("SELECT 1 FROM user WHERE id = ? AND tenant <> ?");
    private static readonly SqliteQuery SessionOfOther = new("SELECT 1 FROM session WHERE id = ? AND tenant <> ?");
    private static readonly SqliteQuery InviteOfOther = new("SELECT 1 FROM invite WHERE id = ? AND tenant <> ?");

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyList<DirectoryRecord> rows, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        await Change(
            connection =>
            {
                foreach (DirectoryRecord row in rows)
                {
                    RefuseOtherTenant(connection, row);
                    Bind(connection, row).Run();
                }
            },
            cancel);
    }

    /// <inheritdoc/>
    public async ValueTask<int> Correct(IReadOnlyList<(UserRoomRecord Was, UserRoomRecord Is)> rows, CancellationToken cancel) => await database.Write(
        connection => rows.Sum(row => connection.Prepare(CorrectUserRoom)
            .Bind(1, row.Is.Seq).Bind(2, row.Is.Member ? 1 : 0).Bind(3, row.Is.JoinedAt.ToUnixTimeMilliseconds()).Bind(4, row.Is.ReadSeq)
            .Bind(5, row.Was.Tenant.Value).Bind(6, row.Was.User.Value).Bind(7, row.Was.Room.Value).Bind(8, row.Was.Seq).Bind(9, row.Was.Member ? 1 : 0).Run()),
        cancel);

    /// <inheritdoc/>
    public async ValueTask Remove(DirectoryTable table, TenantId tenant, IReadOnlyCollection<DirectoryKey> keys, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(keys);
        await Change(
            connection =>
            {
                foreach (DirectoryKey key in keys)
                {
                    (table switch
                    {
                        DirectoryTable.Tenants => connection.Prepare(RemoveTenant).Bind(1, tenant.Value),
                        DirectoryTable.Accounts => connection.Prepare(RemoveAccount).Bind(1, tenant.Value).Bind(2, key.First),
                        DirectoryTable.Sessions => connection.Prepare(RemoveSession).Bind(1, tenant.Value).Bind(2, key.First),
                        DirectoryTable.Invites => connection.Prepare(RemoveInvite).Bind(1, tenant.Value).Bind(2, key.First),
                        DirectoryTable.UserRooms => connection.Prepare(RemoveUserRoom).Bind(1, tenant.Value).Bind(2, key.First).Bind(3, key.Second),
                        _ => throw new ArgumentOutOfRangeException(nameof(table)),
                    }).Run();
                }
            },
            cancel);
    }

    private async ValueTask Change(Action<SqliteConnection> change, CancellationToken cancel)
    {
        try
        {
            await database.Write(
                connection =>
                {
                    if (Find(connection).State != InstallationState.ReceivesCopy)
                    {
                        throw new ArchiveConflictException("This installation does not receive a copy: its directory is written by servers alone.");
                    }

                    change(connection);
                    return true;
                },
                cancel);
        }
        catch (InvalidOperationException e) when (e.Message.Contains("constraint failed", StringComparison.Ordinal))
        {
            throw new ArchiveConflictException($"A row of the directory does not fit to what is there: {e.Message}");
        }
    }

    private static void RefuseOtherTenant(SqliteConnection connection, DirectoryRecord row)
    {
        SqliteQuery? query = row.Table switch
        {
            DirectoryTable.Accounts => AccountOfOther,
            DirectoryTable.Sessions => SessionOfOther,
            DirectoryTable.Invites => InviteOfOther,
            _ => null,
        };
        if (query is null)
        {
            return;
        }

        using SqliteStatement found = connection.Prepare(query).Bind(1, row.Key.First).Bind(2, row.Tenant.Value);
        if (found.Step())
        {
            throw new ArchiveConflictException($"The row {row.Key.First} of {row.Table} belongs to another tenant here.");
        }
    }

    private static SqliteStatement Bind(SqliteConnection connection, DirectoryRecord record) => record switch
    {
        TenantRecord row => connection.Prepare(WriteTenant)
            .Bind(1, row.Tenant.Value).Bind(2, row.TenantKey).Bind(3, row.Name).Bind(4, row.SetUp ? 1 : 0).Bind(5, row.DefaultRoom?.Value),
        AccountRecord row => connection.Prepare(WriteAccount)
            .Bind(1, row.Tenant.Value).Bind(2, row.Id.Value).Bind(3, row.UserName).Bind(4, row.DisplayName).Bind(5, row.DisplayFolded).Bind(6, (long)row.Role)
            .Bind(7, row.CreatedAt.ToUnixTimeMilliseconds()).Bind(8, row.PasswordHash).Bind(9, row.Failures).Bind(10, row.LockedUntil?.ToUnixTimeMilliseconds())
            .Bind(11, row.Subject).Bind(12, (long)row.Presence).Bind(13, row.PresenceVersion),
        SessionRecord row => connection.Prepare(WriteSession)
            .Bind(1, row.Tenant.Value).Bind(2, row.Id.Value).Bind(3, row.User.Value).Bind(4, Convert.FromHexString(row.TokenHash))
            .Bind(5, row.CreatedAt.ToUnixTimeMilliseconds()).Bind(6, row.LastSeenAt.ToUnixTimeMilliseconds()).Bind(7, row.ExpiresAt.ToUnixTimeMilliseconds())
            .Bind(8, row.Client),
        InviteRecord row => connection.Prepare(WriteInvite)
            .Bind(1, row.Tenant.Value).Bind(2, row.Id.Value).Bind(3, row.Code).Bind(4, row.CreatedBy.Value)
            .Bind(5, row.CreatedAt.ToUnixTimeMilliseconds()).Bind(6, row.ExpiresAt.ToUnixTimeMilliseconds()).Bind(7, row.UsesLeft),
        UserRoomRecord row => connection.Prepare(WriteUserRoom)
            .Bind(1, row.Tenant.Value).Bind(2, row.User.Value).Bind(3, row.Room.Value).Bind(4, row.Seq).Bind(5, row.Member ? 1 : 0)
            .Bind(6, row.JoinedAt.ToUnixTimeMilliseconds()).Bind(7, row.ReadSeq),
        _ => throw new ArgumentOutOfRangeException(nameof(record)),
    };
}
