using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>What the rules need to know of a room.</summary>
/// <param name="NameSeq">The event that gave the name.</param>
/// <param name="TopicSeq">The event that gave the topic.</param>
public sealed record RoomState(
    RoomId Id, RoomKind Kind, string? Name, long NameSeq, string? Topic, long TopicSeq, long Epoch, long Head, int Members);

/// <summary>What the rules need to know of a message.</summary>
/// <param name="Text">The present text; null when deleted.</param>
/// <param name="TextSeq">The event that gave the text: the message itself, or its last edit.</param>
/// <param name="DeletedSeq">The event that deleted it.</param>
/// <param name="PinSeq">The last event that pinned or unpinned it.</param>
public sealed record MessageState(long Seq, UserId Sender, string? Text, long TextSeq, long? DeletedSeq, bool Pinned, long? PinSeq);

/// <summary>The last thing that the sender did with an emoji on a message.</summary>
public readonly record struct ReactionState(bool On, long Seq);

/// <summary>
/// What is to be done with a draft: exactly one of a refusal, the seq of an event that made it so already, and events to add to the log.
/// </summary>
public readonly record struct Decision
{
    public Refusal? Refusal { get; private init; }

    /// <summary>There is nothing to change: the event that made it so. 0 otherwise.</summary>
    public long AlreadySeq { get; private init; }

    /// <summary>Complete, with consecutive seqs from the room's head on.</summary>
    public IReadOnlyList<RoomEvent> Events { get; private init; }

    internal static Decision Refuse(RefusalCode code, string message) => new() { Refusal = new Refusal(code, message), Events = [] };

    internal static Decision Refuse(Refusal refusal) => new() { Refusal = refusal, Events = [] };

    internal static Decision Already(long seq) => new() { AlreadySeq = seq, Events = [] };

    internal static Decision Add(params RoomEvent[] events) => new() { Events = events };
}

/// <summary>
/// Decides what drafts do. Without storage: a provider loads the facts, asks, and stores the events, so that no two providers can differ.
/// </summary>
/// <remarks>
/// <para>Facts are of the instant before the draft, in the room of the draft's tenant: a room of another tenant is null. Retries are recognised by the provider before the rules are asked.</para>
/// <para>The order of the questions is the same everywhere: is the room there and the sender in it (not_found), does the target exist (not_found), may the sender (forbidden), is the
/// target still there (gone), is there anything to change, does the room's state allow it (conflict).</para>
/// <para>With nothing to change the answer names the event that made it so. What was never otherwise was made so by what it belongs to: the message's own event, or the room's first.</para>
/// </remarks>
public static partial class RoomRules
{
    /// <summary>The answer to whoever must not know more.</summary>
    internal static readonly Refusal NoRoom = new(RefusalCode.NotFound, "No such room.");

    /// <param name="room">The room with that id in the tenant.</param>
    /// <param name="idTaken">A room of another tenant has the id.</param>
    /// <param name="sender">The sender's membership.</param>
    public static Decision Create(CreateRoom draft, RoomState? room, bool idTaken, RoomMember? sender, DateTimeOffset now)
    {
        if (room is not null || idTaken)
        {
            return room is not null && room.Kind == draft.Kind && sender is not null
                ? Decision.Already(1)
                : Decision.Refuse(RefusalCode.Conflict, "There is a room with this id.");
        }

        List<UserId> others = [.. draft.Members.Where(user => user != draft.Sender).Distinct()];
        bool direct = draft.Kind == RoomKind.Direct;
        if (direct && others.Count > 1)
        {
            return Decision.Refuse(RefusalCode.Conflict, "A direct room has two members.");
        }

        return Create(draft, draft.Kind, draft.Name, draft.Topic, direct ? RoomRole.Member : RoomRole.Owner, others, now);
    }

    /// <param name="room">The room with that id in the tenant.</param>
    /// <param name="idTaken">A room of another tenant has the id.</param>
    /// <param name="sender">The sender's membership.</param>
    public static Decision Admit(AdmitMember draft, RoomState? room, bool idTaken, RoomMember? sender, DateTimeOffset now)
    {
        if (idTaken || room is { Kind: RoomKind.Direct })
        {
            return Decision.Refuse(NoRoom);
        }

        if (room is null)
        {
            return Create(draft, RoomKind.Private, draft.Name, topic: null, RoomRole.Owner, [], now);
        }

        return sender is not null
            ? Decision.Already(sender.JoinedSeq)
            : Decision.Add(Member(draft, room.Head, EventType.MemberJoined, draft.Sender, RoomRole.Member, now));
    }

    public static Decision Update(UpdateRoom draft, RoomState? room, RoomMember? sender, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (room.Kind == RoomKind.Direct)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "A direct room has no name and no topic.");
        }

        if (sender.Role < RoomRole.Moderator)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Moderators and owners change the name and the topic.");
        }

        // No topic and an empty one are the same; the event says it as it was given.
        string? name = draft.Name == room.Name ? null : draft.Name;
        string? topic = draft.Topic == (room.Topic ?? "") ? null : draft.Topic;
        if (name is null && topic is null)
        {
            return Decision.Already(Math.Max(draft.Name is null ? 1 : room.NameSeq, draft.Topic is null ? 1 : room.TopicSeq));
        }

        return Decision.Add(new RoomEvent
        {
            Room = draft.Room,
            Seq = room.Head + 1,
            Type = EventType.RoomUpdated,
            Sender = draft.Sender,
            At = now,
            ClientId = draft.ClientId,
            Name = name,
            Topic = topic,
        });
    }

    private static Decision Create(
        Draft draft, RoomKind kind, string? name, string? topic, RoomRole role, IReadOnlyList<UserId> others, DateTimeOffset now)
    {
        var events = new RoomEvent[2 + others.Count];
        events[0] = new RoomEvent
        {
            Room = draft.Room,
            Seq = 1,
            Type = EventType.RoomCreated,
            Sender = draft.Sender,
            At = now,
            ClientId = draft.ClientId,
            Kind = kind,
            Name = name,
            Topic = string.IsNullOrEmpty(topic) ? null : topic,
        };
        events[1] = Member(draft, head: 1, EventType.MemberJoined, draft.Sender, role, now);
        for (int i = 0; i < others.Count; i++)
        {
            events[i + 2] = Member(draft, head: i + 2, EventType.MemberJoined, others[i], RoomRole.Member, now);
        }

        // The client id recognises the draft, so that the first of its events has it and no other.
        for (int i = 1; i < events.Length; i++)
        {
            events[i] = events[i] with { ClientId = null };
        }

        return Decision.Add(events);
    }
}
