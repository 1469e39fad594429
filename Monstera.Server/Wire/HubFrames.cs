using System.Buffers;
using System.Buffers.Text;
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
    private const int RoomChars = 36;
    private const int EpochCharsMax = 20;

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = WireJson.Options.Encoder,

        // Events are spliced in as they are: they were written by EventJson.
        SkipValidation = true,
    };

    /// <summary><c>Events</c> with the JSON of consecutive events of one room. Put together from bytes that are there already: nothing is parsed or escaped again.</summary>
    public static ReadOnlyMemory<byte> Events(RoomId room, long epoch, ReadOnlySpan<ReadOnlyMemory<byte>> events)
    {
        ReadOnlySpan<byte> head = "{\"type\":1,\"target\":\"Events\",\"arguments\":[{\"room\":\""u8;
        ReadOnlySpan<byte> afterRoom = "\",\"epoch\":"u8;
        ReadOnlySpan<byte> afterEpoch = ",\"events\":["u8;
        ReadOnlySpan<byte> tail = "]}]}\u001e"u8;
        int size = head.Length + RoomChars + afterRoom.Length + EpochCharsMax + afterEpoch.Length + tail.Length;
        foreach (ReadOnlyMemory<byte> json in events)
        {
            size += json.Length + 1;
        }

        byte[] frame = GC.AllocateUninitializedArray<byte>(size);
        int length = 0;
        Put(frame, head, ref length);
        room.Value.TryFormat(frame.AsSpan(length), out int written);
        length += written;
        Put(frame, afterRoom, ref length);
        Utf8Formatter.TryFormat(epoch, frame.AsSpan(length), out written);
        length += written;
        Put(frame, afterEpoch, ref length);
        for (int i = 0; i < events.Length; i++)
        {
            if (i > 0)
            {
                frame[length++] = (byte)',';
            }

            Put(frame, events[i].Span, ref length);
        }

        Put(frame, tail, ref length);
        return frame.AsMemory(0, length);
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

    private static void Put(byte[] frame, ReadOnlySpan<byte> bytes, ref int length)
    {
        bytes.CopyTo(frame.AsSpan(length));
        length += bytes.Length;
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
