using System.Globalization;

namespace Monstera.Bench.Load;

/// <summary>What is sent: 100 bytes that begin with the message's number, and a client id that ends with it.</summary>
internal static class MessageText
{
    public const int Length = 100;

    /// <summary>The client id up to its number, whose twelve digits end it.</summary>
    public const string ClientIdPrefix = "5eed5eed-0000-7000-8000-";

    private const int NumberDigits = 12;
    private const int ClientIdNumberAt = 24;

    private static readonly byte[] Filler = MakeFiller();

    /// <summary>The client id up to its number. Fixed: each run has a database of its own.</summary>
    private static ReadOnlySpan<byte> ClientIdStart => "5eed5eed-0000-7000-8000-"u8;

    /// <summary>The text after the twelve digits of its number.</summary>
    public static string Rest { get; } = System.Text.Encoding.ASCII.GetString(Filler);

    public static void WriteClientId(FrameWriter writer, int number)
    {
        writer.Append(ClientIdStart);
        writer.AppendHex12(number);
    }

    public static void Write(FrameWriter writer, int number)
    {
        writer.AppendHex12(number);
        writer.Append(Filler);
    }

    public static int NumberOfClientId(ReadOnlySpan<byte> clientId)
    {
        BenchFailedException.ThrowIf(!clientId.StartsWith(ClientIdStart), $"a clientId that was never sent: {Records.Show(clientId)}");
        return Records.Hex12(clientId[ClientIdNumberAt..]);
    }

    public static int NumberOf(ReadOnlySpan<byte> text) => Records.Hex12(text);

    /// <summary>Whether these bytes begin with exactly the text of this message.</summary>
    public static bool Is(ReadOnlySpan<byte> text, int number) =>
        text.Length > Length && Records.Hex12(text) == number && text[NumberDigits..].StartsWith(Filler) && text[Length] == (byte)'"';

    /// <summary>The same for the storage's interface.</summary>
    public static (Guid ClientId, string Text) Of(int number)
    {
        string digits = number.ToString("x12", CultureInfo.InvariantCulture);
        return (Guid.Parse(ClientIdPrefix + digits), digits + Rest);
    }

    private static byte[] MakeFiller()
    {
        ReadOnlySpan<byte> words = " It rained all night; in the morning the terrace was full of leaves, and the Monstera had a new one. "u8;
        return words[..(Length - NumberDigits)].ToArray();
    }
}
