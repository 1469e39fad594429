using System.Security.Cryptography;
using System.Text;

namespace Monstera.Data.Ids;

/// <summary>
/// Ids that are computed rather than drawn, so that two who make the same thing at the same instant make one thing.
/// The first 16 bytes of SHA-256 over a labelled text, marked as UUID version 8 (RFC 9562). Published in docs/protocol.md: never change.
/// </summary>
public static class DerivedIds
{
    /// <summary>The direct room of two users, in whichever order they are given.</summary>
    public static RoomId DirectRoom(TenantId tenant, UserId one, UserId other)
    {
        (string low, string high) = (one.ToString(), other.ToString());
        if (string.CompareOrdinal(low, high) > 0)
        {
            (low, high) = (high, low);
        }

        return new RoomId(Hash($"monstera/direct/{tenant}/{low}/{high}"));
    }

    /// <summary>The room that a host product calls <paramref name="key"/>.</summary>
    public static RoomId RoomOfKey(TenantId tenant, string key) => new(Hash($"monstera/room/{tenant}/{key}"));

    /// <summary>The room that <paramref name="creator"/> asked for with <paramref name="clientId"/>: asking again makes no second one.</summary>
    public static RoomId RoomOfRequest(TenantId tenant, UserId creator, ClientId clientId) =>
        new(Hash($"monstera/created/{tenant}/{creator}/{clientId}"));

    private static Guid Hash(string text)
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes[..16], bigEndian: true);
    }
}
