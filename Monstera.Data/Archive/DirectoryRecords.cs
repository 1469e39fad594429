using System.Text.Json.Serialization;
using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Data.Archive;

/// <summary>The tables of a directory that have rows of tenants; each refers to those before it only.</summary>
public enum DirectoryTable
{
    Tenants = 1,
    Accounts = 2,
    Sessions = 3,
    Invites = 4,

    /// <summary>Who is in which room, with read markers; memberships that ended too.</summary>
    UserRooms = 5,
}

/// <summary>Where a row stands in its tenant's part of a table: in the order of the ids' text. <see cref="Second"/> is the room of <see cref="DirectoryTable.UserRooms"/>, empty elsewhere.</summary>
public readonly record struct DirectoryKey(Guid First, Guid Second = default) : IComparable<DirectoryKey>
{
    public static bool operator <(DirectoryKey left, DirectoryKey right) => left.CompareTo(right) < 0;

    public static bool operator >(DirectoryKey left, DirectoryKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(DirectoryKey left, DirectoryKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(DirectoryKey left, DirectoryKey right) => left.CompareTo(right) >= 0;

    public int CompareTo(DirectoryKey other) => First.CompareTo(other.First) is var first and not 0 ? first : Second.CompareTo(other.Second);
}

/// <summary>A row of the directory, with all that is stored of it, the same from every provider. Equal rows are equal records.</summary>
public abstract record DirectoryRecord(TenantId Tenant)
{
    [JsonIgnore]
    public abstract DirectoryTable Table { get; }

    [JsonIgnore]
    public abstract DirectoryKey Key { get; }
}

public sealed record TenantRecord(TenantId Tenant, string TenantKey, string Name, bool SetUp, RoomId? DefaultRoom) : DirectoryRecord(Tenant)
{
    public override DirectoryTable Table => DirectoryTable.Tenants;

    public override DirectoryKey Key => new(Tenant.Value);
}

/// <param name="Presence">Left out of the digest where nothing was ever chosen: it is then what it was before there was a choice.</param>
public sealed record AccountRecord(
    TenantId Tenant,
    UserId Id,
    string UserName,
    string DisplayName,
    string DisplayFolded,
    WorkspaceRole Role,
    DateTimeOffset CreatedAt,
    string? PasswordHash,
    int Failures,
    DateTimeOffset? LockedUntil,
    string? Subject,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] PresenceChoice Presence = PresenceChoice.Auto,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long PresenceVersion = 0) : DirectoryRecord(Tenant)
{
    public override DirectoryTable Table => DirectoryTable.Accounts;

    public override DirectoryKey Key => new(Id.Value);

    /// <summary>Without the password's hash.</summary>
    public override string ToString() => $"{nameof(AccountRecord)} {Id}";
}

/// <param name="TokenHash">SHA-256, in lower-case hexadecimal.</param>
public sealed record SessionRecord(
    TenantId Tenant, SessionId Id, UserId User, string TokenHash, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string? Client)
    : DirectoryRecord(Tenant)
{
    public override DirectoryTable Table => DirectoryTable.Sessions;

    public override DirectoryKey Key => new(Id.Value);

    /// <summary>Without the token's hash.</summary>
    public override string ToString() => $"{nameof(SessionRecord)} {Id}";
}

public sealed record InviteRecord(
    TenantId Tenant, InviteId Id, string Code, UserId CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, int UsesLeft) : DirectoryRecord(Tenant)
{
    public override DirectoryTable Table => DirectoryTable.Invites;

    public override DirectoryKey Key => new(Id.Value);

    /// <summary>Without the code.</summary>
    public override string ToString() => $"{nameof(InviteRecord)} {Id}";
}

/// <param name="Seq">The change that counts.</param>
public sealed record UserRoomRecord(TenantId Tenant, UserId User, RoomId Room, long Seq, bool Member, DateTimeOffset JoinedAt, long ReadSeq) : DirectoryRecord(Tenant)
{
    public override DirectoryTable Table => DirectoryTable.UserRooms;

    public override DirectoryKey Key => new(User.Value, Room.Value);
}
