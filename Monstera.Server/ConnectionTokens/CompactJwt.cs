using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Monstera.Server.Errors;

namespace Monstera.Server.ConnectionTokens;

/// <summary>
/// Opens a signed JWT in compact form: <c>header.payload.signature</c>. Narrow on purpose: what RFC 7515 allows and no host needs (several signatures, critical extensions, embedded keys,
/// compression) is refused, and so is every second way to write the same thing.
/// </summary>
internal static class CompactJwt
{
    public const int CharsMax = 8_192;
    private const int DepthMax = 16;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = DepthMax, AllowDuplicateProperties = false };

    /// <summary>The payload, once the signature is proved to be of <paramref name="key"/>. The caller disposes of it.</summary>
    public static Result<JsonDocument> Open(string token, SignatureKey key)
    {
        // 1. The form: three parts of canonical base64url, within a bound.
        if (token.Length > CharsMax)
        {
            return Refused("longer than 8 KiB");
        }

        int first = token.IndexOf('.', StringComparison.Ordinal);
        int last = token.LastIndexOf('.');
        if (first <= 0 || last <= first + 1 || token.AsSpan().Count('.') != 2)
        {
            return Refused("not of three parts");
        }

        if (Decode(token.AsSpan(0, first)) is not { } header
            || Decode(token.AsSpan(first + 1, last - first - 1)) is not { } payload
            || Decode(token.AsSpan(last + 1)) is not { } signature)
        {
            return Refused("not in canonical base64url");
        }

        // 2. The header: the algorithm that the server's key has, and nothing that would have to be understood.
        if (!IsPlainHeader(header, key.Algorithm))
        {
            return Refused($"its header does not say plain {key.Algorithm}");
        }

        // 3. The signature, before anything of the payload is looked at.
        if (!key.Verify(Encoding.ASCII.GetBytes(token[..last]), signature))
        {
            return Refused("its signature is wrong");
        }

        // 4. The payload: one JSON object without doubled names, over which two readers could disagree.
        return Parse(payload) is { } claims ? claims : Refused("its claims are not a JSON object with unique names");
    }

    private static bool IsPlainHeader(byte[] utf8, string algorithm)
    {
        using JsonDocument? header = Parse(utf8);
        return header is not null
            && header.RootElement.TryGetProperty("alg", out JsonElement alg)
            && alg.ValueKind == JsonValueKind.String
            && alg.ValueEquals(algorithm)
            && !header.RootElement.TryGetProperty("crit", out _)
            && !header.RootElement.TryGetProperty("b64", out _)
            && !header.RootElement.TryGetProperty("zip", out _);
    }

    private static JsonDocument? Parse(byte[] utf8)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(utf8, Strict);
        }
        catch (JsonException)
        {
            return null;
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            return document;
        }

        document.Dispose();
        return null;
    }

    /// <summary>
    /// Null unless the text is what encoding gives: no padding and no white space (which the framework would let pass), no set bits after the last byte (which it refuses).
    /// </summary>
    private static byte[]? Decode(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (!IsAlphabet(text)
            || Base64Url.DecodeFromChars(text, bytes, out _, out int length) != OperationStatus.Done
            || length == 0)
        {
            return null;
        }

        return bytes[..length];
    }

    private static bool IsAlphabet(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not '-' and not '_')
            {
                return false;
            }
        }

        return true;
    }

    private static Error Refused(string why) => new(ErrorCode.Unauthenticated, $"The connection token was refused: {why}.");
}
