using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>
/// Something a user wants to happen in a room. All changes of a room are drafts given to <see cref="IRoomStore.Append"/>.
/// Texts and names are well formed already (lengths, characters); what depends on the room's state is decided there, by <see cref="RoomRules"/>.
/// </summary>
public abstract record Draft
{
    public required TenantId Tenant { get; init; }

    public required RoomId Room { get; init; }

    public required UserId Sender { get; init; }

    /// <summary>Recognises a retry. Needed for messages; for other drafts, which are idempotent by nature, it is the client's choice.</summary>
    public ClientId? ClientId { get; init; }
}

/// <summary>A message. Sender is a member; <see cref="ReplyTo"/> is an undeleted message of the room.</summary>
public sealed record SendMessage(string Text, long? ReplyTo = null) : Draft;

/// <summary>Replaces the text of the sender's own message. The text it has already: nothing happens.</summary>
public sealed record EditMessage(long Target, string Text) : Draft;

/// <summary>Deletes a message: the sender's own, or anybody's by a moderator or owner. Erases its text, and that of its edits, from the log; takes off its reactions and pin. Deleted already: nothing happens.</summary>
public sealed record DeleteMessage(long Target) : Draft;

/// <summary>Puts (<see cref="On"/>) or takes back the sender's own reaction. As it is already: nothing happens.</summary>
public sealed record React(long Target, string Emoji, bool On) : Draft;

/// <summary>Pins a message or takes the pin off. As it is already: nothing happens.</summary>
public sealed record Pin(long Target, bool On) : Draft;

/// <summary>
/// Makes the room: <c>room.created</c>, then <c>member.joined</c> for the sender (owner; member in a direct room) and for each of <see cref="Members"/>.
/// A room with that id: nothing happens when it is of the same tenant and kind and the sender is a member (the answer is seq 1),
/// otherwise it is refused (<see cref="RefusalCode.Conflict"/>; a room of another tenant looks the same as any).
/// </summary>
public sealed record CreateRoom(RoomKind Kind, string? Name, string? Topic, IReadOnlyList<UserId> Members) : Draft;

/// <summary>Changes what is not null. Moderators and owners; never a direct room. Nothing new: nothing happens.</summary>
public sealed record UpdateRoom(string? Name, string? Topic) : Draft;

/// <summary>The sender joins a public room by oneself. A member already: nothing happens.</summary>
public sealed record JoinRoom : Draft;

/// <summary>
/// Adds <see cref="User"/> with <see cref="Role"/>. Public room: any member adds members; otherwise moderators and owners do. Nobody gives a role above one's own
/// but an owner. A member already: nothing happens (roles are changed by <see cref="ChangeRole"/>).
/// </summary>
public sealed record AddMember(UserId User, RoomRole Role) : Draft;

/// <summary>
/// Ends a membership. Oneself: leaving, refused (<see cref="RefusalCode.Conflict"/>) for the last owner while others remain. Others: moderators and owners, never one of
/// the own role or above but by an owner. No member (any more): nothing happens. Never in a direct room.
/// </summary>
public sealed record RemoveMember(UserId User) : Draft;

/// <summary>Owners only; the last owner keeps the role (<see cref="RefusalCode.Conflict"/>). As it is already: nothing happens.</summary>
public sealed record ChangeRole(UserId User, RoomRole Role) : Draft;

/// <summary>
/// Written by the server on the word of a host product (a signed connection token): makes the room when there is none (private, named <see cref="Name"/>, the sender its owner),
/// and the sender a member. Refused (<see cref="RefusalCode.NotFound"/>) when the room is of another tenant or a direct one.
/// </summary>
public sealed record AdmitMember(string Name) : Draft;
