using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Data.Postgres;

/// <summary>What PostgreSQL keeps of a password (RFC 5803, SCRAM-SHA-256): who has it can check a password and not find it out.</summary>
internal static class ScramSecret
{
    // PostgreSQL's own.
    private const int Iterations = 4_096;
    private const int SaltBytes = 16;

    /// <param name="salt">For tests; drawn otherwise.</param>
    public static string Of(string password, byte[]? salt = null)
    {
        salt ??= RandomNumberGenerator.GetBytes(SaltBytes);

        // As the driver does when it logs in.
        byte[] normal = Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormKC));
        byte[] salted = Rfc2898DeriveBytes.Pbkdf2(normal, salt, Iterations, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);
        byte[] stored = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        byte[] server = HMACSHA256.HashData(salted, "Server Key"u8);
        return string.Create(
            CultureInfo.InvariantCulture, $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(stored)}:{Convert.ToBase64String(server)}");
    }
}
