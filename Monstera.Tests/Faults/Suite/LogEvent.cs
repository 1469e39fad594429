using System.Runtime.InteropServices;
using System.Text.Json;

namespace Monstera.Tests.Faults.Suite;

/// <summary>An event of the log as it is stored.</summary>
internal sealed record LogEvent(long Seq, ulong Digest, string Type, Guid Sender, Guid? ClientId, string? Text, long? Target)
{
    /// <summary>For people: what it is, not all that it says.</summary>
    public override string ToString() => $"a {Type}, {(ClientId is { } id && WriteId.Of(id) is { } write ? write : $"client id {ClientId}, of {Sender}")}";

    public static LogEvent Of(JsonElement e) => new(
        e.GetProperty("seq").GetInt64(),
        EventDigest.Of(JsonMarshal.GetRawUtf8Value(e), out _),
        e.GetProperty("type").GetString()!,
        e.GetProperty("sender").GetGuid(),
        e.TryGetProperty("clientId", out JsonElement clientId) ? clientId.GetGuid() : null,
        e.TryGetProperty("text", out JsonElement text) ? text.GetString() : null,
        e.TryGetProperty("target", out JsonElement target) ? target.GetInt64() : null);
}

/// <summary>
/// All that an event says, in 64 bits: what millions of deliveries can be compared by. The order of the fields does not matter, nor whether the room stands in the event or beside it.
/// </summary>
internal static class EventDigest
{
    private const ulong Offset = 14_695_981_039_346_656_037;
    private const ulong Prime = 1_099_511_628_211;

    public static ulong Of(ReadOnlySpan<byte> json, out long seq)
    {
        seq = 0;
        ulong digest = 0;
        Utf8JsonReader reader = new(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ulong hash = Hash(Offset, reader.ValueSpan);
            bool isSeq = reader.ValueTextEquals("seq"u8);
            bool isRoom = reader.ValueTextEquals("room"u8);
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (isSeq)
            {
                seq = reader.GetInt64();
            }

            if (!isRoom)
            {
                digest += Mix(Hash(hash, json[start..(int)reader.BytesConsumed]));
            }
        }

        return digest;
    }

    private static ulong Hash(ulong hash, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * Prime;
        }

        return hash;
    }

    // A sum of what is not mixed would not see two fields that exchange their ends.
    private static ulong Mix(ulong hash)
    {
        hash = (hash ^ (hash >> 33)) * 0xff51_afd7_ed55_8ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ce_b9fe_1a85_ec53;
        return hash ^ (hash >> 33);
    }
}
