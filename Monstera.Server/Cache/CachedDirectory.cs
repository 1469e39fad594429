using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Backplane;
using Monstera.Server.Nodes;

namespace Monstera.Server.Cache;

/// <summary>
/// Remembers what every connection and request asks the directory for: whose a session's token is, users, tenants. What this node changes counts at once here, and on the others as soon as
/// the backplane has told them; should it not, sessions are read anew after a second, and users and tenants after a minute.
/// </summary>
/// <remarks>
/// Nothing else is remembered: no passwords, no invitations, no lists, and above all no memberships, which every write and read of a room checks in its own transaction. While the
/// backplane is away sessions are read anew each time, and users and tenants after a second; when it is back, all is forgotten. The shared cache has users and tenants, never sessions.
/// </remarks>
public sealed partial class CachedDirectory : IDirectory
{
    private const int SessionsMax = 50_000;
    private const int UsersMax = 100_000;
    private const int TenantsMax = 10_000;
    private const int UntoldMax = 10_000;

    private static readonly TimeSpan SessionsFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OthersFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan OthersWhileAway = TimeSpan.FromSeconds(1);

    /// <summary>Whose subject somebody is never changes.</summary>
    private static readonly TimeSpan SubjectsFor = TimeSpan.FromHours(1);

    private readonly IDirectory _stored;
    private readonly IBackplane _backplane;
    private readonly ISharedCache _shared;
    private readonly CacheMeter _meter;
    private readonly TimeProvider _time;
    private readonly CachedEntries<TokenHash, ReadSession> _sessions;
    private readonly CachedEntries<(TenantId Tenant, UserId Id), User> _users;
    private readonly CachedEntries<TenantId, Tenant> _tenants;
    private readonly RecentEntries<(TenantId Tenant, string Subject), UserId> _subjects;

    /// <summary>When sessions last changed or ended; longer than one is remembered.</summary>
    private readonly RecentEntries<SessionId, long> _changedSessions;

    private readonly Lock _gate = new();
    private readonly HashSet<NodeSignal> _untold = [];

    public CachedDirectory(IDirectory stored, SessionEndings endings, IBackplane backplane, ISharedCache shared, CacheMeter meter, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(endings);
        ArgumentNullException.ThrowIfNull(backplane);
        _stored = stored;
        _backplane = backplane;
        _shared = shared;
        _meter = meter;
        _time = time;
        _sessions = new CachedEntries<TokenHash, ReadSession>(SessionsMax, time);
        _users = new CachedEntries<(TenantId, UserId), User>(UsersMax, time);
        _tenants = new CachedEntries<TenantId, Tenant>(TenantsMax, time);
        _subjects = new RecentEntries<(TenantId, string), UserId>(UsersMax, SubjectsFor, time);
        _changedSessions = new RecentEntries<SessionId, long>(2 * SessionsMax, OthersFor, time);
        endings.Ended += NoteChanged;
        backplane.Told += Hear;
        backplane.Missed += ForgetMissed;
    }

    private TimeSpan OthersLifetime => _backplane.IsAway ? OthersWhileAway : OthersFor;

    // --- what is remembered ---

    /// <inheritdoc/>
    public async ValueTask<(Session Session, User User)?> FindSession(ReadOnlyMemory<byte> tokenHash, DateTimeOffset now, CancellationToken cancel)
    {
        if (tokenHash.Length != TokenHash.Bytes || _backplane.IsAway)
        {
            return await _stored.FindSession(tokenHash, now, cancel);
        }

        bool isHit = true;
        ReadSession? read = await _sessions.Get(
            TokenHash.Of(tokenHash.Span),
            SessionsFor,
            _ =>
            {
                isHit = false;
                return LookUpSession(tokenHash, now);
            },
            cancel);
        if (read is null)
        {
            _meter.Miss("session");
            return null;
        }

        // It may have changed or ended while it was remembered or looked up. Then its end is read, rather than believed.
        if ((_changedSessions.TryGet(read.Session.Id, out long changedAt) && changedAt >= read.AskedAt) || read.Session.ExpiresAt <= now)
        {
            _meter.Miss("session");
            return await _stored.FindSession(tokenHash, now, cancel);
        }

        Count("session", isHit);
        return await FindUser(read.Session.Tenant, read.Session.User, cancel) is { } user ? (read.Session, user) : null;
    }

    /// <inheritdoc/>
    public async ValueTask<User?> FindUser(TenantId tenant, UserId user, CancellationToken cancel)
    {
        bool isHit = true;
        User? found = await _users.Get(
            (tenant, user),
            OthersLifetime,
            _ =>
            {
                isHit = false;
                return LookUpShared(UserKey(tenant, user), "user", () => _stored.FindUser(tenant, user, CancellationToken.None), other => other.Tenant == tenant && other.Id == user);
            },
            cancel);
        CountMemory("user", isHit);
        return found;
    }

    /// <inheritdoc/>
    public async ValueTask<Tenant?> FindTenant(TenantId tenant, CancellationToken cancel)
    {
        bool isHit = true;
        Tenant? found = await _tenants.Get(
            tenant,
            OthersLifetime,
            _ =>
            {
                isHit = false;
                return LookUpShared(TenantKey(tenant), "tenant", () => _stored.FindTenant(tenant, CancellationToken.None), other => other.Id == tenant);
            },
            cancel);
        CountMemory("tenant", isHit);
        return found;
    }

