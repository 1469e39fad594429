namespace Monstera.Data.Rooms;

public static partial class RoomRules
{
    private static readonly Refusal NoMessage = new(RefusalCode.NotFound, "No such message.");
    private static readonly Refusal MessageGone = new(RefusalCode.Gone, "The message was deleted.");

    /// <param name="replied">The message that is replied to; null when there is none with that seq.</param>
    public static Decision Send(SendMessage draft, RoomState? room, RoomMember? sender, MessageState? replied, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (draft.ReplyTo is not null)
        {
            if (replied is null)
            {
                return Decision.Refuse(NoMessage);
            }

            if (replied.DeletedSeq is not null)
            {
                return Decision.Refuse(MessageGone);
            }
        }

        return Decision.Add(new RoomEvent
        {
            Room = draft.Room,
            Seq = room.Head + 1,
            Type = EventType.MessageCreated,
            Sender = draft.Sender,
            At = now,
            ClientId = draft.ClientId,
            Text = draft.Text,
            ReplyTo = draft.ReplyTo,
        });
    }

    public static Decision Edit(EditMessage draft, RoomState? room, RoomMember? sender, MessageState? target, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (target is null)
        {
            return Decision.Refuse(NoMessage);
        }

        if (target.Sender != draft.Sender)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Only one's own messages are edited.");
        }

        if (target.DeletedSeq is not null)
        {
            return Decision.Refuse(MessageGone);
        }

        return target.Text == draft.Text
            ? Decision.Already(target.TextSeq)
            : Decision.Add(About(draft, room, target, EventType.MessageEdited, now, text: draft.Text));
    }

    public static Decision Delete(DeleteMessage draft, RoomState? room, RoomMember? sender, MessageState? target, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (target is null)
        {
            return Decision.Refuse(NoMessage);
        }

        if (target.Sender != draft.Sender && sender.Role < RoomRole.Moderator)
        {
            return Decision.Refuse(RefusalCode.Forbidden, "Moderators and owners delete the messages of others.");
        }

        return target.DeletedSeq is { } deleted
            ? Decision.Already(deleted)
            : Decision.Add(About(draft, room, target, EventType.MessageDeleted, now));
    }

    /// <param name="mine">What the sender did last with this emoji on this message; null: nothing ever.</param>
    /// <param name="emojiThere">Somebody's reaction with this emoji is on the message.</param>
    /// <param name="emojis">Different emoji that are on the message.</param>
    public static Decision React(
        React draft, RoomState? room, RoomMember? sender, MessageState? target, ReactionState? mine, bool emojiThere, int emojis, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (target is null)
        {
            return Decision.Refuse(NoMessage);
        }

        if (target.DeletedSeq is not null)
        {
            return Decision.Refuse(MessageGone);
        }

        if ((mine?.On ?? false) == draft.On)
        {
            return Decision.Already(mine?.Seq ?? target.Seq);
        }

        if (draft.On && !emojiThere && emojis >= RoomLimits.EmojiPerMessageMax)
        {
            return Decision.Refuse(RefusalCode.Conflict, $"A message has at most {RoomLimits.EmojiPerMessageMax} different emoji.");
        }

        EventType type = draft.On ? EventType.ReactionAdded : EventType.ReactionRemoved;
        return Decision.Add(About(draft, room, target, type, now, emoji: draft.Emoji));
    }

    /// <param name="pins">Messages of the room that are pinned.</param>
    public static Decision Pin(Pin draft, RoomState? room, RoomMember? sender, MessageState? target, int pins, DateTimeOffset now)
    {
        if (room is null || sender is null)
        {
            return Decision.Refuse(NoRoom);
        }

        if (target is null)
        {
            return Decision.Refuse(NoMessage);
        }

        if (target.DeletedSeq is not null)
        {
            return Decision.Refuse(MessageGone);
        }

        if (target.Pinned == draft.On)
        {
            return Decision.Already(target.PinSeq ?? target.Seq);
        }

        if (draft.On && pins >= RoomLimits.PinsMax)
        {
            return Decision.Refuse(RefusalCode.Conflict, $"A room has at most {RoomLimits.PinsMax} pins.");
        }

        return Decision.Add(About(draft, room, target, draft.On ? EventType.MessagePinned : EventType.MessageUnpinned, now));
    }

    private static RoomEvent About(
        Draft draft, RoomState room, MessageState target, EventType type, DateTimeOffset now, string? text = null, string? emoji = null) => new()
        {
            Room = draft.Room,
            Seq = room.Head + 1,
            Type = type,
            Sender = draft.Sender,
            At = now,
            ClientId = draft.ClientId,
            Target = target.Seq,
            Text = text,
            Emoji = emoji,
        };
}
