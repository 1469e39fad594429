using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;

namespace Monstera.Bench.Load;

/// <summary>Writes WebSocket frames of a client, one after another, into a buffer that is reused.</summary>
internal sealed class FrameWriter
{
    private const byte FinalText = 0x81;
    private const byte FinalPong = 0x8A;
    private const byte Masked = 0x80;
    private const int MaskBytes = 4;
    private const int HeaderBytes = 2 + 2 + MaskBytes;
    private const int LengthWithoutExtension = 125;

    private byte[] _buffer = new byte[65_536];
    private int _frameStart;

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void BeginFrame()
    {
        _frameStart = Length;
        Reserve(HeaderBytes);
        Length += HeaderBytes;
    }

    /// <summary>Ends a SignalR record and the text frame around it.</summary>
    public void EndRecord()
    {
        Append([Records.Separator]);
        int payload = Length - _frameStart - HeaderBytes;
        Span<byte> frame = _buffer.AsSpan(_frameStart);
        frame[0] = FinalText;
        if (payload > LengthWithoutExtension)
        {
            frame[1] = Masked | 126;
            BinaryPrimitives.WriteUInt16BigEndian(frame[2..], checked((ushort)payload));

            // RFC 6455 wants a mask, and leaves its value to the client: with zeros the payload stays as it is.
            frame.Slice(4, MaskBytes).Clear();
            return;
        }

        frame[1] = (byte)(Masked | payload);
        frame.Slice(HeaderBytes, payload).CopyTo(frame[(HeaderBytes - 2)..]);
        frame.Slice(2, MaskBytes).Clear();
        Length -= 2;
    }

    public void Pong()
    {
        Append([FinalPong, Masked, 0, 0, 0, 0]);
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(Length));
        Length += bytes.Length;
    }

    public void Append(long number)
    {
        Reserve(20);
        Utf8Formatter.TryFormat(number, _buffer.AsSpan(Length), out int written);
        Length += written;
    }

    /// <summary>Twelve hexadecimal digits.</summary>
    public void AppendHex12(long number)
    {
        Reserve(12);
        number.TryFormat(_buffer.AsSpan(Length), out int written, "x12", CultureInfo.InvariantCulture);
        Length += written;
    }

    private void Reserve(int count)
    {
        if (Length + count > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + count));
        }
    }
}
