using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Directory;

/// <summary>A directory whose calls are measured. What it answers and throws is the other's. Types of query are groups of calls.</summary>
public sealed class MeasuredDirectory(IDirectory directory, StorageMeter meter) : IDirectory
{
    public ValueTask<Tenant> EnsureTenant(string key, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("tenant", meter.Now, directory.EnsureTenant(key, now, cancel));

    public ValueTask<Tenant?> FindTenant(TenantId tenant, CancellationToken cancel) =>
        meter.Measure("tenant", meter.Now, directory.FindTenant(tenant, cancel));

    public ValueTask<CreateUserResult> SetUp(string name, NewUser owner, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("user_write", meter.Now, directory.SetUp(name, owner, now, cancel));

    public ValueTask SetDefaultRoom(TenantId tenant, RoomId room, CancellationToken cancel) =>
        meter.Measure("tenant_write", meter.Now, directory.SetDefaultRoom(tenant, room, cancel));

    public ValueTask<CreateUserResult> CreateUser(NewUser user, string? inviteCode, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("user_write", meter.Now, directory.CreateUser(user, inviteCode, now, cancel));

    public ValueTask<User> EnsureExternalUser(TenantId tenant, string subject, string displayName, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("user_external", meter.Now, directory.EnsureExternalUser(tenant, subject, displayName, now, cancel));

    public ValueTask<User?> FindUser(TenantId tenant, UserId user, CancellationToken cancel) =>
        meter.Measure("user", meter.Now, directory.FindUser(tenant, user, cancel));

    public ValueTask<IReadOnlyList<User>> FindUsers(TenantId tenant, IReadOnlyCollection<UserId> users, CancellationToken cancel) =>
        meter.Measure("users", meter.Now, directory.FindUsers(tenant, users, cancel));

    public ValueTask<Page<User>> ReadUsers(TenantId tenant, string? query, string? after, int limit, CancellationToken cancel) =>
        meter.Measure("directory", meter.Now, directory.ReadUsers(tenant, query, after, limit, cancel));

    public ValueTask SetDisplayName(TenantId tenant, UserId user, string displayName, CancellationToken cancel) =>
        meter.Measure("user_write", meter.Now, directory.SetDisplayName(tenant, user, displayName, cancel));

    public ValueTask<PresenceSetting?> SetPresenceChoice(TenantId tenant, UserId user, PresenceChoice choice, CancellationToken cancel) =>
        meter.Measure("presence_choice", meter.Now, directory.SetPresenceChoice(tenant, user, choice, cancel));

    public ValueTask<Credentials?> FindCredentials(TenantId tenant, string userName, CancellationToken cancel) =>
        meter.Measure("credentials", meter.Now, directory.FindCredentials(tenant, userName, cancel));

    public ValueTask SetPasswordHash(TenantId tenant, UserId user, string passwordHash, CancellationToken cancel) =>
        meter.Measure("credentials_write", meter.Now, directory.SetPasswordHash(tenant, user, passwordHash, cancel));

    public ValueTask<int> RecordSignInFailure(TenantId tenant, UserId user, CancellationToken cancel) =>
        meter.Measure("credentials_write", meter.Now, directory.RecordSignInFailure(tenant, user, cancel));

    public ValueTask LockOut(TenantId tenant, UserId user, DateTimeOffset lockedUntil, CancellationToken cancel) =>
        meter.Measure("credentials_write", meter.Now, directory.LockOut(tenant, user, lockedUntil, cancel));

    public ValueTask ClearSignInFailures(TenantId tenant, UserId user, CancellationToken cancel) =>
        meter.Measure("credentials_write", meter.Now, directory.ClearSignInFailures(tenant, user, cancel));

    public ValueTask CreateSession(Session session, ReadOnlyMemory<byte> tokenHash, CancellationToken cancel) =>
        meter.Measure("session_write", meter.Now, directory.CreateSession(session, tokenHash, cancel));

    public ValueTask<(Session Session, User User)?> FindSession(ReadOnlyMemory<byte> tokenHash, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("session", meter.Now, directory.FindSession(tokenHash, now, cancel));

    public ValueTask<IReadOnlyList<Session>> ReadSessions(TenantId tenant, UserId user, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("sessions", meter.Now, directory.ReadSessions(tenant, user, now, cancel));

    public ValueTask<IReadOnlyList<SessionId>> FindLiveSessions(TenantId tenant, IReadOnlyCollection<SessionId> sessions, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("sessions_live", meter.Now, directory.FindLiveSessions(tenant, sessions, now, cancel));

    public ValueTask TouchSession(TenantId tenant, SessionId session, DateTimeOffset lastSeenAt, DateTimeOffset expiresAt, CancellationToken cancel) =>
        meter.Measure("session_write", meter.Now, directory.TouchSession(tenant, session, lastSeenAt, expiresAt, cancel));

    public ValueTask<bool> EndSession(TenantId tenant, UserId user, SessionId session, CancellationToken cancel) =>
        meter.Measure("session_write", meter.Now, directory.EndSession(tenant, user, session, cancel));

    public ValueTask<IReadOnlyList<SessionId>> EndOtherSessions(TenantId tenant, UserId user, SessionId? kept, CancellationToken cancel) =>
        meter.Measure("session_write", meter.Now, directory.EndOtherSessions(tenant, user, kept, cancel));

    public ValueTask RemoveExpired(DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("sweep", meter.Now, directory.RemoveExpired(now, cancel));

    public ValueTask CreateInvite(Invite invite, CancellationToken cancel) =>
        meter.Measure("invite_write", meter.Now, directory.CreateInvite(invite, cancel));

    public ValueTask<IReadOnlyList<Invite>> ReadInvites(TenantId tenant, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("invites", meter.Now, directory.ReadInvites(tenant, now, cancel));

    public ValueTask<Invite?> FindInvite(TenantId tenant, string code, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("invite", meter.Now, directory.FindInvite(tenant, code, now, cancel));

    public ValueTask<bool> DeleteInvite(TenantId tenant, InviteId invite, CancellationToken cancel) =>
        meter.Measure("invite_write", meter.Now, directory.DeleteInvite(tenant, invite, cancel));

    public ValueTask ApplyMemberships(IReadOnlyList<MembershipChange> changes, CancellationToken cancel) =>
        meter.Measure("memberships", meter.Now, directory.ApplyMemberships(changes, cancel));

    public ValueTask<Page<UserRoom>> ReadRooms(TenantId tenant, UserId user, string? after, int limit, CancellationToken cancel) =>
        meter.Measure("user_rooms", meter.Now, directory.ReadRooms(tenant, user, after, limit, cancel));

    public ValueTask<UserRoom?> FindRoom(TenantId tenant, UserId user, RoomId room, CancellationToken cancel) =>
        meter.Measure("user_room", meter.Now, directory.FindRoom(tenant, user, room, cancel));

    public ValueTask<long> MarkRead(TenantId tenant, UserId user, RoomId room, long seq, CancellationToken cancel) =>
        meter.Measure("mark_read", meter.Now, directory.MarkRead(tenant, user, room, seq, cancel));

    public ValueTask ProveWritable(CancellationToken cancel) =>
        meter.Measure("heartbeat", meter.Now, directory.ProveWritable(cancel));
}
