using System.Buffers;
using System.Buffers.Binary;

namespace Monstera.Server.Realtime.Transports;

/// <summary>What a WebSocket frame is for (RFC 6455 section 5.2).</summary>
public enum WebSocketOpcode : byte
{
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// <summary>The head of a frame from a client.</summary>
/// <param name="HeadBytes">Bytes of the head itself, the masking key included.</param>
public readonly record struct WebSocketFrameHead(WebSocketOpcode Opcode, bool IsFinal, uint Mask, int PayloadBytes, int HeadBytes)
{
    public bool IsControl => Opcode >= WebSocketOpcode.Close;
}

/// <summary>What became of reading a frame's head.</summary>
public enum WebSocketReadStatus
{
    /// <summary>The head is there.</summary>
    Read,

    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>Not a frame that a client may send: 1002.</summary>
    Malformed,

    /// <summary>Longer than is taken: 1009.</summary>
    TooLarge,
}

/// <summary>
/// WebSocket framing as a server needs it (RFC 6455 section 5): masked frames come in, unmasked ones go out. No extensions. Reads and writes bytes in place, so that
/// one message to a thousand members is copied into a thousand sockets and nowhere else.
/// </summary>
public static class WebSocketFrames
{
    public const int ServerHeadBytesMax = 10;
    private const int ClientHeadBytesMax = 14;
    private const int ControlPayloadMax = 125;
    private const byte Final = 0x80;
    private const byte Reserved = 0x70;
    private const byte Masked = 0x80;
    private const int Length16 = 126;
    private const int Length64 = 127;

    /// <summary>Reads the head of the next frame.</summary>
    /// <param name="payloadMax">Frames with a longer payload are <see cref="WebSocketReadStatus.TooLarge"/>.</param>
    public static WebSocketReadStatus TryReadHead(in ReadOnlySequence<byte> buffer, int payloadMax, out WebSocketFrameHead head)
    {
        head = default;
        Span<byte> copy = stackalloc byte[ClientHeadBytesMax];
        ReadOnlySequence<byte> start = buffer.Length > ClientHeadBytesMax ? buffer.Slice(0, ClientHeadBytesMax) : buffer;
        ReadOnlySpan<byte> bytes = start.IsSingleSegment ? start.FirstSpan : copy[..(int)start.Length];
        if (!start.IsSingleSegment)
        {
            start.CopyTo(copy);
        }

        if (bytes.Length < 2)
        {
            return WebSocketReadStatus.Incomplete;
        }

        WebSocketOpcode opcode = (WebSocketOpcode)(bytes[0] & 0x0F);
        bool final = (bytes[0] & Final) != 0;
        bool known = opcode <= WebSocketOpcode.Binary || opcode is >= WebSocketOpcode.Close and <= WebSocketOpcode.Pong;
        int shortLength = bytes[1] & ~Masked;
        if ((bytes[0] & Reserved) != 0 || !known || (bytes[1] & Masked) == 0
            || (opcode >= WebSocketOpcode.Close && (!final || shortLength > ControlPayloadMax)))
        {
            return WebSocketReadStatus.Malformed;
        }

        int lengthBytes = shortLength switch { Length16 => 2, Length64 => 8, _ => 0 };
        int headBytes = 2 + lengthBytes + 4;
        if (bytes.Length < headBytes)
        {
            return WebSocketReadStatus.Incomplete;
        }

        ulong payload = shortLength switch
        {
            Length16 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            Length64 => BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]),
            _ => (ulong)shortLength,
        };
        if (payload > (ulong)payloadMax)
        {
            return WebSocketReadStatus.TooLarge;
        }

        uint mask = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(headBytes - 4)..]);
        head = new WebSocketFrameHead(opcode, final, mask, (int)payload, headBytes);
        return WebSocketReadStatus.Read;
    }

    /// <summary>Copies a payload and takes its mask off.</summary>
    /// <param name="to">As long as the payload.</param>
    public static void Unmask(in ReadOnlySequence<byte> payload, uint mask, Span<byte> to)
    {
        payload.CopyTo(to);
        if (mask == 0)
        {
            return;
        }

        // Eight bytes at a time; the key repeats every four.
        ulong wide = ((ulong)mask << 32) | mask;
        int i = 0;
        for (; i + sizeof(ulong) <= to.Length; i += sizeof(ulong))
        {
            Span<byte> eight = to.Slice(i, sizeof(ulong));
            BinaryPrimitives.WriteUInt64LittleEndian(eight, BinaryPrimitives.ReadUInt64LittleEndian(eight) ^ wide);
        }

        for (; i < to.Length; i++)
        {
            to[i] ^= (byte)(mask >> (8 * (i & 3)));
        }
    }

    /// <summary>Writes the head of a whole, unmasked frame.</summary>
    /// <returns>Its length, at most <see cref="ServerHeadBytesMax"/>.</returns>
    public static int WriteHead(Span<byte> to, WebSocketOpcode opcode, int payloadBytes)
    {
        to[0] = (byte)(Final | (byte)opcode);
        switch (payloadBytes)
        {
            case < Length16:
                to[1] = (byte)payloadBytes;
                return 2;
            case <= ushort.MaxValue:
                to[1] = Length16;
                BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)payloadBytes);
                return 4;
            default:
                to[1] = Length64;
                BinaryPrimitives.WriteUInt64BigEndian(to[2..], (ulong)payloadBytes);
                return 10;
        }
    }
}
