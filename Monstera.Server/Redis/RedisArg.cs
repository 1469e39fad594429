using System.Buffers;
using System.Globalization;
using System.Text;

namespace Monstera.Server.Redis;

/// <summary>A word of a command: text (as UTF-8), bytes or a number. Bytes are not copied before they are sent: they must not change.</summary>
public readonly struct RedisArg
{
    private readonly string? _text;
    private readonly ReadOnlyMemory<byte> _bytes;

    private RedisArg(string? text, ReadOnlyMemory<byte> bytes) => (_text, _bytes) = (text, bytes);

    public static implicit operator RedisArg(string text) => new(text, default);

    public static implicit operator RedisArg(ReadOnlyMemory<byte> bytes) => new(null, bytes);

    public static implicit operator RedisArg(byte[] bytes) => new(null, bytes);

    public static implicit operator RedisArg(long number) => new(number.ToString(CultureInfo.InvariantCulture), default);

    /// <summary>A command as RESP has it: an array of bulk strings.</summary>
    internal static void WriteCommand(IBufferWriter<byte> to, ReadOnlySpan<RedisArg> args)
    {
        WriteHeader(to, (byte)'*', args.Length);
        foreach (RedisArg arg in args)
        {
            arg.WriteTo(to);
        }
    }

    private static void WriteHeader(IBufferWriter<byte> to, byte type, int length)
    {
        Span<byte> span = to.GetSpan(16);
        span[0] = type;
        length.TryFormat(span[1..], out int written, default, CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(span[(1 + written)..]);
        to.Advance(written + 3);
    }

    private void WriteTo(IBufferWriter<byte> to)
    {
        WriteHeader(to, (byte)'$', _text is null ? _bytes.Length : Encoding.UTF8.GetByteCount(_text));
        if (_text is null)
        {
            to.Write(_bytes.Span);
        }
        else
        {
            Encoding.UTF8.GetBytes(_text, to);
        }

        to.Write("\r\n"u8);
    }
}
