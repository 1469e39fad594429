using System.Buffers.Text;

namespace Monstera.Server.Redis;

/// <summary>
/// Reads RESP (versions 2 and 3) as it arrives, in pieces of any size. What has been read is kept between pieces and never read again. Memory follows what has arrived, never
/// what a length announces, and every length is bounded.
/// </summary>
/// <remarks>Not safe for threads. After a <see cref="RespException"/> it is of no further use.</remarks>
public sealed class RespReader
{
    public const int LineBytesMax = 65_536;
    public const int BulkBytesMax = 33_554_432;
    public const int DepthMax = 16;

    /// <summary>Of one reply, over all depths.</summary>
    public const int ItemsMax = 1_048_576;

    private const int BufferBytes = 16_384;
    private const int BufferBytesKept = 1_048_576;

    private readonly Stack<Aggregate> _open = [];
    private byte[] _buffer = new byte[BufferBytes];
    private int _start;
    private int _end;
    private int _scanned;
    private int _bulkLength = -1;
    private byte _bulkType;
    private int _items;
    private long _bytes;

    /// <summary>How much memory waits for the rest of a reply.</summary>
    internal int Buffered => _buffer.Length;

    /// <summary>Where the next bytes go; <see cref="Advance"/> says how many came.</summary>
    public Memory<byte> Free()
    {
        if (_start == _end)
        {
            (_start, _end) = (0, 0);
            if (_buffer.Length > BufferBytesKept)
            {
                _buffer = new byte[BufferBytes];
            }
        }

        if (_end == _buffer.Length)
        {
            byte[] to = _start > _buffer.Length / 2 ? _buffer : new byte[_buffer.Length * 2];
            _buffer.AsSpan(_start, _end - _start).CopyTo(to);
            (_buffer, _start, _end) = (to, 0, _end - _start);
        }

        return _buffer.AsMemory(_end);
    }

    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _buffer.Length - _end);
        _end += bytes;
    }

    /// <summary>The next reply that has arrived whole.</summary>
    /// <exception cref="RespException">It is no RESP.</exception>
    public bool TryRead(out RedisReply reply)
    {
        while (TryNext(out RedisReply value, out Aggregate? opened))
        {
            if (opened is { Missing: > 0 })
            {
                if (_open.Count == DepthMax)
                {
                    throw new RespException("A reply is nested too deeply.");
                }

                _open.Push(opened);
                continue;
            }

            if (opened is { Type: (byte)'|' })
            {
                continue;
            }

            if (TryClose(opened?.ToReply() ?? value, out reply))
            {
                return true;
            }
        }

        reply = default;
        return false;
    }

    /// <summary>Puts a value into what it belongs to, and what that completes into what it belongs to.</summary>
    private bool TryClose(RedisReply value, out RedisReply whole)
    {
        while (_open.TryPeek(out Aggregate? parent))
        {
            parent.Items.Add(value);
            if (--parent.Missing > 0)
            {
                whole = default;
                return false;
            }

            _open.Pop();
            if (parent.Type == '|')
            {
                // Attributes say something about the value that follows; nobody asked for it.
                whole = default;
                return false;
            }

            value = parent.ToReply();
        }

        (_items, _bytes) = (0, 0);
        whole = value;
        return true;
    }

    private bool TryNext(out RedisReply value, out Aggregate? opened)
    {
        opened = null;
        value = default;
        if (_bulkLength >= 0)
        {
            return TryBulk(out value);
        }

        if (!TryLine(out ReadOnlySpan<byte> line))
        {
            return false;
        }

        if (line.IsEmpty)
        {
            throw new RespException("A line is empty.");
        }

        byte type = line[0];
        ReadOnlySpan<byte> rest = line[1..];
        switch (type)
        {
            case (byte)'+' or (byte)',' or (byte)'(':
                value = new RedisReply(RedisReplyKind.Bytes, rest.ToArray());
                return true;
            case (byte)'-':
                value = new RedisReply(RedisReplyKind.Error, rest.ToArray());
                return true;
            case (byte)':':
                value = new RedisReply(Number(rest));
                return true;
            case (byte)'_' when rest.IsEmpty:
                return true;
            case (byte)'#' when rest.Length == 1 && rest[0] is (byte)'t' or (byte)'f':
                value = new RedisReply(rest[0] == 't' ? 1 : 0);
                return true;
            case (byte)'$' or (byte)'*' when rest.SequenceEqual("-1"u8):
                return true;
            case (byte)'$' or (byte)'=' or (byte)'!':
                _bulkLength = (int)Length(rest, BulkBytesMax);
                _bulkType = type;
                _bytes += _bulkLength;
                if (_bytes > BulkBytesMax)
                {
                    throw new RespException("A reply is too large.");
                }

                return TryBulk(out value);
            case (byte)'*' or (byte)'~' or (byte)'%' or (byte)'|' or (byte)'>':
                opened = Open(type, rest);
                return true;
            default:
                throw new RespException("A line begins with no known type.");
        }
    }

    private Aggregate Open(byte type, ReadOnlySpan<byte> rest)
    {
        int items = (int)Length(rest, ItemsMax) * (type is (byte)'%' or (byte)'|' ? 2 : 1);
        _items += items;
        if (_items > ItemsMax)
        {
            throw new RespException("A reply has too many items.");
        }

        if (type == '>' && (_open.Count > 0 || items == 0))
        {
            throw new RespException("A push stands where none can be.");
        }

        return new Aggregate(type, items);
    }

    private bool TryLine(out ReadOnlySpan<byte> line)
    {
        line = default;
        ReadOnlySpan<byte> arrived = _buffer.AsSpan(_start, _end - _start);
        int newline = arrived[_scanned..].IndexOf((byte)'\n');
        if (newline < 0)
        {
            _scanned = arrived.Length;
            return arrived.Length > LineBytesMax ? throw new RespException("A line is too long.") : false;
        }

        newline += _scanned;
        if (newline == 0 || arrived[newline - 1] != '\r' || newline > LineBytesMax + 1)
        {
            throw new RespException("A line does not end as it should.");
        }

        line = arrived[..(newline - 1)];
        _start += newline + 1;
        _scanned = 0;
        return true;
    }

    private bool TryBulk(out RedisReply value)
    {
        value = default;
        int length = _bulkLength;
        if (_end - _start < length + 2)
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_start, length);
        if (_buffer[_start + length] != '\r' || _buffer[_start + length + 1] != '\n')
        {
            throw new RespException("A string does not end where it should.");
        }

        // Verbatim strings begin with three letters and a colon that say how to show them.
        byte[] content = (_bulkType == '=' && length >= 4 ? bytes[4..] : bytes).ToArray();
        value = new RedisReply(_bulkType == '!' ? RedisReplyKind.Error : RedisReplyKind.Bytes, content);
        _start += length + 2;
        _bulkLength = -1;
        return true;
    }

    private static long Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long number, out int used) && used == text.Length ? number : throw new RespException("A number is none.");

    private static long Length(ReadOnlySpan<byte> text, int max)
    {
        long length = Number(text);
        return length >= 0 && length <= max ? length : throw new RespException("A length is out of bounds.");
    }

    private sealed class Aggregate(byte type, int missing)
    {
        public byte Type { get; } = type;

        public int Missing { get; set; } = missing;

        /// <summary>Grows with what arrives, whatever was announced.</summary>
        public List<RedisReply> Items { get; } = new(Math.Min(missing, 16));

        public RedisReply ToReply() => new(
            Type switch { (byte)'%' => RedisReplyKind.Map, (byte)'>' => RedisReplyKind.Push, _ => RedisReplyKind.Array }, [.. Items]);
    }
}
