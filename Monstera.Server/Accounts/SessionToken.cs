using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Server.Accounts;

/// <summary>The secret of a session: <c>mst_</c> and 32 random bytes in base64url. The server keeps its SHA-256 only, which is enough for a secret with 256 random bits.</summary>
internal static class SessionToken
{
    public const string Prefix = "mst_";
    private const int RandomBytes = 32;
    private const int Length = 4 + 43;

    public static string New()
    {
        Span<byte> random = stackalloc byte[RandomBytes];
        RandomNumberGenerator.Fill(random);
        return Prefix + Base64Url.EncodeToString(random);
    }

    /// <summary>Null for what cannot be a session's token, so that no query is made for it.</summary>
    public static byte[]? TryHash(string token) =>
        token.Length == Length && token.StartsWith(Prefix, StringComparison.Ordinal) ? Hash(token) : null;

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
