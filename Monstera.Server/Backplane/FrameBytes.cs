using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Monstera.Server.Backplane;

/// <summary>The small pieces that frames are made of: ids, numbers of variable length, and numbered fields that a reader can pass over without knowing them.</summary>
internal static class FrameBytes
{
    public static void WriteByte(this ArrayBufferWriter<byte> to, byte value)
    {
        to.GetSpan(1)[0] = value;
        to.Advance(1);
    }

    public static void WriteGuid(this ArrayBufferWriter<byte> to, Guid value)
    {
        value.TryWriteBytes(to.GetSpan(16), bigEndian: true, out _);
        to.Advance(16);
    }

    /// <summary>Seven bits a byte, the lowest first.</summary>
    public static void WriteNumber(this ArrayBufferWriter<byte> to, long value)
    {
        Span<byte> span = to.GetSpan(10);
        ulong rest = (ulong)value;
        int length = 0;
        while (rest >= 0x80)
        {
            span[length++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        span[length++] = (byte)rest;
        to.Advance(length);
    }

    public static void WriteBlock(this ArrayBufferWriter<byte> to, ReadOnlySpan<byte> block)
    {
        to.WriteNumber(block.Length);
        to.Write(block);
    }

    public static void WriteField(this ArrayBufferWriter<byte> to, byte field, Guid value)
    {
        to.WriteByte(field);
        to.WriteByte(16);
        to.WriteGuid(value);
    }

    public static void WriteField(this ArrayBufferWriter<byte> to, byte field, string? value)
    {
        if (value is not null)
        {
            to.WriteByte(field);
            to.WriteNumber(Encoding.UTF8.GetByteCount(value));
            Encoding.UTF8.GetBytes(value, to);
        }
    }

    public static void WriteField(this ArrayBufferWriter<byte> to, byte field, long value)
    {
        Span<byte> number = stackalloc byte[10];
        int length = 0;
        for (ulong rest = (ulong)value; ; rest >>= 7)
        {
            number[length++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
            if (rest < 0x80)
            {
                break;
            }
        }

        to.WriteByte(field);
        to.WriteBlock(number[..length]);
    }
}

/// <summary>Reads what <see cref="FrameBytes"/> writes. Never throws: what does not fit is false.</summary>
internal ref struct FrameReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool IsEmpty => _rest.IsEmpty;

    public bool TryByte(out byte value)
    {
        value = _rest.IsEmpty ? (byte)0 : _rest[0];
        return TryTake(1, out _);
    }

    public bool TryGuid(out Guid value)
    {
        bool isThere = TryTake(16, out ReadOnlySpan<byte> taken);
        value = isThere ? new Guid(taken, bigEndian: true) : default;
        return isThere;
    }

    public bool TryNumber(out long value)
    {
        ulong read = 0;
        for (int i = 0; i < _rest.Length && i < 10; i++)
        {
            read |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                value = (long)read;
                _rest = _rest[(i + 1)..];
                return true;
            }
        }

        value = 0;
        return false;
    }

    /// <summary>A length and as many bytes.</summary>
    public bool TryBlock(out ReadOnlySpan<byte> block)
    {
        block = default;
        return TryNumber(out long length) && length >= 0 && length <= _rest.Length && TryTake((int)length, out block);
    }

    /// <summary>A number of a field and its content.</summary>
    public bool TryField(out byte field, out ReadOnlySpan<byte> content)
    {
        content = default;
        return TryByte(out field) && TryBlock(out content);
    }

    private bool TryTake(int count, out ReadOnlySpan<byte> taken)
    {
        bool isThere = _rest.Length >= count;
        taken = isThere ? _rest[..count] : default;
        _rest = isThere ? _rest[count..] : default;
        return isThere;
    }
}

/// <summary>The content of a field as what it is.</summary>
internal static class FrameFields
{
    public static bool TryAsGuid(ReadOnlySpan<byte> content, [NotNullWhen(true)] out Guid? value)
    {
        value = content.Length == 16 ? new Guid(content, bigEndian: true) : null;
        return value is not null;
    }

    public static bool TryAsNumber(ReadOnlySpan<byte> content, [NotNullWhen(true)] out long? value)
    {
        FrameReader reader = new(content);
        value = reader.TryNumber(out long number) && reader.IsEmpty ? number : null;
        return value is not null;
    }

    public static string AsText(ReadOnlySpan<byte> content) => Encoding.UTF8.GetString(content);
}
