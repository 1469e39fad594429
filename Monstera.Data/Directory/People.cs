using Monstera.Data.Ids;

namespace Monstera.Data.Directory;

/// <summary>What a user may do in the workspace. The numbers are stored.</summary>
public enum WorkspaceRole : byte
{
    Member = 1,
    Admin = 2,
    Owner = 3,
}

/// <summary>A company or team. <see cref="SetUp"/> is false until its owner account was made.</summary>
/// <param name="Key">What connection tokens call it; unique. The tenant of browsers is <see cref="DefaultKey"/>.</param>
/// <param name="DefaultRoom">New accounts are made members of this room.</param>
public sealed record Tenant(TenantId Id, string Key, string Name, bool SetUp, RoomId? DefaultRoom)
{
    public const string DefaultKey = "default";
}

/// <summary>What a user wants others to see of whether they are here. The numbers are stored.</summary>
public enum PresenceChoice : byte
{
    /// <summary>What is so: online, or idle while no device is used.</summary>
    Auto = 0,

    /// <summary>Away, whatever the devices say.</summary>
    Away = 1,

    /// <summary>Offline, whatever the devices say.</summary>
    Invisible = 2,
}

/// <summary>A user's choice. Of two that are told the one with the greater version counts.</summary>
/// <param name="Version">How often it was set.</param>
public readonly record struct PresenceSetting(PresenceChoice Choice, long Version);

/// <summary>A person. Others see all of it but <paramref name="Presence"/>.</summary>
public sealed record User(
    TenantId Tenant, UserId Id, string UserName, string DisplayName, WorkspaceRole Role, DateTimeOffset CreatedAt, PresenceSetting Presence = default);

/// <summary>What signing in needs to know. Never leaves the server.</summary>
/// <param name="PasswordHash">Null for users who come by connection token only.</param>
/// <param name="Failures">Wrong passwords since the last right one.</param>
public sealed record Credentials(User User, string? PasswordHash, int Failures, DateTimeOffset? LockedUntil);

/// <summary>An account to be made. User names are compared after NFKC and lower-casing; <see cref="UserName"/> is in that form already.</summary>
public sealed record NewUser(TenantId Tenant, string UserName, string DisplayName, string? PasswordHash, WorkspaceRole Role);

/// <summary>One browser or bearer token. The token itself is not stored, only its SHA-256.</summary>
/// <param name="Client">What the user agent said of itself, shortened to 200 characters.</param>
public sealed record Session(
    TenantId Tenant, SessionId Id, UserId User, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string? Client);

/// <summary>An invitation: its code opens the workspace until it expires or was used up.</summary>
public sealed record Invite(
    TenantId Tenant, InviteId Id, string Code, UserId CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, int UsesLeft);

/// <summary>A room in a user's list.</summary>
/// <param name="ReadSeq">The user has read up to here; 0 when nothing.</param>
public sealed record UserRoom(RoomId Room, long JoinedSeq, DateTimeOffset JoinedAt, long ReadSeq);

/// <summary>What became of making an account.</summary>
public enum CreateUserStatus
{
    Created,

    /// <summary>The user name is taken.</summary>
    NameTaken,

    /// <summary>The invitation does not exist (any more), has expired or was used up.</summary>
    InviteGone,

    /// <summary>The tenant was set up before.</summary>
    AlreadySetUp,
}

public readonly record struct CreateUserResult(CreateUserStatus Status, User? User);
