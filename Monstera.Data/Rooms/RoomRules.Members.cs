using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

public static partial class RoomRules
{
    private static readonly Refusal NoDirect = new(RefusalCode.Forbidden, "A direct room keeps its two members as they are.");

    public static Decision Join(JoinRoom draft, RoomState? room, RoomMember? sender, DateTimeOffset now)
    {
        if (room is null || (sender is null && room.Kind != RoomKind.Public))
        {
            return Decision.Refuse(NoRoom);
        }

        return sender is not null
            ? Decision.Already(sender.JoinedSeq)
            : Decision.Add(Member(draft, room.Head, EventType.MemberJoined, draft.Sender, RoomRole.Member, now));
    }

    /// <param name="subject">The membership of the one who is to be added.</param>
    public static Decision Add(AddMember draft, RoomState? room, RoomMember? sender, RoomMember? subject, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (room.Kind == RoomKind.Direct)
        {
            return Decision.Refuse(NoDirect);
        }

        if (room.Kind == RoomKind.Private && sender.Role < RoomRole.Moderator)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Moderators and owners add members to a private room.");
        }

        if (draft.Role > sender.Role)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Nobody gives a role above one's own.");
        }

        return subject is not null
            ? Decision.Already(subject.JoinedSeq)
            : Decision.Add(Member(draft, room.Head, EventType.MemberJoined, draft.User, draft.Role, now));
    }

    /// <param name="subject">The membership that is to end.</param>
    /// <param name="lastSubjectSeq">The last event about that member; null: never was one.</param>
    /// <param name="owners">Owners of the room.</param>
    public static Decision Remove(
        RemoveMember draft, RoomState? room, RoomMember? sender, RoomMember? subject, long? lastSubjectSeq, int owners, DateTimeOffset now)
    {
        if (room is null)
        {
            return Decision.Refuse(NoRoom);
        }

        bool leaving = draft.User == draft.Sender;
        if (sender is null)
        {
            // Who has left already knows the room, and may be asking again; to anybody else it is not there.
            return leaving && lastSubjectSeq is { } left ? Decision.Already(left) : Decision.Refuse(NoRoom);
        }

        if (room.Kind == RoomKind.Direct)
        {
            return Decision.Refuse(NoDirect);
        }

        if (leaving)
        {
            return sender.Role == RoomRole.Owner && owners == 1 && room.Members > 1
                ? Decision.Refuse(RefusalCode.Conflict, "The last owner stays while others remain: make somebody else an owner first.")
                : Decision.Add(Member(draft, room.Head, EventType.MemberLeft, draft.User, role: null, now));
        }

        if (sender.Role < RoomRole.Moderator)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Moderators and owners remove members.");
        }

        if (subject is null)
        {
            return Decision.Already(lastSubjectSeq ?? 1);
        }

        return subject.Role >= sender.Role && sender.Role != RoomRole.Owner
            ? Decision.Refuse(RefusalCode.Forbidden, "Only owners remove moderators and owners.")
            : Decision.Add(Member(draft, room.Head, EventType.MemberLeft, draft.User, role: null, now));
    }

    /// <param name="subject">The membership whose role is to change.</param>
    /// <param name="lastSubjectSeq">The last event about that member: it gave the present role.</param>
    /// <param name="owners">Owners of the room.</param>
    public static Decision Change(
        ChangeRole draft, RoomState? room, RoomMember? sender, RoomMember? subject, long? lastSubjectSeq, int owners, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (room.Kind == RoomKind.Direct)
        {
            return Decision.Refuse(NoDirect);
        }

        if (sender.Role != RoomRole.Owner)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Owners change roles.");
        }

        if (subject is null)
        {
            return Decision.Refuse(RefusalCode.NotFound, "No such member.");
        }

        if (subject.Role == draft.Role)
        {
            return Decision.Already(lastSubjectSeq ?? subject.JoinedSeq);
        }

        return subject.Role == RoomRole.Owner && owners == 1
            ? Decision.Refuse(RefusalCode.Conflict, "The last owner keeps the role: make somebody else an owner first.")
            : Decision.Add(Member(draft, room.Head, EventType.MemberUpdated, draft.User, draft.Role, now));
    }

    private static RoomEvent Member(Draft draft, long head, EventType type, UserId user, RoomRole? role, DateTimeOffset now) => new()
    {
        Room = draft.Room,
        Seq = head + 1,
        Type = type,
        Sender = draft.Sender,
        At = now,
        ClientId = draft.ClientId,
        User = user,
        Role = role,
    };
}
