using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>Checks parts before anybody is asked: they may come from a file. What only a store can know (its heads, who is a member), each provider checks.</summary>
internal static class LogParts
{
    /// <exception cref="ArchiveConflictException">A part has a gap, an event of another room, or one that is not whole.</exception>
    public static void Check(IReadOnlyList<LogPart> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        foreach (LogPart part in parts)
        {
            long next = part.Events.Count == 0 ? 0 : part.Events[0].Seq;
            foreach (RoomEvent copied in part.Events)
            {
                if (copied.Room != part.Room || copied.Seq != next || copied.Seq < 1)
                {
                    throw new ArchiveConflictException($"A part of the log of room {part.Room} is not consecutive: it has event {copied.Seq} of room {copied.Room} in the place of event {next}.");
                }

                if (!IsWhole(copied))
                {
                    throw new ArchiveConflictException($"Event {copied.Seq} of room {part.Room} is not whole, or of a type that is not known here.");
                }

                next++;
            }
        }
    }

    /// <exception cref="ArchiveConflictException">The part begins later than where the room's log goes on.</exception>
    public static void RefuseGap(LogPart part, long head)
    {
        if (part.Events.Count > 0 && part.Events[0].Seq > head + 1)
        {
            throw new ArchiveConflictException($"A part of the log of room {part.Room} begins with event {part.Events[0].Seq}, and the log ends at {head}.");
        }
    }

    public static ArchiveConflictException OtherTenant(LogPart part) => new($"Room {part.Room} belongs to another tenant here.");

    public static ArchiveConflictException DoesNotFit(RoomEvent copied) =>
        new($"Event {copied.Seq} ({copied.Type}) of room {copied.Room} does not fit what is there: it is about a message or a member that the log before it has not, or has already.");

    private static bool IsWhole(RoomEvent copied) => copied.Seq == 1 == (copied.Type == EventType.RoomCreated) && copied.Type switch
    {
        EventType.RoomCreated => copied.Kind is not null,
        EventType.RoomUpdated or EventType.MessageCreated => true,
        EventType.MemberJoined or EventType.MemberUpdated => copied is { User: not null, Role: not null },
        EventType.MemberLeft => copied.User is not null,
        EventType.MessageEdited or EventType.MessageDeleted or EventType.MessagePinned or EventType.MessageUnpinned => copied.Target < copied.Seq,
        EventType.ReactionAdded or EventType.ReactionRemoved => copied.Target < copied.Seq && copied.Emoji is not null,
        _ => false,
    };
}
