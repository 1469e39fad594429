using System.Buffers;
using System.Text.Json;
using Monstera.Data.Ids;

namespace Monstera.Server.Wire;

/// <summary>
/// Frames from the server in the SignalR JSON hub protocol (docs/protocol.md sections 5 and 7), ready to be sent as they are to any number of connections: made once,
/// shared by all.
/// </summary>
public static class HubFrames
{
    private const byte RecordSeparator = 0x1e;

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = WireJson.Options.Encoder,

        // Events are spliced in as they are: they were written by EventJson.
        SkipValidation = true,
    };

    /// <summary><c>Events</c> with the JSON of consecutive events of one room.</summary>
    public static ReadOnlyMemory<byte> Events(RoomId room, long epoch, ReadOnlySpan<ReadOnlyMemory<byte>> events)
    {
        int size = 160;
        foreach (ReadOnlyMemory<byte> json in events)
        {
            size += json.Length + 1;
        }

        ArrayBufferWriter<byte> buffer = new(size);
        using (Utf8JsonWriter writer = new(buffer, WriterOptions))
        {
            Begin(writer, "Events"u8);
            writer.WriteStartObject();
            writer.WriteString("room"u8, room.Value);
            writer.WriteNumber("epoch"u8, epoch);
            writer.WriteStartArray("events"u8);
            foreach (ReadOnlyMemory<byte> json in events)
            {
                writer.WriteRawValue(json.Span, skipInputValidation: true);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
            End(writer);
        }

        return Finish(buffer);
    }

    /// <summary><c>Events</c> that tells of a gap: the connection is no longer subscribed to the room.</summary>
    public static ReadOnlyMemory<byte> Gap(RoomId room, long epoch, long head) =>
        Invocation("Events"u8, new GapMessage(room, epoch, head, Gap: true));

    /// <summary>A call of <paramref name="target"/> at the client with one argument.</summary>
    public static ReadOnlyMemory<byte> Invocation<T>(ReadOnlySpan<byte> target, T argument)
    {
        ArrayBufferWriter<byte> buffer = new(256);
        using (Utf8JsonWriter writer = new(buffer, WriterOptions))
        {
            Begin(writer, target);
            JsonSerializer.Serialize(writer, argument, WireJson.Options);
            End(writer);
        }

        return Finish(buffer);
    }

    private static void Begin(Utf8JsonWriter writer, ReadOnlySpan<byte> target)
    {
        writer.WriteStartObject();
        writer.WriteNumber("type"u8, 1);
        writer.WriteString("target"u8, target);
        writer.WriteStartArray("arguments"u8);
    }

    private static void End(Utf8JsonWriter writer)
    {
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static ReadOnlyMemory<byte> Finish(ArrayBufferWriter<byte> buffer)
    {
        buffer.Write([RecordSeparator]);
        return buffer.WrittenMemory;
    }

    private sealed record GapMessage(RoomId Room, long Epoch, long Head, bool Gap);
}
