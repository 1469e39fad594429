using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>
/// The contract once more, as simply as can be: a room is a list of events, and whatever is asked is found by going through the list. Written from the protocol and the
/// comments of the drafts, not from <see cref="RoomRules"/>.
/// </summary>
public sealed class RoomStoreModel
{
    public sealed record Outcome(RefusalCode? Code, long Seq, DateTimeOffset At, IReadOnlyList<RoomEvent> Added);

    public Dictionary<RoomId, RoomLog> Rooms { get; } = [];

    public List<(TenantId Tenant, UserId User, RoomId Room, long Seq, bool Member, DateTimeOffset At)> Outbox { get; } = [];

    public RoomLog? Find(TenantId tenant, RoomId room) =>
        Rooms.TryGetValue(room, out RoomLog? log) && log.Tenant == tenant ? log : null;

    public Outcome Apply(Draft draft, DateTimeOffset at)
    {
        RoomLog? room = Find(draft.Tenant, draft.Room);
        RoomEvent? first = draft.ClientId is null ? null : room?.Events.Find(e => e.ClientId == draft.ClientId && e.Sender == draft.Sender);
        if (first is not null)
        {
            return Was(first);
        }

        RoomRole? role = room?.RoleOf(draft.Sender);
        return draft switch
        {
            CreateRoom d => Create(d, room, at),
            AdmitMember d => Admit(d, room, at),
            JoinRoom when room is null || (room.Kind != RoomKind.Public && room.RoleOf(draft.Sender) is null) => No(RefusalCode.NotFound),
            JoinRoom => room.RoleOf(draft.Sender) is null
                ? Put(room, New(draft, at, EventType.MemberJoined) with { User = draft.Sender, Role = RoomRole.Member })
                : Was(room.JoinOf(draft.Sender)),
            RemoveMember d when room is not null && d.User == d.Sender && room.RoleOf(d.User) is null && room.LastAbout(d.User) is { } left => Was(left),
            _ when room is null || role is null => No(RefusalCode.NotFound),
            SendMessage d => Send(d, room, at),
            EditMessage or DeleteMessage or React or Pin => Change(draft, room, role.Value, at),
            _ when room.Kind == RoomKind.Direct => No(RefusalCode.Forbidden),
            UpdateRoom d => Update(d, room, role.Value, at),
            _ => Member(draft, room, role.Value, at),
        };
    }

    private Outcome Create(CreateRoom d, RoomLog? room, DateTimeOffset at)
    {
        if (Rooms.ContainsKey(d.Room))
        {
            return room is not null && room.Kind == d.Kind && room.RoleOf(d.Sender) is not null ? Was(room.Events[0]) : No(RefusalCode.Conflict);
        }

        UserId[] others = [.. d.Members.Distinct().Where(m => m != d.Sender)];
        return d.Kind == RoomKind.Direct && others.Length > 1
            ? No(RefusalCode.Conflict)
            : Make(d, at, d.Kind, d.Name, d.Topic, d.Kind == RoomKind.Direct ? RoomRole.Member : RoomRole.Owner, others);
    }

    private Outcome Admit(AdmitMember d, RoomLog? room, DateTimeOffset at)
    {
        if (!Rooms.ContainsKey(d.Room))
        {
            return Make(d, at, RoomKind.Private, d.Name, null, RoomRole.Owner, []);
        }

        if (room is null || room.Kind == RoomKind.Direct)
        {
            return No(RefusalCode.NotFound);
        }

        return room.RoleOf(d.Sender) is null
            ? Put(room, New(d, at, EventType.MemberJoined) with { User = d.Sender, Role = RoomRole.Member })
            : Was(room.JoinOf(d.Sender));
    }

    private Outcome Make(Draft d, DateTimeOffset at, RoomKind kind, string? name, string? topic, RoomRole role, UserId[] others)
    {
        var room = new RoomLog(d.Tenant, kind);
        Rooms.Add(d.Room, room);
        RoomEvent joined = New(d, at, EventType.MemberJoined) with { ClientId = null };
        return Put(
            room,
            [
                New(d, at, EventType.RoomCreated) with { Kind = kind, Name = name, Topic = topic == "" ? null : topic },
                joined with { User = d.Sender, Role = role },
                .. others.Select(other => joined with { User = other, Role = RoomRole.Member }),
            ]);
    }

    private Outcome Send(SendMessage d, RoomLog room, DateTimeOffset at)
    {
        if (d.ReplyTo is { } replied)
        {
            if (room.Message(replied) is null)
            {
                return No(RefusalCode.NotFound);
            }

            if (room.DeletionOf(replied) is not null)
            {
                return No(RefusalCode.Gone);
            }
        }

        return Put(room, New(d, at, EventType.MessageCreated) with { Text = d.Text, ReplyTo = d.ReplyTo });
    }

