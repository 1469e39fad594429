using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Server.Rooms;

// What clients ask of rooms, the same over the hub and over REST: docs/protocol.md section 6.

public sealed record SendRequest(RoomId Room, ClientId ClientId, string Text, long? ReplyTo = null);

public sealed record EditRequest(RoomId Room, long Seq, string Text, ClientId? ClientId = null);

public sealed record DeleteRequest(RoomId Room, long Seq, ClientId? ClientId = null);

public sealed record ReactRequest(RoomId Room, long Seq, string Emoji, bool On = true, ClientId? ClientId = null);

public sealed record PinRequest(RoomId Room, long Seq, bool On = true, ClientId? ClientId = null);

public sealed record MarkReadRequest(RoomId Room, long Seq);

public sealed record CreateRoomRequest(RoomKind Kind, string Name, string? Topic = null, IReadOnlyList<UserId>? Members = null, ClientId? ClientId = null);

/// <summary>The answer to a write: where it is in the log.</summary>
public sealed record Ack(long Seq, DateTimeOffset At);

/// <summary>The answer to reading: where the marker stands and what is unread after it.</summary>
public sealed record ReadAck(long Seq, int Unread);
