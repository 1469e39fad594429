using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

public sealed partial class PostgresDirectory
{
    private const string UserNameTaken = "account_user_name";

    private const string InsertUser =
        """
        INSERT INTO directory.account (tenant, id, user_name, display_name, display_folded, role, created_at, password_hash, subject)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text, $9::text)
        ON CONFLICT DO NOTHING
        """;

    // One statement, so that a name that is taken uses up nothing. Of two at once the second waits for the first, and then finds what is left.
    private const string InsertInvited =
        """
        WITH used AS (
            UPDATE directory.invite SET uses_left = uses_left - 1 WHERE tenant = $1 AND code = $8 AND uses_left > 0 AND expires_at > $10 RETURNING tenant)
        INSERT INTO directory.account (tenant, id, user_name, display_name, display_folded, role, created_at, password_hash)
        SELECT tenant, $2, $3, $4, $5, $6, $7, $9::text FROM used
        """;

    private const string CountFailure = "UPDATE directory.account SET failures = failures + 1 WHERE tenant = $1 AND id = $2 RETURNING failures";

    private const string UpdatePresence =
        "UPDATE directory.account SET presence = $3, presence_version = presence_version + 1 WHERE tenant = $1 AND id = $2 RETURNING presence_version";

    private static readonly Expression<Func<AccountRow, User>> AsUser =
        row => new User(row.Tenant, row.Id, row.UserName, row.DisplayName, row.Role, row.CreatedAt, new PresenceSetting(row.Presence, row.PresenceVersion));

    /// <inheritdoc/>
    public async ValueTask<CreateUserResult> CreateUser(NewUser user, string? inviteCode, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(user);
        if (inviteCode is null)
        {
            return await Insert(user, subject: null, now, cancel) is { } inserted
                ? new CreateUserResult(CreateUserStatus.Created, inserted)
                : new CreateUserResult(CreateUserStatus.NameTaken, null);
        }

        if (!PostgresText.CanHold(inviteCode))
        {
            return new CreateUserResult(CreateUserStatus.InviteGone, null);
        }

        User made = Make(user, now);
        int? rows = await InsertUnlessTaken(
            user.Tenant,
            InsertInvited,
            [
                made.Tenant.Value, made.Id.Value, made.UserName, made.DisplayName, FoldedText.Of(made.DisplayName), (short)made.Role, made.CreatedAt, inviteCode,
                Nullable(user.PasswordHash), PostgresTime.Of(now),
            ],
            cancel);
        return rows switch
        {
            null => new CreateUserResult(CreateUserStatus.NameTaken, null),
            0 => new CreateUserResult(CreateUserStatus.InviteGone, null),
            _ => new CreateUserResult(CreateUserStatus.Created, made),
        };
    }

    /// <inheritdoc/>
    public async ValueTask<User> EnsureExternalUser(
        TenantId tenant, string subject, string displayName, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string[] names = [.. ExternalUserName.Candidates(subject)];

        // Whoever loses a race, for the subject or for the name, looks again. Each turn that is lost has given one of the names away, or made the user.
        for (int turn = 0; turn <= names.Length; turn++)
        {
            if (await BySubject(tenant, subject, cancel) is { } known)
            {
                if (known.DisplayName != displayName)
                {
                    await SetDisplayName(tenant, known.Id, displayName, cancel);
                }

                return known with { DisplayName = displayName };
            }

            List<string> taken = await _database.Query(
                tenant,
                directory => directory.Accounts.Where(row => row.Tenant == tenant && names.Contains(row.UserName)).Select(row => row.UserName).ToListAsync(cancel));
            string name = names.Except(taken, StringComparer.Ordinal).First();
            if (await Insert(new NewUser(tenant, name, displayName, PasswordHash: null, WorkspaceRole.Member), subject, now, cancel) is { } made)
            {
                return made;
            }
        }

        throw new StorageUnavailableException("All user names of an external user were given away meanwhile.");
    }

    /// <inheritdoc/>
    public async ValueTask<User?> FindUser(TenantId tenant, UserId user, CancellationToken cancel) =>
        await _database.Query(tenant, directory => Account(directory, tenant, user).Select(AsUser).SingleOrDefaultAsync(cancel));

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<User>> FindUsers(TenantId tenant, IReadOnlyCollection<UserId> users, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(users);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(users.Count, 100, nameof(users));
        UserId[] ids = [.. users];
        return await _database.Query(
            tenant, directory => directory.Accounts.Where(row => row.Tenant == tenant && ids.Contains(row.Id)).Select(AsUser).ToListAsync(cancel));
    }

    /// <inheritdoc/>
    public async ValueTask<Page<User>> ReadUsers(TenantId tenant, string? query, string? after, int limit, CancellationToken cancel)
    {
        CheckLimit(limit);
        string last = after is null ? "" : PageCursor.Name(after);
        string part = query is null ? "" : FoldedText.Of(query);
        if (!PostgresText.CanHold(last))
        {
            throw new FormatException("Not a page cursor.");
        }

        if (!PostgresText.CanHold(part))
        {
            return new Page<User>([], Next: null);
        }

        List<User> users = await _database.Query(
            tenant,
            directory => directory.Accounts
#pragma warning disable CA1307, CA1309, CA1310 // PostgreSQL compares, by code point.
                .Where(row => row.Tenant == tenant && string.Compare(row.UserName, last) > 0 && (row.UserName.Contains(part) || row.DisplayFolded.Contains(part)))
#pragma warning restore CA1307, CA1309, CA1310
                .OrderBy(row => row.UserName).Take(limit + 1).Select(AsUser).ToListAsync(cancel));
        return users.ToPage(limit, user => PageCursor.Of(user.UserName));
    }

