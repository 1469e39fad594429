using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Directory;

/// <summary>
/// What belongs to people rather than to rooms: tenants, users, credentials, sessions, invitations, each user's list of rooms and read markers.
/// </summary>
/// <remarks>
/// What every provider guarantees (DirectoryContract holds each to it): each call is one transaction, durable when it returns; no call sees or changes anything of a
/// tenant other than the one it names (a session token, which is secret and unique over all tenants, leads to its own tenant); expected
/// outcomes are values; failure of the storage throws <see cref="StorageUnavailableException"/>. Calls may be made from any number of threads.
/// </remarks>
public interface IDirectory
{
    /// <summary>Of one call of <see cref="FindLiveSessions"/>.</summary>
    const int LiveSessionsMax = 1_000;

    // --- tenants ---

    /// <summary>The tenant with this key, made now when there is none (two callers at once get the same one).</summary>
    ValueTask<Tenant> EnsureTenant(string key, DateTimeOffset now, CancellationToken cancel);

    ValueTask<Tenant?> FindTenant(TenantId tenant, CancellationToken cancel);

    /// <summary>Names the tenant and makes its owner account, once: of two callers at once one gets <see cref="CreateUserStatus.AlreadySetUp"/>.</summary>
    ValueTask<CreateUserResult> SetUp(string name, NewUser owner, DateTimeOffset now, CancellationToken cancel);

    ValueTask SetDefaultRoom(TenantId tenant, RoomId room, CancellationToken cancel);

    // --- users ---

    /// <summary>Makes an account, using up one use of the invitation when a code is given: both or neither.</summary>
    ValueTask<CreateUserResult> CreateUser(NewUser user, string? inviteCode, DateTimeOffset now, CancellationToken cancel);

    /// <summary>
    /// The user whom a host product calls <paramref name="subject"/>, made now when there is none, with <paramref name="displayName"/> kept up to date. The user name is
    /// derived from the subject and made unique.
    /// </summary>
    ValueTask<User> EnsureExternalUser(
        TenantId tenant, string subject, string displayName, DateTimeOffset now, CancellationToken cancel);

    ValueTask<User?> FindUser(TenantId tenant, UserId user, CancellationToken cancel);

    /// <summary>Those of at most 100 users that exist, in no order.</summary>
    ValueTask<IReadOnlyList<User>> FindUsers(TenantId tenant, IReadOnlyCollection<UserId> users, CancellationToken cancel);

    /// <summary>Users by user name. <paramref name="query"/>: part of the user name or display name, ignoring case and width (NFKC).</summary>
    ValueTask<Page<User>> ReadUsers(TenantId tenant, string? query, string? after, int limit, CancellationToken cancel);

    ValueTask SetDisplayName(TenantId tenant, UserId user, string displayName, CancellationToken cancel);

    /// <summary>Sets the choice. Each time it gets a greater version, also when it stays what it was.</summary>
    /// <returns>The setting as it is now; null when there is no such user.</returns>
    ValueTask<PresenceSetting?> SetPresenceChoice(TenantId tenant, UserId user, PresenceChoice choice, CancellationToken cancel);

    // --- signing in ---

    ValueTask<Credentials?> FindCredentials(TenantId tenant, string userName, CancellationToken cancel);

    ValueTask SetPasswordHash(TenantId tenant, UserId user, string passwordHash, CancellationToken cancel);

    /// <summary>One more wrong password. When that locks the account is the caller's rule: <see cref="LockOut"/>.</summary>
    /// <returns>The failures since the last right one, this one included.</returns>
    ValueTask<int> RecordSignInFailure(TenantId tenant, UserId user, CancellationToken cancel);

    ValueTask LockOut(TenantId tenant, UserId user, DateTimeOffset lockedUntil, CancellationToken cancel);

    /// <summary>A right password: the failures are forgotten.</summary>
    ValueTask ClearSignInFailures(TenantId tenant, UserId user, CancellationToken cancel);

