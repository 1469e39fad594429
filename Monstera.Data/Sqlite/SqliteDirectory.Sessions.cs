using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteDirectory
{
    private const int ListMax = 100;

    private const string SessionColumns = "s.id, s.tenant, s.user, s.created_at, s.last_seen_at, s.expires_at, s.client";

    private const string InviteColumns = "SELECT id, tenant, code, created_by, created_at, expires_at, uses_left FROM invite";

    private static readonly SqliteQuery InsertSession = new(
        """
        INSERT INTO session (id, tenant, user, token_hash, created_at, last_seen_at, expires_at, client)
        SELECT ?1, u.tenant, u.id, ?4, ?5, ?6, ?7, ?8 FROM user u WHERE u.id = ?3 AND u.tenant = ?2
        """);

    // The one query that names no tenant: the token is secret, unique over all tenants, and leads to its own.
    private static readonly SqliteQuery FindByToken = new(
        "SELECT " + SessionColumns + """
        , u.user_name, u.display_name, u.role, u.created_at, u.presence, u.presence_version
        FROM session s JOIN user u ON u.id = s.user AND u.tenant = s.tenant
        WHERE s.token_hash = ? AND s.expires_at > ?
        """);

    private static readonly SqliteQuery ReadSessionList = new(
        "SELECT " + SessionColumns + """
         FROM session s WHERE s.user = ? AND s.tenant = ? AND s.expires_at > ? ORDER BY s.last_seen_at DESC, s.id DESC LIMIT ?
        """);

    private static readonly SqliteQuery FindLive = new(
        "SELECT 1 FROM session s JOIN user u ON u.id = s.user AND u.tenant = s.tenant WHERE s.id = ? AND s.tenant = ? AND s.expires_at > ?");

    private static readonly SqliteQuery UpdateSession = new("UPDATE session SET last_seen_at = ?, expires_at = ? WHERE id = ? AND tenant = ?");
    private static readonly SqliteQuery DeleteSession = new("DELETE FROM session WHERE id = ? AND user = ? AND tenant = ?");

    private static readonly SqliteQuery DeleteOthers = new(
        "DELETE FROM session WHERE user = ? AND tenant = ? AND id IS NOT ? RETURNING id");

    private static readonly SqliteQuery DeleteExpiredSessions = new("DELETE FROM session WHERE expires_at <= ?");
    private static readonly SqliteQuery DeleteExpiredInvites = new("DELETE FROM invite WHERE expires_at <= ?");

    private static readonly SqliteQuery InsertInvite = new(
        "INSERT INTO invite (id, tenant, code, created_by, created_at, expires_at, uses_left) VALUES (?, ?, ?, ?, ?, ?, ?)");

    private static readonly SqliteQuery ReadInviteList = new(
        InviteColumns + " WHERE tenant = ? AND uses_left > 0 AND expires_at > ? ORDER BY created_at DESC, id DESC LIMIT ?");

    private static readonly SqliteQuery FindByCode = new(InviteColumns + " WHERE tenant = ? AND code = ? AND uses_left > 0 AND expires_at > ?");
    private static readonly SqliteQuery DeleteInviteRow = new("DELETE FROM invite WHERE id = ? AND tenant = ?");

    /// <inheritdoc/>
    public async ValueTask CreateSession(Session session, ReadOnlyMemory<byte> tokenHash, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(session);
        int made = await _database.Write(
            connection => connection.Prepare(InsertSession)
                .Bind(1, session.Id.Value).Bind(2, session.Tenant.Value).Bind(3, session.User.Value).Bind(4, tokenHash.Span)
                .Bind(5, session.CreatedAt.ToUnixTimeMilliseconds()).Bind(6, session.LastSeenAt.ToUnixTimeMilliseconds())
                .Bind(7, session.ExpiresAt.ToUnixTimeMilliseconds()).Bind(8, session.Client).Run(),
            cancel);
        if (made == 0)
        {
            throw new ArgumentException("The tenant has no such user.", nameof(session));
        }
    }

    /// <inheritdoc/>
    public ValueTask<(Session Session, User User)?> FindSession(ReadOnlyMemory<byte> tokenHash, DateTimeOffset now, CancellationToken cancel) =>
        _database.Read<(Session, User)?>(
            connection =>
            {
                using SqliteStatement row = connection.Prepare(FindByToken).Bind(1, tokenHash.Span).Bind(2, now.ToUnixTimeMilliseconds());
                if (!row.Step())
                {
                    return null;
                }

                Session session = ReadSession(row);
                return (session, new User(session.Tenant, session.User, row.Text(7), row.Text(8), (WorkspaceRole)row.Int32(9), row.Time(10), ReadPresence(row, 11)));
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Session>> ReadSessions(TenantId tenant, UserId user, DateTimeOffset now, CancellationToken cancel) =>
        _database.Read<IReadOnlyList<Session>>(
            connection =>
            {
                List<Session> sessions = [];
                using SqliteStatement row = connection.Prepare(ReadSessionList)
                    .Bind(1, user.Value).Bind(2, tenant.Value).Bind(3, now.ToUnixTimeMilliseconds()).Bind(4, ListMax);
                while (row.Step())
                {
                    sessions.Add(ReadSession(row));
                }

                return sessions;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SessionId>> FindLiveSessions(
        TenantId tenant, IReadOnlyCollection<SessionId> sessions, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sessions.Count, IDirectory.LiveSessionsMax, nameof(sessions));
        return _database.Read<IReadOnlyList<SessionId>>(connection => [.. sessions.Where(session => IsLive(connection, tenant, session, now))], cancel);
    }

    /// <inheritdoc/>
    public async ValueTask TouchSession(
        TenantId tenant, SessionId session, DateTimeOffset lastSeenAt, DateTimeOffset expiresAt, CancellationToken cancel) =>
        await _database.Write(
            connection => connection.Prepare(UpdateSession)
                .Bind(1, lastSeenAt.ToUnixTimeMilliseconds()).Bind(2, expiresAt.ToUnixTimeMilliseconds()).Bind(3, session.Value).Bind(4, tenant.Value).Run(),
            cancel);

    /// <inheritdoc/>
    public async ValueTask<bool> EndSession(TenantId tenant, UserId user, SessionId session, CancellationToken cancel) =>
        await _database.Write(
            connection => connection.Prepare(DeleteSession).Bind(1, session.Value).Bind(2, user.Value).Bind(3, tenant.Value).Run(), cancel) > 0;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SessionId>> EndOtherSessions(TenantId tenant, UserId user, SessionId? kept, CancellationToken cancel) =>
        _database.Write<IReadOnlyList<SessionId>>(
            connection =>
            {
                List<SessionId> ended = [];
                using SqliteStatement row = connection.Prepare(DeleteOthers).Bind(1, user.Value).Bind(2, tenant.Value).Bind(3, kept?.Value);
                while (row.Step())
                {
                    ended.Add(new SessionId(row.Guid(0)));
                }

                return ended;
            },
            cancel);

    /// <summary>
    /// <inheritdoc/> It is the housekeeping that every server does from time to time, so that the write-ahead log is scrubbed of erased texts here too.
    /// </summary>
    public async ValueTask RemoveExpired(DateTimeOffset now, CancellationToken cancel)
    {
        long at = now.ToUnixTimeMilliseconds();
        await _database.Write(
            connection => connection.Prepare(DeleteExpiredSessions).Bind(1, at).Run() + connection.Prepare(DeleteExpiredInvites).Bind(1, at).Run(), cancel);
        await _database.Scrub(cancel);
    }

    /// <inheritdoc/>
    public async ValueTask CreateInvite(Invite invite, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(invite);
        await _database.Write(
            connection => connection.Prepare(InsertInvite)
                .Bind(1, invite.Id.Value).Bind(2, invite.Tenant.Value).Bind(3, invite.Code).Bind(4, invite.CreatedBy.Value)
                .Bind(5, invite.CreatedAt.ToUnixTimeMilliseconds()).Bind(6, invite.ExpiresAt.ToUnixTimeMilliseconds()).Bind(7, invite.UsesLeft).Run(),
            cancel);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Invite>> ReadInvites(TenantId tenant, DateTimeOffset now, CancellationToken cancel) =>
        _database.Read<IReadOnlyList<Invite>>(
            connection =>
            {
                List<Invite> invites = [];
                using SqliteStatement row = connection.Prepare(ReadInviteList)
                    .Bind(1, tenant.Value).Bind(2, now.ToUnixTimeMilliseconds()).Bind(3, ListMax);
                while (row.Step())
                {
                    invites.Add(ReadInvite(row));
                }

                return invites;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask<Invite?> FindInvite(TenantId tenant, string code, DateTimeOffset now, CancellationToken cancel) =>
        _database.Read(
            connection =>
            {
                using SqliteStatement row = connection.Prepare(FindByCode).Bind(1, tenant.Value).Bind(2, code).Bind(3, now.ToUnixTimeMilliseconds());
                return row.Step() ? ReadInvite(row) : null;
            },
            cancel);

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteInvite(TenantId tenant, InviteId invite, CancellationToken cancel) =>
        await _database.Write(connection => connection.Prepare(DeleteInviteRow).Bind(1, invite.Value).Bind(2, tenant.Value).Run(), cancel) > 0;

    private static bool IsLive(SqliteConnection connection, TenantId tenant, SessionId session, DateTimeOffset now)
    {
        using SqliteStatement row = connection.Prepare(FindLive).Bind(1, session.Value).Bind(2, tenant.Value).Bind(3, now.ToUnixTimeMilliseconds());
        return row.Step();
    }

    private static Session ReadSession(SqliteStatement row) =>
        new(
            new TenantId(row.Guid(1)), new SessionId(row.Guid(0)), new UserId(row.Guid(2)), row.Time(3), row.Time(4), row.Time(5), row.TextOrNull(6));

    private static Invite ReadInvite(SqliteStatement row) =>
        new(
            new TenantId(row.Guid(1)), new InviteId(row.Guid(0)), row.Text(2), new UserId(row.Guid(3)), row.Time(4), row.Time(5), row.Int32(6));
}
