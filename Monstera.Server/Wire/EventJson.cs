using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Monstera.Data.Rooms;

namespace Monstera.Server.Wire;

/// <summary>Writes events as docs/protocol.md section 8 has them. The room stands beside the list that they are in.</summary>
public static class EventJson
{
    private static readonly JsonEncodedText Seq = JsonEncodedText.Encode("seq");
    private static readonly JsonEncodedText Type = JsonEncodedText.Encode("type");
    private static readonly JsonEncodedText Sender = JsonEncodedText.Encode("sender");
    private static readonly JsonEncodedText At = JsonEncodedText.Encode("at");
    private static readonly JsonEncodedText ClientId = JsonEncodedText.Encode("clientId");
    private static readonly JsonEncodedText Target = JsonEncodedText.Encode("target");
    private static readonly JsonEncodedText User = JsonEncodedText.Encode("user");
    private static readonly JsonEncodedText Role = JsonEncodedText.Encode("role");
    private static readonly JsonEncodedText Text = JsonEncodedText.Encode("text");
    private static readonly JsonEncodedText ReplyTo = JsonEncodedText.Encode("replyTo");
    private static readonly JsonEncodedText Emoji = JsonEncodedText.Encode("emoji");
    private static readonly JsonEncodedText Kind = JsonEncodedText.Encode("kind");
    private static readonly JsonEncodedText Name = JsonEncodedText.Encode("name");
    private static readonly JsonEncodedText Topic = JsonEncodedText.Encode("topic");
    private static readonly JsonEncodedText Deleted = JsonEncodedText.Encode("deleted");

    [ThreadStatic]
    private static Scratch? _scratch;

    /// <summary>The event as one JSON object, in bytes of its own.</summary>
    public static byte[] ToBytes(RoomEvent e)
    {
        Scratch scratch = _scratch ??= new Scratch();
        scratch.Buffer.ResetWrittenCount();
        scratch.Writer.Reset();
        Write(scratch.Writer, e);
        scratch.Writer.Flush();
        return scratch.Buffer.WrittenSpan.ToArray();
    }

