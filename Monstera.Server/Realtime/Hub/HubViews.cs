using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Errors;
using Monstera.Server.Presence;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime.Hub;

// What only the hub has: docs/protocol.md section 6.

public sealed record HelloRequest(int Protocol, string? Client = null, bool Active = true);

public sealed record HelloReply(
    int Protocol, string Connection, HelloUser User, HelloTenant Tenant, HelloServer Server, HelloLimits Limits, PresenceView Presence,
    DateTimeOffset Time, DateTimeOffset? ExpiresAt);

public sealed record HelloUser(UserId Id, string UserName, string DisplayName, WorkspaceRole Role);

public sealed record HelloTenant(TenantId Id, string Key, string Name);

public sealed record HelloServer(string Version, string Node);

public sealed record HelloLimits(
    int FrameBytesMax, int TextMax, int ResumeRoomsMax, int SubscriptionsMax, int OpenRoomsMax, int CallsInFlightMax,
    int WritesPerSecond, int WritesBurst, int UserWritesPerSecond, int UserWritesBurst, int TenantWritesPerSecond, int TenantWritesBurst, int CallsPerSecond, int CallsBurst);

public sealed record ResumeRequest(IReadOnlyList<ResumeRoom> Rooms);

public sealed record ResumeRoom(RoomId Room, long? Epoch = null, long? Seq = null);

public sealed record ResumeReply(IReadOnlyList<ResumedRoom> Rooms);

/// <summary>One room's answer: exactly the fields of its <see cref="Status"/>, or an <see cref="Error"/>.</summary>
public sealed record ResumedRoom(
    RoomId Room, ResumeStatus? Status = null, long? Epoch = null, long? Head = null, long? Next = null, EventList? Events = null, Error? Error = null);

public enum ResumeStatus
{
    Complete,
    More,
    Reset,
}

public sealed record RoomRequest(RoomId Room);

/// <param name="Online">Members who are not offline.</param>
/// <param name="States">Those of them who are not simply online.</param>
public sealed record OpenReply(IReadOnlyList<UserId> Online, IReadOnlyDictionary<string, PresenceState> States);

public sealed record ActivityRequest(bool Active);

public sealed record RefreshRequest(string Token);

public sealed record RefreshReply(DateTimeOffset ExpiresAt);

/// <summary>An answer without content.</summary>
public sealed record EmptyReply;

/// <summary>A call without content.</summary>
public sealed record EmptyRequest;
