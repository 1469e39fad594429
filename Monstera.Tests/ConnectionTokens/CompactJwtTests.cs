using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Monstera.Server.Configuration;
using Monstera.Server.ConnectionTokens;
using Monstera.Server.Errors;

namespace Monstera.Tests.ConnectionTokens;

/// <summary>Everything that is not exactly a token of the one key with the one algorithm is refused.</summary>
public sealed class CompactJwtTests
{
    private const string Secret = "0123456789abcdef0123456789abcdef";
    private const string Payload = """{"sub":"u","exp":2000000000}""";

    private static readonly SignatureKey Key = SignatureKey.From(new ConnectionTokenOptions { Secret = Secret })!;

    public static TheoryData<string, string> Attacks()
    {
        string good = TestTokens.Hs256(Secret, Payload);
        string[] parts = good.Split('.');
        string encoded = TestTokens.Encode(Payload);
        return new TheoryData<string, string>
        {
            { "empty", "" },
            { "only dots", ".." },
            { "two parts", parts[0] + "." + parts[1] },
            { "four parts", good + "." + parts[2] },
            { "five parts, as encrypted ones have", good + ".x.y" },
            { "without a signature", parts[0] + "." + parts[1] + "." },
            { "without a payload", TestTokens.Hs256(Secret, "") },
            { "alg none, unsigned", TestTokens.Encode("""{"alg":"none"}""") + "." + encoded + "." },
            { "alg none, signed", TestTokens.Hs256(Secret, Payload, """{"alg":"none"}""") },
            { "alg None", TestTokens.Hs256(Secret, Payload, """{"alg":"None"}""") },
            { "alg hs256", TestTokens.Hs256(Secret, Payload, """{"alg":"hs256"}""") },
            { "alg HS512", TestTokens.Join("""{"alg":"HS512"}""", Payload, signed => HMACSHA512.HashData(Encoding.UTF8.GetBytes(Secret), signed)) },
            { "alg RS256 over a secret", TestTokens.Hs256(Secret, Payload, """{"alg":"RS256"}""") },
            { "alg missing", TestTokens.Hs256(Secret, Payload, """{"typ":"JWT"}""") },
            { "alg twice", TestTokens.Hs256(Secret, Payload, """{"alg":"none","alg":"HS256"}""") },
            { "alg as a list", TestTokens.Hs256(Secret, Payload, """{"alg":["HS256"]}""") },
            { "alg null", TestTokens.Hs256(Secret, Payload, """{"alg":null}""") },
            { "crit", TestTokens.Hs256(Secret, Payload, """{"alg":"HS256","crit":["exp"]}""") },
            { "crit, empty", TestTokens.Hs256(Secret, Payload, """{"alg":"HS256","crit":[]}""") },
            { "b64 false", TestTokens.Hs256(Secret, Payload, """{"alg":"HS256","b64":false}""") },
            { "zip", TestTokens.Hs256(Secret, Payload, """{"alg":"HS256","zip":"DEF"}""") },
            { "header no object", TestTokens.Hs256(Secret, Payload, "[]") },
            { "header no JSON", TestTokens.Hs256(Secret, Payload, "HS256") },
            { "header with a comment", TestTokens.Hs256(Secret, Payload, """{"alg":"HS256"/**/}""") },
            { "header with something after it", TestTokens.Hs256(Secret, Payload, """{"alg":"HS256"}{}""") },
            { "payload no object", TestTokens.Hs256(Secret, "[1]") },
            { "payload no JSON", TestTokens.Hs256(Secret, "sub=u") },
            { "payload with a name twice", TestTokens.Hs256(Secret, """{"sub":"u","exp":1,"exp":2000000000}""") },
            { "payload with a name twice, escaped", TestTokens.Hs256(Secret, """{"sub":"u","\u0073ub":"v","exp":2000000000}""") },
            { "payload too deep", TestTokens.Hs256(Secret, """{"sub":"u","x":""" + new string('[', 200) + new string(']', 200) + "}") },
            { "payload not UTF-8", parts[0] + "." + Base64Url.EncodeToString([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) + "." + parts[2] },
            { "another secret", TestTokens.Hs256("another secret of thirty-two bytes", Payload) },
            { "payload changed", parts[0] + "." + TestTokens.Encode("""{"sub":"v","exp":2000000000}""") + "." + parts[2] },
            { "header changed", TestTokens.Encode("""{"alg":"HS256"}""") + "." + parts[1] + "." + parts[2] },
            { "signature cut", good[..^4] },
            { "signature longer", good + "AAAA" },
            { "signature empty bytes", parts[0] + "." + parts[1] + "." + Base64Url.EncodeToString(new byte[32]) },
            { "padding", good + "=" },
            { "padding in the header", TestTokens.Encode(TestTokens.Header).PadRight(40, '=') + "." + parts[1] + "." + parts[2] },
            { "white space at the end", good + " " },
            { "white space within", parts[0] + ". " + parts[1] + "." + parts[2] },
            { "line feed within", parts[0] + "." + parts[1] + ".\n" + parts[2] },
            { "plain base64", good.Replace('-', '+').Replace('_', '/') + "+/" },
            { "set bits after the last byte", parts[0] + "." + parts[1] + "." + NonCanonical(parts[2]) },
            { "letters of another script", parts[0] + "." + parts[1] + "." + new string('A', 43) },
            { "one character", parts[0] + "." + parts[1] + ".A" },
            { "two characters with set bits", parts[0] + "." + parts[1] + ".AB" },
            { "too long", TestTokens.Hs256(Secret, $$"""{"sub":"u","exp":2000000000,"x":"{{new string('x', 8_192)}}"}""") },
        };
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Is_refused(string what, string token)
    {
        Result<JsonDocument> opened = CompactJwt.Open(token, Key);
        Assert.True(opened.Error is { Code: ErrorCode.Unauthenticated, RetryAfterMs: null }, what);
        if (token.Length > 40)
        {
            Assert.DoesNotContain(token[^20..], opened.Error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_right_one_is_opened()
    {
        using JsonDocument claims = CompactJwt.Open(TestTokens.Hs256(Secret, Payload), Key).Value!;
        Assert.Equal("u", claims.RootElement.GetProperty("sub").GetString());
        using JsonDocument more = CompactJwt.Open(TestTokens.Hs256(Secret, Payload, """{"alg":"HS256","kid":"1","typ":"at+jwt"}"""), Key).Value!;
    }

    [Fact]
    public void Each_kind_of_public_key_has_its_one_algorithm()
    {
        using RSA rsa = RSA.Create(2048);
        using ECDsa ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using SignatureKey rsaKey = SignatureKey.From(new ConnectionTokenOptions { PublicKey = rsa.ExportSubjectPublicKeyInfoPem() })!;
        using SignatureKey rsaPkcs1 = SignatureKey.From(new ConnectionTokenOptions { PublicKey = rsa.ExportRSAPublicKeyPem() })!;
        using SignatureKey ecKey = SignatureKey.From(new ConnectionTokenOptions { PublicKey = ec.ExportSubjectPublicKeyInfoPem() })!;
        Assert.Equal(("RS256", "RS256", "ES256"), (rsaKey.Algorithm, rsaPkcs1.Algorithm, ecKey.Algorithm));

        Assert.Null(CompactJwt.Open(TestTokens.Rs256(rsa, Payload), rsaKey).Error);
        Assert.Null(CompactJwt.Open(TestTokens.Rs256(rsa, Payload), rsaPkcs1).Error);
        Assert.Null(CompactJwt.Open(TestTokens.Es256(ec, Payload), ecKey).Error);

        // The old trick: the public key, which everybody knows, used as a shared secret.
        foreach (string pem in new[] { rsa.ExportSubjectPublicKeyInfoPem(), ec.ExportSubjectPublicKeyInfoPem() })
        {
            Assert.NotNull(CompactJwt.Open(TestTokens.Hs256(pem, Payload), rsaKey).Error);
            Assert.NotNull(CompactJwt.Open(TestTokens.Hs256(pem, Payload), ecKey).Error);
            Assert.NotNull(CompactJwt.Open(TestTokens.Hs256(pem, Payload, """{"alg":"RS256"}"""), rsaKey).Error);
            Assert.NotNull(CompactJwt.Open(TestTokens.Hs256(pem, Payload, """{"alg":"ES256"}"""), ecKey).Error);
        }

        using RSA otherRsa = RSA.Create(2048);
        using ECDsa otherEc = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.NotNull(CompactJwt.Open(TestTokens.Rs256(otherRsa, Payload), rsaKey).Error);
        Assert.NotNull(CompactJwt.Open(TestTokens.Es256(otherEc, Payload), ecKey).Error);
        Assert.NotNull(CompactJwt.Open(TestTokens.Es256(ec, Payload, """{"alg":"RS256"}"""), rsaKey).Error);

        // Signatures of zeros, and in the other (DER) form.
        Assert.NotNull(CompactJwt.Open(TestTokens.Join("""{"alg":"ES256"}""", Payload, _ => new byte[64]), ecKey).Error);
        Assert.NotNull(CompactJwt.Open(
            TestTokens.Join("""{"alg":"ES256"}""", Payload, signed => ec.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)), ecKey).Error);
        Assert.NotNull(CompactJwt.Open(
            TestTokens.Join("""{"alg":"RS256"}""", Payload, signed => rsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)), rsaKey).Error);
    }

    [Fact]
    public async Task Many_verify_at_once()
    {
        using ECDsa ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using SignatureKey key = SignatureKey.From(new ConnectionTokenOptions { PublicKey = ec.ExportSubjectPublicKeyInfoPem() })!;
        string good = TestTokens.Es256(ec, Payload);
        string bad = good[..^8] + "AAAAAAAA";
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (int i = 0; i < 50; i++)
            {
                Assert.Null(CompactJwt.Open(good, key).Error);
                Assert.NotNull(CompactJwt.Open(bad, key).Error);
            }
        })));
    }

    [Fact]
    public void Without_a_key_there_are_no_tokens() => Assert.Null(SignatureKey.From(new ConnectionTokenOptions()));

    /// <summary>The last of 43 characters carries four bits; the other two are ignored by lenient readers.</summary>
    private static string NonCanonical(string signature)
    {
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        return signature[..^1] + alphabet[alphabet.IndexOf(signature[^1], StringComparison.Ordinal) | 1];
    }
}
