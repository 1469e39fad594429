using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Monstera.Server.Configuration;

namespace Monstera.Server.ConnectionTokens;

/// <summary>
/// The one key that a host product signs with, and the one algorithm that goes with it. The algorithm follows from the key; what a token says of its algorithm is only compared,
/// so that a public key is never taken for a shared secret, nor "none" for a signature.
/// </summary>
internal abstract class SignatureKey : IDisposable
{
    /// <summary>What <c>alg</c> of a token's header must be.</summary>
    public abstract string Algorithm { get; }

    public abstract bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature);

    public abstract void Dispose();

    /// <summary>Null when no key is configured. The options were checked at start.</summary>
    public static SignatureKey? From(ConnectionTokenOptions options)
    {
        if (options.Secret is { } secret)
        {
            return new SharedSecret(Encoding.UTF8.GetBytes(secret));
        }

        if (options.PublicKey is not { } pem)
        {
            return null;
        }

        return IsRsa(pem) ? new PublicKeys<RSA>("RS256", pem, RSA.Create, VerifyRsa) : new PublicKeys<ECDsa>("ES256", pem, ECDsa.Create, VerifyEc);
    }

    private static bool IsRsa(string pem)
    {
        try
        {
            using RSA rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return false;
        }
    }

    private static bool VerifyRsa(RSA key, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature) =>
        key.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    private static bool VerifyEc(ECDsa key, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature) =>
        key.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    private sealed class SharedSecret(byte[] secret) : SignatureKey
    {
        public override string Algorithm => "HS256";

        public override bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
        {
            Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
            HMACSHA256.HashData(secret, signed, expected);
            return CryptographicOperations.FixedTimeEquals(expected, signature);
        }

        public override void Dispose() => CryptographicOperations.ZeroMemory(secret);
    }

    private delegate bool Verification<TKey>(TKey key, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature);

    /// <summary>The framework's key objects promise nothing about threads, so each verification borrows one of its own.</summary>
    private sealed class PublicKeys<TKey>(string algorithm, string pem, Func<TKey> create, Verification<TKey> verify) : SignatureKey
        where TKey : AsymmetricAlgorithm
    {
        private readonly ConcurrentBag<TKey> _idle = [];

        public override string Algorithm => algorithm;

        public override bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
        {
            if (!_idle.TryTake(out TKey? key))
            {
                key = create();
                key.ImportFromPem(pem);
            }

            try
            {
                return verify(key, signed, signature);
            }
            finally
            {
                _idle.Add(key);
            }
        }

        public override void Dispose()
        {
            while (_idle.TryTake(out TKey? key))
            {
                key.Dispose();
            }
        }
    }
}
