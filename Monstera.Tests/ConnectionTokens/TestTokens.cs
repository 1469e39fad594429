using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Tests.ConnectionTokens;

/// <summary>Makes right and wrong JWTs from their parts.</summary>
internal static class TestTokens
{
    public const string Header = """{"alg":"HS256","typ":"JWT"}""";

    public static string Hs256(string secret, string payload, string header = Header) =>
        Join(header, payload, signed => HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));

    public static string Rs256(RSA key, string payload, string header = """{"alg":"RS256"}""") =>
        Join(header, payload, signed => key.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public static string Es256(ECDsa key, string payload, string header = """{"alg":"ES256"}""") =>
        Join(header, payload, signed => key.SignData(signed, HashAlgorithmName.SHA256));

    public static string Join(string header, string payload, Func<byte[], byte[]> sign)
    {
        string signed = Encode(header) + "." + Encode(payload);
        return signed + "." + Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)));
    }

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
