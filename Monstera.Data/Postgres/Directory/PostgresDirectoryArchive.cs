using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>The directory of a PostgreSQL database, copied whole. As the owner, who may list tenants and names one for the rest: row level security holds for the owner too.</summary>
public sealed partial class PostgresDirectoryArchive : IDirectoryArchive
{
    private const string UpdateInstallation =
        """
        UPDATE directory.installation SET id = $1, state = $2, moved_to = $3::text, moved_at = $4::timestamptz
        WHERE id = $5 AND state = $6 AND moved_to IS NOT DISTINCT FROM $7::text AND moved_at IS NOT DISTINCT FROM $8::timestamptz
        """;

    private const string TenantPage = "SELECT id, key, name, set_up, default_room FROM directory.tenant WHERE ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2";

    private const string AccountPage =
        """
        SELECT id, user_name, display_name, display_folded, role, created_at, password_hash, failures, locked_until, subject, presence, presence_version
        FROM directory.account WHERE tenant = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
        """;

    private const string SessionPage =
        """
        SELECT id, user_id, token_hash, created_at, last_seen_at, expires_at, client
        FROM directory.session WHERE tenant = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
        """;

    private const string InvitePage =
        """
        SELECT id, code, created_by, created_at, expires_at, uses_left
        FROM directory.invite WHERE tenant = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
        """;

    private const string UserRoomPage =
        """
        SELECT user_id, room, seq, member, joined_at, read_seq
        FROM directory.user_room WHERE tenant = $1 AND ($2::uuid IS NULL OR (user_id, room) > ($2, $4::uuid)) ORDER BY user_id, room LIMIT $3
        """;

    private readonly DirectoryDatabase _database;

    /// <param name="owner">Connects as the role that owns the schema; stays the caller's.</param>
    public PostgresDirectoryArchive(PostgresDatabase owner)
    {
        ArgumentNullException.ThrowIfNull(owner);
        _database = new DirectoryDatabase(owner);
    }

    /// <inheritdoc/>
    public async ValueTask<Installation> ReadInstallation(CancellationToken cancel) =>
        await _database.Batch(batch => batch.Add(PostgresInstallation.Query).Read(PostgresInstallation.ReadRow, cancel)) is [Installation found]
            ? found
            : throw new StorageUnavailableException("The directory has lost the row of its installation. Restore a backup.");

    /// <inheritdoc/>
    public async ValueTask<bool> TrySetInstallation(Installation expected, Installation installation, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(installation);
        return await _database.BatchOnce(batch => batch.Add(
            UpdateInstallation,
            installation.Id, (short)installation.State, Nullable(installation.MovedTo), Nullable(installation.MovedAt),
            expected.Id, (short)expected.State, Nullable(expected.MovedTo), Nullable(expected.MovedAt)).Run(cancel)) == 1;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TenantRecord>> ReadTenants(TenantId? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        return await _database.Batch(batch => batch.Add(TenantPage, Nullable(after?.Value), limit).Read(
            row => new TenantRecord(
                new TenantId(row.GetGuid(0)), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.Id(4) is { } room ? new RoomId(room) : null),
            cancel));
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<DirectoryRecord>> Read(DirectoryTable table, TenantId tenant, DirectoryKey? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        object first = Nullable(after?.First);
        return table switch
        {
            DirectoryTable.Accounts => await Page(AccountPage, ReadAccount, tenant.Value, first, limit),
            DirectoryTable.Sessions => await Page(SessionPage, ReadSession, tenant.Value, first, limit),
            DirectoryTable.Invites => await Page(InvitePage, ReadInvite, tenant.Value, first, limit),
            DirectoryTable.UserRooms => await Page(UserRoomPage, ReadUserRoom, tenant.Value, first, limit, Nullable(after?.Second)),
            _ => throw new ArgumentOutOfRangeException(nameof(table)),
        };

        Task<List<DirectoryRecord>> Page(string query, Func<NpgsqlDataReader, TenantId, DirectoryRecord> record, params object[] values) =>
            _database.Batch(batch => batch.See(tenant).Add(query, values).Read(row => record(row, tenant), cancel));
    }

    private static AccountRecord ReadAccount(NpgsqlDataReader row, TenantId tenant) =>
        new(
            tenant, new UserId(row.GetGuid(0)), row.GetString(1), row.GetString(2), row.GetString(3), (WorkspaceRole)row.GetInt16(4), row.Time(5), row.Text(6),
            row.GetInt32(7), TimeOrNull(row, 8), row.Text(9), (PresenceChoice)row.GetInt16(10), row.GetInt64(11));

    private static SessionRecord ReadSession(NpgsqlDataReader row, TenantId tenant) =>
        new(
            tenant, new SessionId(row.GetGuid(0)), new UserId(row.GetGuid(1)), Convert.ToHexStringLower(row.GetFieldValue<byte[]>(2)), row.Time(3), row.Time(4),
            row.Time(5), row.Text(6));

    private static InviteRecord ReadInvite(NpgsqlDataReader row, TenantId tenant) =>
        new(tenant, new InviteId(row.GetGuid(0)), row.GetString(1), new UserId(row.GetGuid(2)), row.Time(3), row.Time(4), row.GetInt32(5));

    private static UserRoomRecord ReadUserRoom(NpgsqlDataReader row, TenantId tenant) =>
        new(tenant, new UserId(row.GetGuid(0)), new RoomId(row.GetGuid(1)), row.GetInt64(2), row.GetBoolean(3), row.Time(4), row.GetInt64(5));

    private static DateTimeOffset? TimeOrNull(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.Time(column);

    private static object Nullable(string? text) => text is null ? DBNull.Value : text;

    private static object Nullable(Guid? id) => id is { } known ? known : DBNull.Value;

    private static object Nullable(DateTimeOffset? time) => time is { } known ? PostgresTime.Of(known) : DBNull.Value;

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, IDirectoryArchive.RowsMax);
    }
}