    /// <summary>The same event after its message was deleted: without its text.</summary>
    public static byte[] Erased(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        ArrayBufferWriter<byte> buffer = new(json.Length);
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Encoder = WireJson.Options.Encoder }))
        {
            writer.WriteStartObject();
            foreach (JsonProperty field in document.RootElement.EnumerateObject())
            {
                if (!field.NameEquals(Text.EncodedUtf8Bytes) && !field.NameEquals(Deleted.EncodedUtf8Bytes))
                {
                    field.WriteTo(writer);
                }
            }

            writer.WriteBoolean(Deleted, true);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The event as one JSON object.</summary>
    public static void Write(Utf8JsonWriter writer, RoomEvent e)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(e);
        writer.WriteStartObject();
        WriteFields(writer, e);
        writer.WriteEndObject();
    }

    /// <summary>The event's fields into an object that is open already.</summary>
    internal static void WriteFields(Utf8JsonWriter writer, RoomEvent e)
    {
        writer.WriteNumber(Seq, e.Seq);
        writer.WriteString(Type, NameOf(e.Type));
        writer.WriteString(Sender, e.Sender.Value);
        Span<byte> at = stackalloc byte[WireTime.Length];
        WireTime.Format(e.At, at);
        writer.WriteString(At, at);
        if (e.ClientId is { } clientId)
        {
            writer.WriteString(ClientId, clientId.Value);
        }

        if (e.Target is { } target)
        {
            writer.WriteNumber(Target, target);
        }

        if (e.Text is not null)
        {
            writer.WriteString(Text, e.Text);
        }

        if (e.ReplyTo is { } replyTo)
        {
            writer.WriteNumber(ReplyTo, replyTo);
        }

        if (e.Emoji is not null)
        {
            writer.WriteString(Emoji, e.Emoji);
        }

        if (e.Deleted)
        {
            writer.WriteBoolean(Deleted, true);
        }

        WriteRoomFields(writer, e);
    }

    private static void WriteRoomFields(Utf8JsonWriter writer, RoomEvent e)
    {
        if (e.User is { } user)
        {
            writer.WriteString(User, user.Value);
        }

        if (e.Role is { } role)
        {
            writer.WriteString(Role, NameOf(role));
        }

        if (e.Kind is { } kind)
        {
            writer.WriteString(Kind, NameOf(kind));
        }

        if (e.Name is not null)
        {
            writer.WriteString(Name, e.Name);
        }

        if (e.Topic is not null)
        {
            writer.WriteString(Topic, e.Topic);
        }
    }

    /// <summary>What a thread writes events with; only the finished bytes are new.</summary>
    private sealed class Scratch
    {
        public Scratch() => Writer = new Utf8JsonWriter(Buffer, new JsonWriterOptions { Encoder = WireJson.Options.Encoder, SkipValidation = true });

        public ArrayBufferWriter<byte> Buffer { get; } = new(1024);

        public Utf8JsonWriter Writer { get; }
    }

    public static ReadOnlySpan<byte> NameOf(EventType type) => type switch
    {
        EventType.RoomCreated => "room.created"u8,
        EventType.RoomUpdated => "room.updated"u8,
        EventType.MemberJoined => "member.joined"u8,
        EventType.MemberLeft => "member.left"u8,
        EventType.MemberUpdated => "member.updated"u8,
        EventType.MessageCreated => "message.created"u8,
        EventType.MessageEdited => "message.edited"u8,
        EventType.MessageDeleted => "message.deleted"u8,
        EventType.ReactionAdded => "reaction.added"u8,
        EventType.ReactionRemoved => "reaction.removed"u8,
        EventType.MessagePinned => "message.pinned"u8,
        EventType.MessageUnpinned => "message.unpinned"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "An event type without a name."),
    };

    private static ReadOnlySpan<byte> NameOf(RoomRole role) => role switch
    {
        RoomRole.Member => "member"u8,
        RoomRole.Moderator => "moderator"u8,
        RoomRole.Owner => "owner"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "A role without a name."),
    };

    private static ReadOnlySpan<byte> NameOf(RoomKind kind) => kind switch
    {
        RoomKind.Public => "public"u8,
        RoomKind.Private => "private"u8,
        RoomKind.Direct => "direct"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A kind without a name."),
    };
}

internal sealed class RoomEventConverter : JsonConverter<RoomEvent>
{
    public override RoomEvent Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Events come from the log, never from a client.");

    public override void Write(Utf8JsonWriter writer, RoomEvent value, JsonSerializerOptions options) => EventJson.Write(writer, value);
}

/// <summary>A timeline item: the event's fields and the message's present state beside them.</summary>
internal sealed class TimelineItemConverter : JsonConverter<TimelineItem>
{
    public override TimelineItem Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Timeline items come from the log, never from a client.");

    public override void Write(Utf8JsonWriter writer, TimelineItem value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        EventJson.WriteFields(writer, value.Event);
        if (value.Event.Type == EventType.MessageCreated)
        {
            WriteState(writer, value);
        }

        writer.WriteEndObject();
    }

    private static void WriteState(Utf8JsonWriter writer, TimelineItem item)
    {
        writer.WriteNumber("rev"u8, item.Rev);
        if (item.EditedAt is { } editedAt)
        {
            Span<byte> utf8 = stackalloc byte[WireTime.Length];
            WireTime.Format(editedAt, utf8);
            writer.WriteString("editedAt"u8, utf8);
        }

        if (item.Pinned)
        {
            writer.WriteBoolean("pinned"u8, true);
        }

        if (item.Reactions.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("reactions"u8);
        foreach (Reaction reaction in item.Reactions)
        {
            writer.WriteStartObject();
            writer.WriteString("emoji"u8, reaction.Emoji);
            writer.WriteStartArray("users"u8);
            foreach (var user in reaction.Users)
            {
                writer.WriteStringValue(user.Value);
            }

            writer.WriteEndArray();
            writer.WriteNumber("count"u8, reaction.Count);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