    // --- sessions ---

    /// <param name="tokenHash">SHA-256 of the session's token (32 bytes).</param>
    ValueTask CreateSession(Session session, ReadOnlyMemory<byte> tokenHash, CancellationToken cancel);

    /// <summary>The session with this token and its user, unless it has expired at <paramref name="now"/>.</summary>
    ValueTask<(Session Session, User User)?> FindSession(ReadOnlyMemory<byte> tokenHash, DateTimeOffset now, CancellationToken cancel);

    /// <summary>Sessions of the user that have not expired, latest seen first; at most 100.</summary>
    ValueTask<IReadOnlyList<Session>> ReadSessions(TenantId tenant, UserId user, DateTimeOffset now, CancellationToken cancel);

    /// <summary>
    /// Those of at most <see cref="LiveSessionsMax"/> sessions that have neither ended nor expired at <paramref name="now"/> and whose users are still there, in no order.
    /// Always read from the storage, whatever else is remembered: servers ask it whether what they believe still holds.
    /// </summary>
    ValueTask<IReadOnlyList<SessionId>> FindLiveSessions(TenantId tenant, IReadOnlyCollection<SessionId> sessions, DateTimeOffset now, CancellationToken cancel);

    ValueTask TouchSession(TenantId tenant, SessionId session, DateTimeOffset lastSeenAt, DateTimeOffset expiresAt, CancellationToken cancel);

    /// <returns>False when the user has no such session.</returns>
    ValueTask<bool> EndSession(TenantId tenant, UserId user, SessionId session, CancellationToken cancel);

    /// <summary>Ends all sessions of the user but <paramref name="kept"/>.</summary>
    /// <returns>Those that were ended.</returns>
    ValueTask<IReadOnlyList<SessionId>> EndOtherSessions(TenantId tenant, UserId user, SessionId? kept, CancellationToken cancel);

    /// <summary>Removes what expired before <paramref name="now"/>: sessions and invitations.</summary>
    ValueTask RemoveExpired(DateTimeOffset now, CancellationToken cancel);

    // --- invitations ---

    ValueTask CreateInvite(Invite invite, CancellationToken cancel);

    /// <summary>Those that can still be used, latest first; at most 100.</summary>
    ValueTask<IReadOnlyList<Invite>> ReadInvites(TenantId tenant, DateTimeOffset now, CancellationToken cancel);

    /// <summary>The invitation with this code if it can still be used.</summary>
    ValueTask<Invite?> FindInvite(TenantId tenant, string code, DateTimeOffset now, CancellationToken cancel);

    ValueTask<bool> DeleteInvite(TenantId tenant, InviteId invite, CancellationToken cancel);

    // --- rooms of a user ---

    /// <summary>
    /// Brings the index of who is in which room up to date. Of changes of the same user and room the one with the greatest seq counts, whenever and however often they come.
    /// A membership that begins puts the read marker at its seq (what was said before is not unread), unless it stands further on already.
    /// </summary>
    ValueTask ApplyMemberships(IReadOnlyList<MembershipChange> changes, CancellationToken cancel);

    /// <summary>The user's rooms by room id.</summary>
    ValueTask<Page<UserRoom>> ReadRooms(TenantId tenant, UserId user, string? after, int limit, CancellationToken cancel);

    ValueTask<UserRoom?> FindRoom(TenantId tenant, UserId user, RoomId room, CancellationToken cancel);

    /// <summary>Moves the marker forward; it never goes back. No such room in the user's list: nothing happens.</summary>
    /// <returns>Where it stands now; 0 for a room that is not in the list.</returns>
    ValueTask<long> MarkRead(TenantId tenant, UserId user, RoomId room, long seq, CancellationToken cancel);

    // --- health ---

    /// <summary>Proves that the storage can be written now; throws <see cref="StorageUnavailableException"/> otherwise.</summary>
    ValueTask ProveWritable(CancellationToken cancel);
}