    private Outcome Change(Draft draft, RoomLog room, RoomRole role, DateTimeOffset at)
    {
        long target = draft switch { EditMessage d => d.Target, DeleteMessage d => d.Target, React d => d.Target, _ => ((Pin)draft).Target };
        if (room.Message(target) is not { } message)
        {
            return No(RefusalCode.NotFound);
        }

        bool own = message.Sender == draft.Sender;
        RoomEvent? deletion = room.DeletionOf(target);
        RoomEvent made = New(draft, at, default) with { Target = target };
        switch (draft)
        {
            case EditMessage when !own:
            case DeleteMessage when !own && role == RoomRole.Member:
                return No(RefusalCode.Forbidden);
            case DeleteMessage:
                return deletion is not null ? Was(deletion) : Put(room, made with { Type = EventType.MessageDeleted });
            case var _ when deletion is not null:
                return No(RefusalCode.Gone);
            case EditMessage d:
                RoomEvent text = room.TextOf(target);
                return text.Text == d.Text ? Was(text) : Put(room, made with { Type = EventType.MessageEdited, Text = d.Text });
            case React d:
                RoomEvent? last = room.Events.FindLast(e => e.Target == target && e.Sender == d.Sender && e.Emoji == d.Emoji);
                EventType reacted = d.On ? EventType.ReactionAdded : EventType.ReactionRemoved;
                return last?.Type == reacted || (last is null && !d.On) ? Was(last ?? message) : Put(room, made with { Type = reacted, Emoji = d.Emoji });
            default:
                RoomEvent? pin = room.Events.FindLast(e => e.Target == target && e.Type is EventType.MessagePinned or EventType.MessageUnpinned && e.Target == target);
                EventType pinned = ((Pin)draft).On ? EventType.MessagePinned : EventType.MessageUnpinned;
                return pin?.Type == pinned || (pin is null && !((Pin)draft).On) ? Was(pin ?? message) : Put(room, made with { Type = pinned });
        }
    }

    private Outcome Update(UpdateRoom d, RoomLog room, RoomRole role, DateTimeOffset at)
    {
        if (role == RoomRole.Member)
        {
            return No(RefusalCode.Forbidden);
        }

        RoomEvent named = room.Events.FindLast(e => e.Name is not null)!;
        RoomEvent topicked = room.Events.FindLast(e => e.Topic is not null) ?? room.Events[0];
        bool newName = d.Name is not null && d.Name != named.Name;
        bool newTopic = d.Topic is not null && d.Topic != (topicked.Topic ?? "");
        if (newName || newTopic)
        {
            return Put(room, New(d, at, EventType.RoomUpdated) with { Name = newName ? d.Name : null, Topic = newTopic ? d.Topic : null });
        }

        RoomEvent[] because = [.. new[] { room.Events[0], d.Name is null ? null : named, d.Topic is null ? null : topicked }.OfType<RoomEvent>()];
        return Was(because.MaxBy(e => e.Seq)!);
    }

    private Outcome Member(Draft draft, RoomLog room, RoomRole role, DateTimeOffset at)
    {
        int owners = room.Members().Values.Count(r => r == RoomRole.Owner);
        switch (draft)
        {
            case AddMember d:
                return (room.Kind == RoomKind.Private && role == RoomRole.Member) || d.Role > role ? No(RefusalCode.Forbidden)
                    : room.RoleOf(d.User) is not null ? Was(room.JoinOf(d.User))
                    : Put(room, New(d, at, EventType.MemberJoined) with { User = d.User, Role = d.Role });
            case RemoveMember d:
                RoomEvent left = New(d, at, EventType.MemberLeft) with { User = d.User };
                if (d.User == d.Sender)
                {
                    return role == RoomRole.Owner && owners == 1 && room.Members().Count > 1 ? No(RefusalCode.Conflict) : Put(room, left);
                }

                return role == RoomRole.Member ? No(RefusalCode.Forbidden)
                    : room.RoleOf(d.User) is not { } theirs ? Was(room.LastAbout(d.User) ?? room.Events[0])
                    : role == RoomRole.Moderator && theirs != RoomRole.Member ? No(RefusalCode.Forbidden)
                    : Put(room, left);
            case ChangeRole d:
                return role != RoomRole.Owner ? No(RefusalCode.Forbidden)
                    : room.RoleOf(d.User) is not { } present ? No(RefusalCode.NotFound)
                    : present == d.Role ? Was(room.LastAbout(d.User)!)
                    : present == RoomRole.Owner && owners == 1 ? No(RefusalCode.Conflict)
                    : Put(room, New(d, at, EventType.MemberUpdated) with { User = d.User, Role = d.Role });
            default:
                throw new InvalidOperationException($"The model knows no {draft.GetType().Name}.");
        }
    }

    private static RoomEvent New(Draft draft, DateTimeOffset at, EventType type) =>
        new() { Room = draft.Room, Seq = 0, Type = type, Sender = draft.Sender, At = at, ClientId = draft.ClientId };

    private static Outcome No(RefusalCode code) => new(code, 0, default, []);

    private static Outcome Was(RoomEvent made) => new(null, made.Seq, made.At, []);

    private Outcome Put(RoomLog room, params RoomEvent[] events)
    {
        for (int i = 0; i < events.Length; i++)
        {
            events[i] = events[i] with { Seq = room.Events.Count + 1 };
            room.Events.Add(events[i]);
            if (events[i].Type is EventType.MemberJoined or EventType.MemberLeft)
            {
                Outbox.Add((room.Tenant, events[i].User!.Value, events[i].Room, events[i].Seq, events[i].Type == EventType.MemberJoined, events[i].At));
            }

            if (events[i].Type == EventType.MessageDeleted)
            {
                room.Erase(events[i].Target!.Value);
            }
        }

        return new Outcome(null, events[0].Seq, events[0].At, events);
    }
}
