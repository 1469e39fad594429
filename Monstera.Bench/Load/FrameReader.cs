using System.Buffers.Binary;

namespace Monstera.Bench.Load;

/// <summary>
/// Takes the WebSocket frames of a server apart, in whatever pieces they arrive, and finds the SignalR records in them. A record that lies whole in one piece is
/// used where it lies; only what is cut in two is copied.
/// </summary>
internal struct FrameReader
{
    private const int HeaderBytesMax = 10;
    private const byte OpcodeClose = 8;
    private const byte OpcodePing = 9;
    private const byte OpcodePong = 10;

    private byte[]? _header;
    private int _headerCount;
    private byte[]? _carry;
    private int _carryCount;
    private long _remaining;
    private byte _opcode;

    /// <summary>The server has asked for a pong.</summary>
    public bool PongIsDue { get; set; }

    /// <summary>Gives each record in <paramref name="bytes"/>, and in what was left of those before, to <paramref name="sink"/>.</summary>
    public void Feed(ReadOnlySpan<byte> bytes, Connection connection, IRecordSink sink, long now)
    {
        while (bytes.Length > 0)
        {
            if (_remaining == 0 && !ReadHeader(ref bytes))
            {
                return;
            }

            int length = (int)Math.Min(_remaining, bytes.Length);
            _remaining -= length;
            if (_opcode <= 2)
            {
                Split(bytes[..length], connection, sink, now);
            }
            else
            {
                Control(connection, bytes[..length]);
            }

            bytes = bytes[length..];
        }
    }

    private readonly int HeaderLength(ReadOnlySpan<byte> header) =>
        header.Length < 2 ? 2 : (header[1] & 0x7F) switch { 126 => 4, 127 => 10, _ => 2 };

    private bool ReadHeader(ref ReadOnlySpan<byte> bytes)
    {
        if (_headerCount == 0 && bytes.Length >= HeaderLength(bytes))
        {
            int whole = HeaderLength(bytes);
            Take(bytes[..whole]);
            bytes = bytes[whole..];
            return true;
        }

        // Cut in the middle of a header: byte by byte, it is rare.
        _header ??= new byte[HeaderBytesMax];
        while (bytes.Length > 0)
        {
            _header[_headerCount++] = bytes[0];
            bytes = bytes[1..];
            ReadOnlySpan<byte> header = _header.AsSpan(0, _headerCount);
            if (_headerCount >= 2 && _headerCount == HeaderLength(header))
            {
                _headerCount = 0;
                Take(header);
                return true;
            }
        }

        return false;
    }

    private void Take(ReadOnlySpan<byte> header)
    {
        _opcode = (byte)(header[0] & 0x0F);
        _remaining = header.Length switch
        {
            2 => header[1],
            4 => BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            _ => BinaryPrimitives.ReadInt64BigEndian(header[2..]),
        };
        if (_opcode == OpcodePing)
        {
            PongIsDue = true;
        }

        BenchFailedException.ThrowIf(
            _opcode is not (<= 2 or OpcodeClose or OpcodePing or OpcodePong) || (header[0] & 0x70) != 0 || (header[1] & 0x80) != 0,
            $"a WebSocket frame that no server may send: {header[0]:x2} {header[1]:x2}");
    }

    private readonly void Control(Connection connection, ReadOnlySpan<byte> payload)
    {
        if (_opcode == OpcodeClose && !connection.IsLeaving)
        {
            throw new BenchFailedException($"the server closed connection {connection.Index}: {Records.Show(payload.Length > 2 ? payload[2..] : payload)}");
        }
    }

    private void Split(ReadOnlySpan<byte> piece, Connection connection, IRecordSink sink, long now)
    {
        while (true)
        {
            int end = piece.IndexOf(Records.Separator);
            if (end < 0)
            {
                Carry(piece);
                return;
            }

            if (_carryCount == 0)
            {
                sink.OnRecord(connection, piece[..end], now);
            }
            else
            {
                Carry(piece[..end]);
                int length = _carryCount;
                _carryCount = 0;
                sink.OnRecord(connection, _carry.AsSpan(0, length), now);
            }

            piece = piece[(end + 1)..];
        }
    }

    private void Carry(ReadOnlySpan<byte> piece)
    {
        if (piece.Length == 0)
        {
            return;
        }

        if (_carry is null || _carryCount + piece.Length > _carry.Length)
        {
            Array.Resize(ref _carry, Math.Max(_carryCount + piece.Length, (_carry?.Length ?? 512) * 2));
        }

        piece.CopyTo(_carry.AsSpan(_carryCount));
        _carryCount += piece.Length;
    }
}

/// <summary>Takes what a server says.</summary>
internal interface IRecordSink
{
    void OnRecord(Connection connection, ReadOnlySpan<byte> record, long now);
}
