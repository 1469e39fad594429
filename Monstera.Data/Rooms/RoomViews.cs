using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>Where a room's log stands.</summary>
public readonly record struct RoomHead(RoomId Room, long Epoch, long Head);

/// <summary>Consecutive events after a cursor, ascending, and where the log stood at the same instant.</summary>
/// <param name="Events">Begins at cursor + 1 unless empty. Stops at the first bound reached; at least one event when there is one.</param>
public sealed record LogPage(long Epoch, long Head, IReadOnlyList<RoomEvent> Events);

/// <summary>Those who reacted with one emoji, in order of their reacting. <see cref="Users"/> holds at most 50 of <see cref="Count"/>.</summary>
public sealed record Reaction(string Emoji, IReadOnlyList<UserId> Users, int Count);

/// <summary>
/// An event as a person sees it in the timeline: for a message its present state, for other events <see cref="Event"/> as it was.
/// <see cref="RoomEvent.Text"/> is the present text.
/// </summary>
/// <param name="Rev">Seq of the last event that changed the message; an event with seq ≤ Rev is in it already.</param>
/// <param name="Reactions">In order of first use.</param>
public sealed record TimelineItem(RoomEvent Event, long Rev, DateTimeOffset? EditedAt, bool Pinned, IReadOnlyList<Reaction> Reactions);

/// <summary>Which part of the timeline: exactly one of the kinds below.</summary>
public abstract record TimelineQuery
{
    /// <summary>The newest items.</summary>
    public sealed record Newest : TimelineQuery;

    /// <summary>The newest items with a seq below this one.</summary>
    public sealed record Before(long Seq) : TimelineQuery;

    /// <summary>The oldest items with a seq above this one.</summary>
    public sealed record After(long Seq) : TimelineQuery;

    /// <summary>Half before, the rest from this seq on.</summary>
    public sealed record Around(long Seq) : TimelineQuery;
}

/// <summary>
/// Items in ascending order, and where the log stood at the same instant. A page may hold fewer than asked for, even none, and still have more: the scan is bounded.
/// </summary>
/// <param name="Before">Pass to <see cref="TimelineQuery.Before"/> for the older side; null at the beginning of the room.</param>
/// <param name="After">Pass to <see cref="TimelineQuery.After"/> for the newer side; null when this page reaches the head.</param>
public sealed record TimelinePage(long Epoch, long Head, IReadOnlyList<TimelineItem> Items, long? Before, long? After);

/// <summary>A room's present state.</summary>
public sealed record RoomInfo(
    RoomId Id, RoomKind Kind, string? Name, string? Topic, long Epoch, long Head, int Members, DateTimeOffset CreatedAt);

/// <summary>A user's membership of a room.</summary>
public sealed record RoomMember(UserId User, RoomRole Role, long JoinedSeq, DateTimeOffset JoinedAt);

/// <summary>Where a room's log stands, and who of those asked for is a member at that instant.</summary>
public sealed record RoomStanding(long Epoch, long Head, IReadOnlySet<UserId> Members);

/// <summary>A room as one of its members sees it.</summary>
/// <param name="Unread">Undeleted messages of others after the marker; <see cref="RoomLimits.UnreadMax"/> stands for that many and more.</param>
/// <param name="Last">The newest message, deleted or not; null when there is none within the last <see cref="RoomLimits.ScanMax"/> events.</param>
/// <param name="With">The other user of a direct room (oneself in a room with oneself).</param>
public sealed record RoomSummary(RoomInfo Room, RoomMember Member, long ReadSeq, int Unread, TimelineItem? Last, UserId? With);

/// <summary>A public room in the room directory.</summary>
public sealed record PublicRoom(RoomId Id, string Name, string? Topic, int Members, bool Joined);

/// <summary>A part of a list. <see cref="Next"/> is given back as <c>after</c>; null at the end. Opaque to callers.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>A part of the list of public rooms. <see cref="Next"/> as in <see cref="Page{T}"/>.</summary>
/// <param name="Incomplete">Some partition did not answer: rooms of its may be missing from this page.</param>
public sealed record PublicRoomPage(IReadOnlyList<PublicRoom> Items, string? Next, bool Incomplete = false);

/// <summary>
/// A membership that began or ended (a new role is neither), on its way to the directory's index of who is in which room. Applying one twice, or an older after a newer
/// (by <see cref="Seq"/>), must change nothing.
/// </summary>
/// <param name="Id">Place in the outbox of its partition: later changes have greater ones.</param>
public sealed record MembershipChange(long Id, TenantId Tenant, UserId User, RoomId Room, long Seq, bool Member, DateTimeOffset At);

/// <summary>Bounds that every provider keeps.</summary>
public static class RoomLimits
{
    /// <summary>Unread counts stop here.</summary>
    public const int UnreadMax = 1_000;

    /// <summary>Events that one read looks at, at most, however few of them it wants.</summary>
    public const int ScanMax = 5_000;

    /// <summary>Different emoji on one message.</summary>
    public const int EmojiPerMessageMax = 50;

    /// <summary>Users that are named with a reaction.</summary>
    public const int ReactionUsersMax = 50;

    /// <summary>Pins of a room; pinning more is a conflict.</summary>
    public const int PinsMax = 100;

    /// <summary>Items of a list.</summary>
    public const int PageMax = 100;
}
