using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Data.Directory;

/// <summary>User names for people whom a host product knows by a subject, which may be any text.</summary>
public static class ExternalUserName
{
    private const int LengthMax = 32;

    /// <summary>
    /// Names to try in this order until one is free: the subject with all but letters, digits and <c>. _ -</c> replaced by a hyphen, then the same with a number, then
    /// with digits of the subject's hash, which no other subject has.
    /// </summary>
    public static IEnumerable<string> Candidates(string subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string name = Clean(subject);
        yield return Cut(name, LengthMax);
        for (int i = 2; i < 10; i++)
        {
            yield return WithSuffix(name, i.ToString(CultureInfo.InvariantCulture));
        }

        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(subject)));
        yield return WithSuffix(name, hash[..8]);
        yield return WithSuffix(name, hash[..24]);
    }

    private static string WithSuffix(string name, string suffix) => $"{Cut(name, LengthMax - suffix.Length - 1)}-{suffix}";

    private static string Clean(string subject)
    {
        var name = new StringBuilder();
        foreach (Rune rune in FoldedText.Of(subject).EnumerateRunes())
        {
            bool allowed = Rune.IsLetterOrDigit(rune) || rune.Value is '.' or '_' or '-';
            if (allowed)
            {
                name.Append(rune.ToString());
            }
            else if (name.Length > 0 && name[^1] != '-')
            {
                name.Append('-');
            }
        }

        string trimmed = name.ToString().Trim('-');
        return trimmed.Length == 0 ? "user" : trimmed;
    }

    private static string Cut(string name, int length)
    {
        if (name.Length <= length)
        {
            return name;
        }

        // Not through the middle of a character outside of the basic plane.
        return name[..(char.IsHighSurrogate(name[length - 1]) ? length - 1 : length)];
    }
}