    /// <inheritdoc/>
    public async ValueTask<User> EnsureExternalUser(TenantId tenant, string subject, string displayName, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(subject);
        bool isKnown = _subjects.TryGet((tenant, subject), out UserId known);
        if (isKnown && await FindUser(tenant, known, cancel) is { } remembered && remembered.DisplayName == displayName)
        {
            _meter.Hit("subject");
            return remembered;
        }

        // Perhaps it changes the display name, perhaps another node remembers a former one.
        _meter.Miss("subject");
        long stamp = _users.Stamp();
        User user;
        try
        {
            user = await _stored.EnsureExternalUser(tenant, subject, displayName, now, cancel);
        }
        catch when (isKnown)
        {
            // The name may have changed all the same.
            await Tell(new UserSignal(tenant, known));
            throw;
        }

        await Tell(new UserSignal(tenant, user.Id), () => _users.Replace((tenant, user.Id), user, stamp));
        _subjects.Put((tenant, subject), user.Id);
        return user;
    }

    // --- what changes it ---

    /// <inheritdoc/>
    public async ValueTask<CreateUserResult> SetUp(string name, NewUser owner, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(owner);
        try
        {
            return await _stored.SetUp(name, owner, now, cancel);
        }
        finally
        {
            await Tell(new TenantSignal(owner.Tenant));
        }
    }

    /// <inheritdoc/>
    public async ValueTask SetDefaultRoom(TenantId tenant, RoomId room, CancellationToken cancel)
    {
        try
        {
            await _stored.SetDefaultRoom(tenant, room, cancel);
        }
        finally
        {
            // Also when it failed: it may have happened all the same.
            await Tell(new TenantSignal(tenant));
        }
    }

    /// <inheritdoc/>
    public async ValueTask SetDisplayName(TenantId tenant, UserId user, string displayName, CancellationToken cancel)
    {
        try
        {
            await _stored.SetDisplayName(tenant, user, displayName, cancel);
        }
        finally
        {
            await Tell(new UserSignal(tenant, user));
        }
    }

    /// <inheritdoc/>
    public async ValueTask<PresenceSetting?> SetPresenceChoice(TenantId tenant, UserId user, PresenceChoice choice, CancellationToken cancel)
    {
        try
        {
            return await _stored.SetPresenceChoice(tenant, user, choice, cancel);
        }
        finally
        {
            await Tell(new UserSignal(tenant, user));
        }
    }

    /// <inheritdoc/>
    public async ValueTask TouchSession(TenantId tenant, SessionId session, DateTimeOffset lastSeenAt, DateTimeOffset expiresAt, CancellationToken cancel)
    {
        try
        {
            await _stored.TouchSession(tenant, session, lastSeenAt, expiresAt, cancel);
        }
        finally
        {
            NoteChanged(session);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> EndSession(TenantId tenant, UserId user, SessionId session, CancellationToken cancel)
    {
        try
        {
            return await _stored.EndSession(tenant, user, session, cancel);
        }
        finally
        {
            NoteChanged(session);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<SessionId>> EndOtherSessions(TenantId tenant, UserId user, SessionId? kept, CancellationToken cancel)
    {
        try
        {
            IReadOnlyList<SessionId> ended = await _stored.EndOtherSessions(tenant, user, kept, cancel);
            foreach (SessionId session in ended)
            {
                NoteChanged(session);
            }

            return ended;
        }
        catch
        {
            // It may have happened, and which they were nobody knows.
            _sessions.Clear();
            throw;
        }
    }

    // --- looking up ---

    private async Task<ReadSession?> LookUpSession(ReadOnlyMemory<byte> tokenHash, DateTimeOffset now)
    {
        long askedAt = _time.GetTimestamp();
        long users = _users.Stamp();
        if (await _stored.FindSession(tokenHash, now, CancellationToken.None) is not { } found)
        {
            return null;
        }

        _users.Put((found.User.Tenant, found.User.Id), found.User, users);
        return new ReadSession(found.Session, askedAt);
    }

    private async Task<T?> LookUpShared<T>(SharedKey key, string kind, Func<ValueTask<T?>> stored, Func<T, bool> isIt)
        where T : class
    {
        SharedEntry shared = await _shared.Read(key);
        if (shared.Value is { } value && SharedRecord<T>.Read(value.Span) is { } remembered && isIt(remembered))
        {
            _meter.SharedHit(kind);
            return remembered;
        }

        _meter.Miss(kind);
        T? found = await stored();
        if (found is not null && shared.Lease is { } lease)
        {
            _shared.Fill(key, lease, SharedRecord<T>.Write(found));
        }

        return found;
    }

    private static SharedKey UserKey(TenantId tenant, UserId user) => new($"{tenant}/{user}", SharedRecord<User>.Name);

    private static SharedKey TenantKey(TenantId tenant) => new($"{tenant}", SharedRecord<Tenant>.Name);

    private void Count(string kind, bool isHit)
    {
        if (isHit)
        {
            _meter.Hit(kind);
        }
        else
        {
            _meter.Miss(kind);
        }
    }

    /// <summary>What was not in memory has been counted where it was looked up.</summary>
    private void CountMemory(string kind, bool isHit)
    {
        if (isHit)
        {
            _meter.Hit(kind);
        }
    }

    /// <summary>A session, and when it was asked for.</summary>
    private sealed record ReadSession(Session Session, long AskedAt);
}
