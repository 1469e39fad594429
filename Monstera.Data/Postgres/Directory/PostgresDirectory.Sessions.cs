using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

public sealed partial class PostgresDirectory
{
    private const int ListMax = 100;

    private const string InsertSession =
        """
        INSERT INTO directory.session (tenant, id, user_id, token_hash, created_at, last_seen_at, expires_at, client)
        SELECT tenant, $3, id, $4, $5, $6, $7, $8::text FROM directory.account WHERE tenant = $1 AND id = $2
        """;

    // The look-up without a tenant: who knows the token is shown its session, and with it the tenant.
    private const string SeeSessionOfToken = "SELECT set_config('monstera.session_token', encode($1, 'hex'), true)";
    private const string SeeTenantOfSession = "SELECT set_config('monstera.tenants', array[tenant]::text, true) FROM directory.session WHERE token_hash = $1";

    private const string FindByToken =
        """
        SELECT s.tenant, s.id, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.client, a.user_name, a.display_name, a.role, a.created_at, a.presence,
               a.presence_version
        FROM directory.session s JOIN directory.account a ON a.tenant = s.tenant AND a.id = s.user_id
        WHERE s.token_hash = $1 AND s.expires_at > $2
        """;

    private const string FindLive =
        """
        SELECT s.id FROM directory.session s JOIN directory.account a ON a.tenant = s.tenant AND a.id = s.user_id
        WHERE s.tenant = $1 AND s.id = ANY ($2) AND s.expires_at > $3
        """;

    private const string DeleteOthers = "DELETE FROM directory.session WHERE tenant = $1 AND user_id = $2 AND id IS DISTINCT FROM $3::uuid RETURNING id";

    private const string InsertInvite =
        """
        INSERT INTO directory.invite (tenant, id, code, created_by, created_at, expires_at, uses_left) VALUES ($1, $2, $3, $4, $5, $6, $7)
        """;

    private static readonly Expression<Func<InviteRow, Invite>> AsInvite =
        row => new Invite(row.Tenant, row.Id, row.Code, row.CreatedBy, row.CreatedAt, row.ExpiresAt, row.UsesLeft);

    /// <inheritdoc/>
    public async ValueTask CreateSession(Session session, ReadOnlyMemory<byte> tokenHash, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(session);
        int made = await _database.BatchOnce(batch => batch.See(session.Tenant)
            .Add(
                InsertSession, session.Tenant.Value, session.User.Value, session.Id.Value, tokenHash.ToArray(),
                PostgresTime.Of(session.CreatedAt), PostgresTime.Of(session.LastSeenAt), PostgresTime.Of(session.ExpiresAt), Nullable(session.Client))
            .Run(cancel));
        if (made == 0)
        {
            throw new ArgumentException("The tenant has no such user.", nameof(session));
        }
    }

    /// <inheritdoc/>
    public async ValueTask<(Session Session, User User)?> FindSession(ReadOnlyMemory<byte> tokenHash, DateTimeOffset now, CancellationToken cancel)
    {
        byte[] token = tokenHash.ToArray();
        List<(Session, User)> found = await _database.Batch(batch => batch
            .Setting(SeeSessionOfToken, token).Setting(SeeTenantOfSession, token)
            .Add(FindByToken, token, PostgresTime.Of(now)).Read(ReadSessionAndUser, cancel));
        return found is [var session] ? session : null;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Session>> ReadSessions(TenantId tenant, UserId user, DateTimeOffset now, CancellationToken cancel) =>
        await _database.Query(
            tenant,
            directory => directory.Sessions.Where(row => row.Tenant == tenant && row.UserId == user && row.ExpiresAt > now)
                .OrderByDescending(row => row.LastSeenAt).ThenByDescending(row => row.Id).Take(ListMax)
                .Select(row => new Session(row.Tenant, row.Id, row.UserId, row.CreatedAt, row.LastSeenAt, row.ExpiresAt, row.Client)).ToListAsync(cancel));

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<SessionId>> FindLiveSessions(
        TenantId tenant, IReadOnlyCollection<SessionId> sessions, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sessions.Count, IDirectory.LiveSessionsMax, nameof(sessions));
        Guid[] ids = [.. sessions.Select(session => session.Value)];
        return await _database.Batch(batch => batch.See(tenant)
            .Add(FindLive, tenant.Value, ids, PostgresTime.Of(now)).Read(row => new SessionId(row.GetGuid(0)), cancel));
    }

