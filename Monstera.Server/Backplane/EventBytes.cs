using System.Buffers;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Tracing;

namespace Monstera.Server.Backplane;

/// <summary>
/// One event of a room in a frame: seq, type, sender and time, then numbered fields, of which a reader passes over those that it does not know. The numbers are the wire between versions
/// that run side by side: never change or reuse one.
/// </summary>
internal static class EventBytes
{
    private const byte ClientIdField = 1;
    private const byte TargetField = 2;
    private const byte UserField = 3;
    private const byte RoleField = 4;
    private const byte TextField = 5;
    private const byte ReplyToField = 6;
    private const byte EmojiField = 7;
    private const byte KindField = 8;
    private const byte NameField = 9;
    private const byte TopicField = 10;
    private const byte DeletedField = 11;

    // Of the first event of a record, if what led to it is traced: a field, not a record of its own, so that versions without it pass over it and believe that they lack nothing.
    private const byte TraceField = 12;

    private static readonly long TimeMin = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly long TimeMax = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    public static void Write(ArrayBufferWriter<byte> to, RoomEvent e, TraceParent? trace = null)
    {
        to.WriteNumber(e.Seq);
        to.WriteByte((byte)e.Type);
        to.WriteGuid(e.Sender.Value);
        to.WriteNumber(e.At.ToUnixTimeMilliseconds());
        if (e.ClientId is { } clientId)
        {
            to.WriteField(ClientIdField, clientId.Value);
        }

        WriteNumber(to, TargetField, e.Target);
        if (e.User is { } user)
        {
            to.WriteField(UserField, user.Value);
        }

        WriteNumber(to, RoleField, (long?)e.Role);
        to.WriteField(TextField, e.Text);
        WriteNumber(to, ReplyToField, e.ReplyTo);
        to.WriteField(EmojiField, e.Emoji);
        WriteNumber(to, KindField, (long?)e.Kind);
        to.WriteField(NameField, e.Name);
        to.WriteField(TopicField, e.Topic);
        if (e.Deleted)
        {
            to.WriteField(DeletedField, 1);
        }

        if (trace is not null)
        {
            Span<byte> bytes = stackalloc byte[TraceParent.Bytes];
            trace.Write(bytes);
            to.WriteByte(TraceField);
            to.WriteBlock(bytes);
        }
    }

    /// <param name="trace">Replaced when the event tells of one that can be read.</param>
    /// <returns>Null: it is garbled, or of a kind that this version does not know.</returns>
    public static RoomEvent? Read(RoomId room, ReadOnlySpan<byte> bytes, ref TraceParent? trace)
    {
        FrameReader reader = new(bytes);
        if (!reader.TryNumber(out long seq) || seq <= 0
            || !reader.TryByte(out byte type) || !Enum.IsDefined((EventType)type)
            || !reader.TryGuid(out Guid sender)
            || !reader.TryNumber(out long at) || at < TimeMin || at > TimeMax)
        {
            return null;
        }

        RoomEvent e = new()
        {
            Room = room, Seq = seq, Type = (EventType)type, Sender = new UserId(sender), At = DateTimeOffset.FromUnixTimeMilliseconds(at),
        };
        while (!reader.IsEmpty)
        {
            if (!reader.TryField(out byte field, out ReadOnlySpan<byte> content) || With(e, field, content) is not { } more)
            {
                return null;
            }

            e = more;
            trace = field == TraceField ? TraceParent.Read(content) ?? trace : trace;
        }

        return e;
    }

    private static RoomEvent? With(RoomEvent e, byte field, ReadOnlySpan<byte> content)
    {
        switch (field)
        {
            case ClientIdField:
                return FrameFields.TryAsGuid(content, out Guid? clientId) ? e with { ClientId = new ClientId(clientId.Value) } : null;
            case TargetField:
                return FrameFields.TryAsNumber(content, out long? target) ? e with { Target = target } : null;
            case UserField:
                return FrameFields.TryAsGuid(content, out Guid? user) ? e with { User = new UserId(user.Value) } : null;
            case RoleField:
                return FrameFields.TryAsNumber(content, out long? role) && role is >= 0 and <= byte.MaxValue && Enum.IsDefined((RoomRole)role) ? e with { Role = (RoomRole)role } : null;
            case TextField:
                return e with { Text = FrameFields.AsText(content) };
            case ReplyToField:
                return FrameFields.TryAsNumber(content, out long? replyTo) ? e with { ReplyTo = replyTo } : null;
            case EmojiField:
                return e with { Emoji = FrameFields.AsText(content) };
            case KindField:
                return FrameFields.TryAsNumber(content, out long? kind) && kind is >= 0 and <= byte.MaxValue && Enum.IsDefined((RoomKind)kind) ? e with { Kind = (RoomKind)kind } : null;
            case NameField:
                return e with { Name = FrameFields.AsText(content) };
            case TopicField:
                return e with { Topic = FrameFields.AsText(content) };
            case DeletedField:
                return e with { Deleted = true };
            default:
                return e;
        }
    }

    private static void WriteNumber(ArrayBufferWriter<byte> to, byte field, long? value)
    {
        if (value is { } number)
        {
            to.WriteField(field, number);
        }
    }
}
