using System.Buffers.Text;

namespace Monstera.Bench.Load;

/// <summary>The little of JSON that the generator reads, found by its bytes: what both servers write is compact and in a known order, and a full parser would cost more than the server.</summary>
internal static class Records
{
    /// <summary>Ends each record of the SignalR JSON hub protocol.</summary>
    public const byte Separator = 0x1e;

    /// <summary>Where the digit of <c>{"type":1</c> is.</summary>
    public const int KindAt = 8;

    public static ReadOnlySpan<byte> Handshake => "{\"protocol\":\"json\",\"version\":1}"u8;

    public static ReadOnlySpan<byte> Ping => "{\"type\":6}"u8;

    /// <summary>What follows <paramref name="name"/>, which is quoted and has its colon; empty when it is not there.</summary>
    public static ReadOnlySpan<byte> After(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        int at = json.IndexOf(name);
        return at < 0 ? default : json[(at + name.Length)..];
    }

    /// <summary>The number at the beginning.</summary>
    public static long Number(ReadOnlySpan<byte> json)
    {
        bool ok = Utf8Parser.TryParse(json, out long number, out _);
        BenchFailedException.ThrowIf(!ok, $"a number was expected: {Show(json)}");
        return number;
    }

    /// <summary>Twelve hexadecimal digits at the beginning.</summary>
    public static int Hex12(ReadOnlySpan<byte> json)
    {
        long number = -1;
        bool ok = json.Length >= 12 && Utf8Parser.TryParse(json[..12], out number, out int read, 'x') && read == 12 && number <= int.MaxValue;
        BenchFailedException.ThrowIf(!ok, $"twelve hexadecimal digits were expected: {Show(json)}");
        return (int)number;
    }

    /// <summary>The beginning of some bytes, for a message.</summary>
    public static string Show(ReadOnlySpan<byte> bytes) =>
        System.Text.Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 300)]);
}