    /// <inheritdoc/>
    public async ValueTask TouchSession(
        TenantId tenant, SessionId session, DateTimeOffset lastSeenAt, DateTimeOffset expiresAt, CancellationToken cancel) =>
        await _database.Change(
            tenant,
            directory => directory.Sessions.Where(row => row.Tenant == tenant && row.Id == session)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.LastSeenAt, lastSeenAt).SetProperty(row => row.ExpiresAt, expiresAt), cancel));

    /// <inheritdoc/>
    public async ValueTask<bool> EndSession(TenantId tenant, UserId user, SessionId session, CancellationToken cancel) =>
        await _database.Change(
            tenant,
            directory => directory.Sessions.Where(row => row.Tenant == tenant && row.Id == session && row.UserId == user).ExecuteDeleteAsync(cancel)) > 0;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<SessionId>> EndOtherSessions(TenantId tenant, UserId user, SessionId? kept, CancellationToken cancel)
    {
        object keptId = kept is { } id ? id.Value : DBNull.Value;
        return await _database.BatchOnce(batch => batch.See(tenant)
            .Add(DeleteOthers, tenant.Value, user.Value, keptId).Read(row => new SessionId(row.GetGuid(0)), cancel));
    }

    /// <inheritdoc/>
    public async ValueTask RemoveExpired(DateTimeOffset now, CancellationToken cancel) =>
        await _database.Batch(batch => batch.Add("SELECT directory.remove_expired($1)", PostgresTime.Of(now)).Run(cancel));

    /// <inheritdoc/>
    public async ValueTask CreateInvite(Invite invite, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(invite);
        await _database.BatchOnce(batch => batch.See(invite.Tenant)
            .Add(
                InsertInvite, invite.Tenant.Value, invite.Id.Value, invite.Code, invite.CreatedBy.Value,
                PostgresTime.Of(invite.CreatedAt), PostgresTime.Of(invite.ExpiresAt), invite.UsesLeft)
            .Run(cancel));
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Invite>> ReadInvites(TenantId tenant, DateTimeOffset now, CancellationToken cancel) =>
        await _database.Query(
            tenant,
            directory => Usable(directory, tenant, now).OrderByDescending(row => row.CreatedAt).ThenByDescending(row => row.Id)
                .Take(ListMax).Select(AsInvite).ToListAsync(cancel));

    /// <inheritdoc/>
    public async ValueTask<Invite?> FindInvite(TenantId tenant, string code, DateTimeOffset now, CancellationToken cancel) =>
        PostgresText.CanHold(code)
            ? await _database.Query(tenant, directory => Usable(directory, tenant, now).Where(row => row.Code == code).Select(AsInvite).SingleOrDefaultAsync(cancel))
            : null;

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteInvite(TenantId tenant, InviteId invite, CancellationToken cancel) =>
        await _database.Change(
            tenant, directory => directory.Invites.Where(row => row.Tenant == tenant && row.Id == invite).ExecuteDeleteAsync(cancel)) > 0;

    private static IQueryable<InviteRow> Usable(DirectoryContext directory, TenantId tenant, DateTimeOffset now) =>
        directory.Invites.Where(row => row.Tenant == tenant && row.UsesLeft > 0 && row.ExpiresAt > now);

    private static (Session, User) ReadSessionAndUser(NpgsqlDataReader row)
    {
        var tenant = new TenantId(row.GetGuid(0));
        var user = new UserId(row.GetGuid(2));
        var session = new Session(tenant, new SessionId(row.GetGuid(1)), user, row.Time(3), row.Time(4), row.Time(5), row.Text(6));
        return (session, new User(tenant, user, row.GetString(7), row.GetString(8), (WorkspaceRole)row.GetInt16(9), row.Time(10), new PresenceSetting((PresenceChoice)row.GetInt16(11), row.GetInt64(12))));
    }
}
