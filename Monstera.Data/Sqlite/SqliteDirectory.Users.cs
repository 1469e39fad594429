using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteDirectory
{
    private const string UserColumns = "SELECT id, tenant, user_name, display_name, role, created_at, presence, presence_version";

    private static readonly SqliteQuery InsertUser = new(
        """
        INSERT INTO user (id, tenant, user_name, display_name, display_folded, role, created_at, password_hash, subject)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """);

    private static readonly SqliteQuery FindByName = new("SELECT 1 FROM user WHERE tenant = ? AND user_name = ?");
    private static readonly SqliteQuery FindById = new(UserColumns + " FROM user WHERE id = ? AND tenant = ?");
    private static readonly SqliteQuery FindBySubject = new(UserColumns + " FROM user WHERE tenant = ? AND subject = ?");

    private static readonly SqliteQuery ReadUserPage = new(
        UserColumns + """
         FROM user
        WHERE tenant = ?1 AND user_name > ?2 AND (instr(user_name, ?3) > 0 OR instr(display_folded, ?3) > 0)
        ORDER BY user_name LIMIT ?4
        """);

    private static readonly SqliteQuery UpdateDisplayName = new(
        "UPDATE user SET display_name = ?, display_folded = ? WHERE id = ? AND tenant = ?");

    private static readonly SqliteQuery UpdatePresence = new(
        "UPDATE user SET presence = ?, presence_version = presence_version + 1 WHERE id = ? AND tenant = ? RETURNING presence_version");

    private static readonly SqliteQuery UseInvite = new(
        "UPDATE invite SET uses_left = uses_left - 1 WHERE tenant = ? AND code = ? AND uses_left > 0 AND expires_at > ?");

    private static readonly SqliteQuery UnuseInvite = new("UPDATE invite SET uses_left = uses_left + 1 WHERE tenant = ? AND code = ?");

    private static readonly SqliteQuery ReadCredentials = new(
        UserColumns + ", password_hash, failures, locked_until FROM user WHERE tenant = ? AND user_name = ?");

    private static readonly SqliteQuery UpdatePassword = new("UPDATE user SET password_hash = ? WHERE id = ? AND tenant = ?");
    private static readonly SqliteQuery CountFailure = new("UPDATE user SET failures = failures + 1 WHERE id = ? AND tenant = ?");
    private static readonly SqliteQuery ReadFailures = new("SELECT failures FROM user WHERE id = ? AND tenant = ?");
    private static readonly SqliteQuery UpdateLock = new("UPDATE user SET locked_until = ? WHERE id = ? AND tenant = ?");

    private static readonly SqliteQuery ClearFailures = new(
        "UPDATE user SET failures = 0, locked_until = NULL WHERE id = ? AND tenant = ? AND (failures > 0 OR locked_until IS NOT NULL)");

    /// <inheritdoc/>
    public ValueTask<CreateUserResult> CreateUser(NewUser user, string? inviteCode, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(user);
        return _database.Write(
            connection =>
            {
                // The invitation first: whether a name is taken is for those who may come in.
                if (inviteCode is not null
                    && connection.Prepare(UseInvite).Bind(1, user.Tenant.Value).Bind(2, inviteCode).Bind(3, now.ToUnixTimeMilliseconds()).Run() == 0)
                {
                    return new CreateUserResult(CreateUserStatus.InviteGone, null);
                }

                if (IsNameTaken(connection, user.Tenant, user.UserName))
                {
                    if (inviteCode is not null)
                    {
                        connection.Prepare(UnuseInvite).Bind(1, user.Tenant.Value).Bind(2, inviteCode).Run();
                    }

                    return new CreateUserResult(CreateUserStatus.NameTaken, null);
                }

                return new CreateUserResult(CreateUserStatus.Created, Insert(connection, user, subject: null, now));
            },
            cancel);
    }

    /// <inheritdoc/>
    public async ValueTask<User> EnsureExternalUser(
        TenantId tenant, string subject, string displayName, DateTimeOffset now, CancellationToken cancel)
    {
        // Known and unchanged, nearly always: look before taking the writer's turn.
        User? known = await _database.Read(connection => BySubject(connection, tenant, subject), cancel);
        return known is not null && known.DisplayName == displayName
            ? known
            : await _database.Write(connection => EnsureExternal(connection, tenant, subject, displayName, now), cancel);
    }

    private static User EnsureExternal(SqliteConnection connection, TenantId tenant, string subject, string displayName, DateTimeOffset now)
    {
        if (BySubject(connection, tenant, subject) is { } known)
        {
            Rename(connection, tenant, known.Id, displayName);
            return known with { DisplayName = displayName };
        }

        string name = ExternalUserName.Candidates(subject).First(candidate => !IsNameTaken(connection, tenant, candidate));
        return Insert(connection, new NewUser(tenant, name, displayName, PasswordHash: null, WorkspaceRole.Member), subject, now);
    }

    /// <inheritdoc/>
    public ValueTask<User?> FindUser(TenantId tenant, UserId user, CancellationToken cancel) =>
        _database.Read(connection => ById(connection, tenant, user), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<User>> FindUsers(TenantId tenant, IReadOnlyCollection<UserId> users, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(users);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(users.Count, 100, nameof(users));
        return _database.Read<IReadOnlyList<User>>(
            connection => [.. users.Select(user => ById(connection, tenant, user)).OfType<User>()], cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Page<User>> ReadUsers(TenantId tenant, string? query, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        string last = after is null ? "" : PageCursor.Name(after);
        return _database.Read(
            connection =>
            {
                List<User> users = [];
                using SqliteStatement row = connection.Prepare(ReadUserPage)
                    .Bind(1, tenant.Value).Bind(2, last).Bind(3, query is null ? "" : FoldedText.Of(query)).Bind(4, limit + 1);
                while (row.Step())
                {
                    users.Add(ReadUser(row));
                }

                return users.ToPage(limit, user => PageCursor.Of(user.UserName));
            },
            cancel);
    }

    /// <inheritdoc/>
    public async ValueTask SetDisplayName(TenantId tenant, UserId user, string displayName, CancellationToken cancel) =>
        await _database.Write(connection => Rename(connection, tenant, user, displayName), cancel);

    /// <inheritdoc/>
    public ValueTask<PresenceSetting?> SetPresenceChoice(TenantId tenant, UserId user, PresenceChoice choice, CancellationToken cancel) =>
        _database.Write<PresenceSetting?>(
            connection =>
            {
                using SqliteStatement row = connection.Prepare(UpdatePresence).Bind(1, (long)choice).Bind(2, user.Value).Bind(3, tenant.Value);
                return row.Step() ? new PresenceSetting(choice, row.Int64(0)) : null;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<Credentials?> FindCredentials(TenantId tenant, string userName, CancellationToken cancel) =>
        _database.Read(
            connection =>
            {
                using SqliteStatement row = connection.Prepare(ReadCredentials).Bind(1, tenant.Value).Bind(2, userName);
                return row.Step() ? new Credentials(ReadUser(row), row.TextOrNull(8), row.Int32(9), row.TimeOrNull(10)) : null;
            },
            cancel);

    /// <inheritdoc/>
    public async ValueTask SetPasswordHash(TenantId tenant, UserId user, string passwordHash, CancellationToken cancel) =>
        await _database.Write(
            connection => connection.Prepare(UpdatePassword).Bind(1, passwordHash).Bind(2, user.Value).Bind(3, tenant.Value).Run(), cancel);

    /// <inheritdoc/>
    public ValueTask<int> RecordSignInFailure(TenantId tenant, UserId user, CancellationToken cancel) =>
        _database.Write(
            connection =>
            {
                connection.Prepare(CountFailure).Bind(1, user.Value).Bind(2, tenant.Value).Run();
                using SqliteStatement row = connection.Prepare(ReadFailures).Bind(1, user.Value).Bind(2, tenant.Value);
                return row.Step() ? row.Int32(0) : 0;
            },
            cancel);

    /// <inheritdoc/>
    public async ValueTask LockOut(TenantId tenant, UserId user, DateTimeOffset lockedUntil, CancellationToken cancel) =>
        await _database.Write(
            connection => connection.Prepare(UpdateLock).Bind(1, lockedUntil.ToUnixTimeMilliseconds()).Bind(2, user.Value).Bind(3, tenant.Value).Run(), cancel);

    /// <inheritdoc/>
    public async ValueTask ClearSignInFailures(TenantId tenant, UserId user, CancellationToken cancel) =>
        await _database.Write(connection => connection.Prepare(ClearFailures).Bind(1, user.Value).Bind(2, tenant.Value).Run(), cancel);

    private static bool IsNameTaken(SqliteConnection connection, TenantId tenant, string userName)
    {
        using SqliteStatement row = connection.Prepare(FindByName).Bind(1, tenant.Value).Bind(2, userName);
        return row.Step();
    }

    private static User Insert(SqliteConnection connection, NewUser user, string? subject, DateTimeOffset now)
    {
        long createdAt = now.ToUnixTimeMilliseconds();
        var id = UserId.New(now);
        connection.Prepare(InsertUser)
            .Bind(1, id.Value).Bind(2, user.Tenant.Value).Bind(3, user.UserName).Bind(4, user.DisplayName).Bind(5, FoldedText.Of(user.DisplayName))
            .Bind(6, (long)user.Role).Bind(7, createdAt).Bind(8, user.PasswordHash).Bind(9, subject).Run();
        return new User(user.Tenant, id, user.UserName, user.DisplayName, user.Role, DateTimeOffset.FromUnixTimeMilliseconds(createdAt));
    }

    private static int Rename(SqliteConnection connection, TenantId tenant, UserId user, string displayName) =>
        connection.Prepare(UpdateDisplayName).Bind(1, displayName).Bind(2, FoldedText.Of(displayName)).Bind(3, user.Value).Bind(4, tenant.Value).Run();

    private static User? ById(SqliteConnection connection, TenantId tenant, UserId user)
    {
        using SqliteStatement row = connection.Prepare(FindById).Bind(1, user.Value).Bind(2, tenant.Value);
        return row.Step() ? ReadUser(row) : null;
    }

    private static User? BySubject(SqliteConnection connection, TenantId tenant, string subject)
    {
        using SqliteStatement row = connection.Prepare(FindBySubject).Bind(1, tenant.Value).Bind(2, subject);
        return row.Step() ? ReadUser(row) : null;
    }

    private static User ReadUser(SqliteStatement row) =>
        new(new TenantId(row.Guid(1)), new UserId(row.Guid(0)), row.Text(2), row.Text(3), (WorkspaceRole)row.Int32(4), row.Time(5), ReadPresence(row, 6));

    private static PresenceSetting ReadPresence(SqliteStatement row, int column) => new((PresenceChoice)row.Int32(column), row.Int64(column + 1));

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, RoomLimits.PageMax);
    }
}
