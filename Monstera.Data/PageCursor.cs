using System.Buffers.Text;
using System.Text;

namespace Monstera.Data;

/// <summary>
/// Where a list goes on: the sort key of the last item, as base64url text that callers pass back unread. One form for all providers, so that a cursor survives
/// a move between them. What is no cursor is a <see cref="FormatException"/>.
/// </summary>
internal static class PageCursor
{
    private const int IdLength = 16;

    // A cursor comes from outside: longer than any name, and not for reading into memory without a bound.
    private const int TextLengthMax = 2_048;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Of(Guid id) => Of(id, "");

    public static string Of(string name) => Base64Url.EncodeToString(Strict.GetBytes(name));

    public static string Of(Guid id, string name)
    {
        byte[] bytes = new byte[IdLength + Strict.GetByteCount(name)];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        Strict.GetBytes(name, bytes.AsSpan(IdLength));
        return Base64Url.EncodeToString(bytes);
    }

    public static Guid Id(string cursor)
    {
        (Guid id, string name) = IdAndName(cursor);
        return name.Length == 0 ? id : throw Malformed();
    }

    public static string Name(string cursor) => Text(Decode(cursor));

    public static (Guid Id, string Name) IdAndName(string cursor)
    {
        byte[] bytes = Decode(cursor);
        return bytes.Length >= IdLength ? (new Guid(bytes.AsSpan(0, IdLength), bigEndian: true), Text(bytes.AsSpan(IdLength))) : throw Malformed();
    }

    private static byte[] Decode(string cursor) =>
        cursor.Length <= TextLengthMax ? Base64Url.DecodeFromChars(cursor) : throw Malformed();

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException("Not a page cursor.", e);
        }
    }

    private static FormatException Malformed() => new("Not a page cursor.");
}