    /// <inheritdoc/>
    public async ValueTask SetDisplayName(TenantId tenant, UserId user, string displayName, CancellationToken cancel)
    {
        string folded = FoldedText.Of(displayName);
        await _database.Change(
            tenant,
            directory => Account(directory, tenant, user)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.DisplayName, displayName).SetProperty(row => row.DisplayFolded, folded), cancel));
    }

    /// <inheritdoc/>
    public async ValueTask<PresenceSetting?> SetPresenceChoice(TenantId tenant, UserId user, PresenceChoice choice, CancellationToken cancel)
    {
        List<long> versions = await _database.Batch(
            batch => batch.See(tenant).Add(UpdatePresence, tenant.Value, user.Value, (short)choice).Read(row => row.GetInt64(0), cancel));
        return versions is [var version] ? new PresenceSetting(choice, version) : null;
    }

    /// <inheritdoc/>
    public async ValueTask<Credentials?> FindCredentials(TenantId tenant, string userName, CancellationToken cancel) =>
        PostgresText.CanHold(userName)
            ? await _database.Query(
                tenant,
                directory => directory.Accounts.Where(row => row.Tenant == tenant && row.UserName == userName)
                    .Select(row => new Credentials(
                        new User(row.Tenant, row.Id, row.UserName, row.DisplayName, row.Role, row.CreatedAt, new PresenceSetting(row.Presence, row.PresenceVersion)),
                        row.PasswordHash,
                        row.Failures,
                        row.LockedUntil))
                    .SingleOrDefaultAsync(cancel))
            : null;

    /// <inheritdoc/>
    public async ValueTask SetPasswordHash(TenantId tenant, UserId user, string passwordHash, CancellationToken cancel) =>
        await _database.Change(
            tenant,
            directory => Account(directory, tenant, user).ExecuteUpdateAsync(set => set.SetProperty(row => row.PasswordHash, passwordHash), cancel));

    /// <inheritdoc/>
    public async ValueTask<int> RecordSignInFailure(TenantId tenant, UserId user, CancellationToken cancel) =>
        (await _database.BatchOnce(batch => batch.See(tenant).Add(CountFailure, tenant.Value, user.Value).Read(row => row.GetInt32(0), cancel))).SingleOrDefault();

    /// <inheritdoc/>
    public async ValueTask LockOut(TenantId tenant, UserId user, DateTimeOffset lockedUntil, CancellationToken cancel) =>
        await _database.Change(
            tenant,
            directory => Account(directory, tenant, user).ExecuteUpdateAsync(set => set.SetProperty(row => row.LockedUntil, (DateTimeOffset?)lockedUntil), cancel));

    /// <inheritdoc/>
    public async ValueTask ClearSignInFailures(TenantId tenant, UserId user, CancellationToken cancel) =>
        await _database.Change(
            tenant,
            directory => Account(directory, tenant, user).Where(row => row.Failures > 0 || row.LockedUntil != null)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.Failures, 0).SetProperty(row => row.LockedUntil, (DateTimeOffset?)null), cancel));

    private static IQueryable<AccountRow> Account(DirectoryContext directory, TenantId tenant, UserId user) =>
        directory.Accounts.Where(row => row.Tenant == tenant && row.Id == user);

    private static User Make(NewUser user, DateTimeOffset now) =>
        new(user.Tenant, UserId.New(now), user.UserName, user.DisplayName, user.Role, PostgresTime.Of(now));

    private async Task<User?> BySubject(TenantId tenant, string subject, CancellationToken cancel) =>
        await _database.Query(
            tenant, directory => directory.Accounts.Where(row => row.Tenant == tenant && row.Subject == subject).Select(AsUser).SingleOrDefaultAsync(cancel));

    /// <returns>Null: the user name, or the subject, is taken.</returns>
    private async Task<User?> Insert(NewUser user, string? subject, DateTimeOffset now, CancellationToken cancel)
    {
        User made = Make(user, now);
        int rows = await _database.BatchOnce(batch => batch.See(user.Tenant)
            .Add(
                InsertUser, made.Tenant.Value, made.Id.Value, made.UserName, made.DisplayName, FoldedText.Of(made.DisplayName), (short)made.Role, made.CreatedAt,
                Nullable(user.PasswordHash), Nullable(subject))
            .Run(cancel));
        return rows > 0 ? made : null;
    }

    /// <returns>Rows inserted; null when the user name is taken, and then nothing was changed.</returns>
    private async Task<int?> InsertUnlessTaken(TenantId tenant, string statement, object[] values, CancellationToken cancel)
    {
        try
        {
            return await _database.BatchOnce(batch => batch.See(tenant).Add(statement, values).Run(cancel));
        }
        catch (PostgresException e) when (e.ConstraintName == UserNameTaken)
        {
            return null;
        }
    }
}
