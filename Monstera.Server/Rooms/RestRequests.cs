using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Server.Rooms;

// Bodies and answers that only REST has: what is in the address is not in the body. docs/protocol.md section 10.

public sealed record OpenDirectRequest(UserId User);

public sealed record ChangeRoomRequest(string? Name = null, string? Topic = null);

public sealed record PutMemberRequest(RoomRole? Role = null);

public sealed record PostMessageRequest(ClientId ClientId, string Text, long? ReplyTo = null);

public sealed record ChangeMessageRequest(string Text, ClientId? ClientId = null);

public sealed record PutReadRequest(long Seq);

/// <summary>A user's membership of a room.</summary>
public sealed record MemberView(UserId User, RoomRole Role, long JoinedSeq);

/// <summary>What follows a cursor in the log: an answer of the hub's <c>Resume</c>, without being subscribed.</summary>
/// <param name="Next">Where the cursor stands after <paramref name="Events"/>; absent with a reset.</param>
public sealed record LogView(RoomId Room, LogStatus Status, long Epoch, long Head, long? Next = null, IReadOnlyList<RoomEvent>? Events = null);

public enum LogStatus
{
    /// <summary>These events reach the head.</summary>
    Complete,

    /// <summary>There is more after <see cref="LogView.Next"/>.</summary>
    More,

    /// <summary>The cursor is not of this log.</summary>
    Reset,
}
