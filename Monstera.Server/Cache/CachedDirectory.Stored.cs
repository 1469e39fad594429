using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Server.Cache;

// What is not remembered goes straight to the storage. A new call of the directory that changes users, tenants or sessions belongs beside those that tell the others.
public sealed partial class CachedDirectory
{
    /// <inheritdoc/>
    public ValueTask<Tenant> EnsureTenant(string key, DateTimeOffset now, CancellationToken cancel) => _stored.EnsureTenant(key, now, cancel);

    /// <inheritdoc/>
    public ValueTask<CreateUserResult> CreateUser(NewUser user, string? inviteCode, DateTimeOffset now, CancellationToken cancel) =>
        _stored.CreateUser(user, inviteCode, now, cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<User>> FindUsers(TenantId tenant, IReadOnlyCollection<UserId> users, CancellationToken cancel) =>
        _stored.FindUsers(tenant, users, cancel);

    /// <inheritdoc/>
    public ValueTask<Page<User>> ReadUsers(TenantId tenant, string? query, string? after, int limit, CancellationToken cancel) =>
        _stored.ReadUsers(tenant, query, after, limit, cancel);

    /// <inheritdoc/>
    public ValueTask<Credentials?> FindCredentials(TenantId tenant, string userName, CancellationToken cancel) => _stored.FindCredentials(tenant, userName, cancel);

    /// <inheritdoc/>
    public ValueTask SetPasswordHash(TenantId tenant, UserId user, string passwordHash, CancellationToken cancel) =>
        _stored.SetPasswordHash(tenant, user, passwordHash, cancel);

    /// <inheritdoc/>
    public ValueTask<int> RecordSignInFailure(TenantId tenant, UserId user, CancellationToken cancel) => _stored.RecordSignInFailure(tenant, user, cancel);

    /// <inheritdoc/>
    public ValueTask LockOut(TenantId tenant, UserId user, DateTimeOffset lockedUntil, CancellationToken cancel) =>
        _stored.LockOut(tenant, user, lockedUntil, cancel);

    /// <inheritdoc/>
    public ValueTask ClearSignInFailures(TenantId tenant, UserId user, CancellationToken cancel) => _stored.ClearSignInFailures(tenant, user, cancel);

    /// <inheritdoc/>
    public ValueTask CreateSession(Session session, ReadOnlyMemory<byte> tokenHash, CancellationToken cancel) => _stored.CreateSession(session, tokenHash, cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Session>> ReadSessions(TenantId tenant, UserId user, DateTimeOffset now, CancellationToken cancel) =>
        _stored.ReadSessions(tenant, user, now, cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SessionId>> FindLiveSessions(
        TenantId tenant, IReadOnlyCollection<SessionId> sessions, DateTimeOffset now, CancellationToken cancel) => _stored.FindLiveSessions(tenant, sessions, now, cancel);

    /// <inheritdoc/>
    public ValueTask RemoveExpired(DateTimeOffset now, CancellationToken cancel) => _stored.RemoveExpired(now, cancel);

    /// <inheritdoc/>
    public ValueTask CreateInvite(Invite invite, CancellationToken cancel) => _stored.CreateInvite(invite, cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Invite>> ReadInvites(TenantId tenant, DateTimeOffset now, CancellationToken cancel) => _stored.ReadInvites(tenant, now, cancel);

    /// <inheritdoc/>
    public ValueTask<Invite?> FindInvite(TenantId tenant, string code, DateTimeOffset now, CancellationToken cancel) => _stored.FindInvite(tenant, code, now, cancel);

    /// <inheritdoc/>
    public ValueTask<bool> DeleteInvite(TenantId tenant, InviteId invite, CancellationToken cancel) => _stored.DeleteInvite(tenant, invite, cancel);

    /// <inheritdoc/>
    public ValueTask ApplyMemberships(IReadOnlyList<MembershipChange> changes, CancellationToken cancel) => _stored.ApplyMemberships(changes, cancel);

    /// <inheritdoc/>
    public ValueTask<Page<UserRoom>> ReadRooms(TenantId tenant, UserId user, string? after, int limit, CancellationToken cancel) =>
        _stored.ReadRooms(tenant, user, after, limit, cancel);

    /// <inheritdoc/>
    public ValueTask<UserRoom?> FindRoom(TenantId tenant, UserId user, RoomId room, CancellationToken cancel) => _stored.FindRoom(tenant, user, room, cancel);

    /// <inheritdoc/>
    public ValueTask<long> MarkRead(TenantId tenant, UserId user, RoomId room, long seq, CancellationToken cancel) =>
        _stored.MarkRead(tenant, user, room, seq, cancel);

    /// <inheritdoc/>
    public ValueTask ProveWritable(CancellationToken cancel) => _stored.ProveWritable(cancel);
}
