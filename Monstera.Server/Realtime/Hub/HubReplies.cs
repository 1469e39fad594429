using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Monstera.Data.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime.Hub;

/// <summary>Answers to calls, as frames of the SignalR JSON hub protocol.</summary>
public static class HubReplies
{
    private const byte RecordSeparator = 0x1e;

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = WireJson.Options.Encoder, SkipValidation = true };

    /// <summary>The handshake went well.</summary>
    public static ReadOnlySpan<byte> Welcome => "{}\u001e"u8;

    public static ReadOnlyMemory<byte> Ping { get; } = "{\"type\":6}\u001e"u8.ToArray();

    /// <summary>The answer <c>{ "seq", "at" }</c> to a write: the one that is worth writing by hand.</summary>
    /// <param name="invocationId">Its JSON, quotes included.</param>
    public static void WriteAck(IBufferWriter<byte> to, ReadOnlySpan<byte> invocationId, AppendOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(outcome);
        ReadOnlySpan<byte> head = "{\"type\":3,\"invocationId\":"u8;
        ReadOnlySpan<byte> result = ",\"result\":{\"seq\":"u8;
        ReadOnlySpan<byte> at = ",\"at\":\""u8;
        ReadOnlySpan<byte> tail = "\"}}\u001e"u8;
        Span<byte> bytes = to.GetSpan(head.Length + invocationId.Length + result.Length + 20 + at.Length + WireTime.Length + tail.Length);
        int length = 0;
        Put(bytes, head, ref length);
        Put(bytes, invocationId, ref length);
        Put(bytes, result, ref length);
        Utf8Formatter.TryFormat(outcome.Seq, bytes[length..], out int digits);
        length += digits;
        Put(bytes, at, ref length);
        WireTime.Format(outcome.At, bytes.Slice(length, WireTime.Length));
        length += WireTime.Length;
        Put(bytes, tail, ref length);
        to.Advance(length);
    }

    /// <summary>Any other answer.</summary>
    public static void WriteResult(IBufferWriter<byte> to, ReadOnlySpan<byte> invocationId, object result)
    {
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(result);
        using (Utf8JsonWriter writer = new(to, WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteNumber("type"u8, 3);
            writer.WritePropertyName("invocationId"u8);
            writer.WriteRawValue(invocationId, skipInputValidation: true);
            writer.WritePropertyName("result"u8);
            JsonSerializer.Serialize(writer, result, result.GetType(), WireJson.Options);
            writer.WriteEndObject();
        }

        to.Write([RecordSeparator]);
    }

    /// <summary>The server closes the connection.</summary>
    public static byte[] Close(string error, bool allowReconnect) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(new { type = 7, error, allowReconnect }, WireJson.Options), RecordSeparator];

    /// <summary>The handshake failed.</summary>
    public static byte[] HandshakeError(string error) => [.. JsonSerializer.SerializeToUtf8Bytes(new { error }, WireJson.Options), RecordSeparator];

    private static void Put(Span<byte> to, ReadOnlySpan<byte> bytes, ref int length)
    {
        bytes.CopyTo(to[length..]);
        length += bytes.Length;
    }
}
