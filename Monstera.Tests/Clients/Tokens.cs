using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Monstera.Tests.Clients;

/// <summary>Connection tokens as a host product makes them, and the ids of its rooms: docs/protocol.md section 4, from the text alone.</summary>
public static class Tokens
{
    public const string Secret = "a secret that the tests share with the server";

    /// <summary>A token of <paramref name="user"/> that lets into <paramref name="rooms"/> and lasts an hour.</summary>
    public static string For(string user, params string[] rooms) => Make(user, rooms);

    public static string Make(
        string user, IReadOnlyList<string>? rooms = null, string? tenant = null, string? name = null, DateTimeOffset? expires = null, string secret = Secret)
    {
        Dictionary<string, object> claims = new(StringComparer.Ordinal)
        {
            ["sub"] = user,
            ["exp"] = (expires ?? TimeProvider.System.GetUtcNow().AddHours(1)).ToUnixTimeSeconds(),
        };
        if (rooms is { Count: > 0 })
        {
            claims["rooms"] = rooms;
        }

        if (tenant is not null)
        {
            claims["tenant"] = tenant;
        }

        if (name is not null)
        {
            claims["name"] = name;
        }

        string signed = $"{Encode("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{signed}.{Encode(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>The room that a host product calls <paramref name="key"/>.</summary>
    public static Guid RoomOf(Guid tenant, string key)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"monstera/room/{tenant:D}/{key}"));
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash.AsSpan(0, 16), bigEndian: true);
    }

    private static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
