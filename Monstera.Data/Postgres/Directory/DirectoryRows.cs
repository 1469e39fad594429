using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Data.Postgres.Directory;

// The tables of Migrations/0001_directory.sql, as far as queries need them.

internal sealed class TenantRow
{
    public TenantId Id { get; init; }

    public required string Key { get; init; }

    public required string Name { get; init; }

    public bool SetUp { get; init; }

    public RoomId? DefaultRoom { get; init; }
}

internal sealed class AccountRow
{
    public TenantId Tenant { get; init; }

    public UserId Id { get; init; }

    public required string UserName { get; init; }

    public required string DisplayName { get; init; }

    public required string DisplayFolded { get; init; }

    public WorkspaceRole Role { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public string? PasswordHash { get; init; }

    public int Failures { get; init; }

    public DateTimeOffset? LockedUntil { get; init; }

    public string? Subject { get; init; }

    public PresenceChoice Presence { get; init; }

    public long PresenceVersion { get; init; }
}

internal sealed class SessionRow
{
    public TenantId Tenant { get; init; }

    public SessionId Id { get; init; }

    public UserId UserId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset LastSeenAt { get; init; }

    public DateTimeOffset ExpiresAt { get; init; }

    public string? Client { get; init; }
}

internal sealed class InviteRow
{
    public TenantId Tenant { get; init; }

    public InviteId Id { get; init; }

    public required string Code { get; init; }

    public UserId CreatedBy { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset ExpiresAt { get; init; }

    public int UsesLeft { get; init; }
}
