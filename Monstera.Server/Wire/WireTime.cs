using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Monstera.Server.Wire;

/// <summary>Times on the wire: UTC with exactly three decimals, <c>2026-11-21T10:02:03.456Z</c>.</summary>
public static class WireTime
{
    public const int Length = 24;

    [ThreadStatic]
    private static byte[]? _lastText;

    [ThreadStatic]
    private static long _lastMs;

    /// <summary>Writes the 24 bytes of <paramref name="time"/>.</summary>
    public static void Format(DateTimeOffset time, Span<byte> utf8)
    {
        if (utf8.Length < Length)
        {
            throw new ArgumentException("Needs 24 bytes.", nameof(utf8));
        }

        // All events and answers of a batch have the same time.
        long ms = time.UtcTicks / TimeSpan.TicksPerMillisecond;
        if (_lastText is null || _lastMs != ms)
        {
            byte[] text = _lastText ??= new byte[Length];
            if (!time.UtcDateTime.TryFormat(text, out _, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture))
            {
                throw new InvalidOperationException("A time is 24 bytes.");
            }

            _lastMs = ms;
        }

        _lastText.CopyTo(utf8);
    }
}

internal sealed class WireTimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        Span<byte> utf8 = stackalloc byte[WireTime.Length];
        WireTime.Format(value, utf8);
        writer.WriteStringValue(utf8);
    }
}
