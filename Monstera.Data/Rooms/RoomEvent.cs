using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>Kinds of events. The numbers are stored: never change or reuse one.</summary>
public enum EventType : byte
{
    RoomCreated = 1,
    RoomUpdated = 2,
    MemberJoined = 10,
    MemberLeft = 11,
    MemberUpdated = 12,
    MessageCreated = 20,
    MessageEdited = 21,
    MessageDeleted = 22,
    ReactionAdded = 30,
    ReactionRemoved = 31,
    MessagePinned = 40,
    MessageUnpinned = 41,
}

/// <summary>Who sees a room in the directory and may join by oneself. The numbers are stored.</summary>
public enum RoomKind : byte
{
    Public = 1,
    Private = 2,
    Direct = 3,
}

/// <summary>What a member may do; a greater number may do more. The numbers are stored.</summary>
public enum RoomRole : byte
{
    Member = 1,
    Moderator = 2,
    Owner = 3,
}

/// <summary>
/// One entry of a room's log, as docs/protocol.md section 8 describes it: which of the optional fields are set follows from
/// <see cref="Type"/>. Immutable, but for the text, which a later deletion erases (<see cref="Deleted"/>).
/// </summary>
public sealed record RoomEvent
{
    public required RoomId Room { get; init; }

    /// <summary>The place in the room's log: 1, 2, 3 … without a gap.</summary>
    public required long Seq { get; init; }

    public required EventType Type { get; init; }

    /// <summary>Who did it.</summary>
    public required UserId Sender { get; init; }

    /// <summary>Time of the commit's batch, to the millisecond, UTC. For people; order is by <see cref="Seq"/>.</summary>
    public required DateTimeOffset At { get; init; }

    public ClientId? ClientId { get; init; }

    /// <summary>The message that an edit, deletion, reaction or pin is about.</summary>
    public long? Target { get; init; }

    /// <summary>The member that a <c>member.*</c> event is about.</summary>
    public UserId? User { get; init; }

    public RoomRole? Role { get; init; }

    public string? Text { get; init; }

    public long? ReplyTo { get; init; }

    public string? Emoji { get; init; }

    public RoomKind? Kind { get; init; }

    public string? Name { get; init; }

    public string? Topic { get; init; }

    /// <summary>The text was erased by a later deletion.</summary>
    public bool Deleted { get; init; }
}
