using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Monstera.Bench.Subjects;

/// <summary>What a host product would sign: docs/protocol.md section 4.</summary>
internal static class ConnectionToken
{
    private static readonly string Header = Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8);

    public static string Sign(string secret, string user, string roomKey, DateTimeOffset expiresAt)
    {
        byte[] claims = JsonSerializer.SerializeToUtf8Bytes(new { sub = user, exp = expiresAt.ToUnixTimeSeconds(), rooms = new[] { roomKey } });
        string signed = $"{Header}.{Base64Url.EncodeToString(claims)}";
        byte[] signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(signed));
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }
}
