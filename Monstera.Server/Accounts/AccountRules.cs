using System.Globalization;
using System.Text;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;

namespace Monstera.Server.Accounts;

/// <summary>What names and passwords may be: docs/protocol.md section 11.</summary>
internal static class AccountRules
{
    public const int NameCharsMax = 64;
    private const int UserNameCharsMax = 32;
    private const int PasswordCharsMin = 8;
    private const int PasswordCharsMax = 200;

    /// <summary>The form in which user names are compared and stored: NFKC and lower case, so that full-width or capital letters make no second account.</summary>
    public static Result<string> UserName(string userName)
    {
        Result<string> line = TextRules.Line("userName", userName, 1, UserNameCharsMax);
        if (line.Error is not null)
        {
            return line;
        }

        // Lower-casing can undo the composition (İ), and composing can widen (ﷺ): normalised once more, and measured at the end.
        string name = line.Value!.Normalize(NormalizationForm.FormKC).ToLowerInvariant().Normalize(NormalizationForm.FormKC);
        if (name.Length > UserNameCharsMax)
        {
            return Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"userName: {name.Length} characters, at most {UserNameCharsMax}."));
        }

        bool first = true;
        foreach (Rune rune in name.EnumerateRunes())
        {
            if (!IsOfUserName(rune, first))
            {
                return Error.Invalid("userName: only letters, digits, and the characters . _ - are taken.");
            }

            first = false;
        }

        return name;
    }

    /// <summary>One line that shows something, for people and workspaces.</summary>
    public static Result<string> Name(string field, string name)
    {
        Result<string> line = TextRules.Line(field, name, 1, NameCharsMax);
        if (line.Error is not null)
        {
            return line;
        }

        bool visible = false;
        foreach (Rune rune in line.Value!.EnumerateRunes())
        {
            if (rune.Value is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) or 0x2028 or 0x2029)
            {
                // They turn around or break the text that stands beside the name.
                return Error.Invalid($"{field}: holds a character that changes the direction of text or breaks the line.");
            }

            visible |= Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.SpaceSeparator or UnicodeCategory.NonSpacingMark);
        }

        return visible ? line : Error.Invalid($"{field}: shows nothing.");
    }

    /// <summary>
    /// A new password in the form that is hashed (NFKC), so that the same keys typed with another input method (full-width digits) are the same password.
    /// </summary>
    public static Result<string> NewPassword(string field, string password)
    {
        Result<string> normal = Password(field, password);
        return normal.Error is null && normal.Value!.Length < PasswordCharsMin
            ? Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"{field}: at least {PasswordCharsMin} characters."))
            : normal;
    }

    /// <summary>A password to be compared: only bounded, since a rule that came later must not lock anybody out.</summary>
    public static Result<string> Password(string field, string password)
    {
        if (password.Length is 0 or > PasswordCharsMax)
        {
            return Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"{field}: 1 to {PasswordCharsMax} characters."));
        }

        return password.IsNormalized(NormalizationForm.FormKC) ? password : password.Normalize(NormalizationForm.FormKC);
    }

    private static bool IsOfUserName(Rune rune, bool first) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.LowercaseLetter or UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber => true,

        // Vowel signs of Thai, Hindi and others belong to letters, so they cannot come first.
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark => !first,
        _ => rune.Value is '.' or '_' or '-',
    };
}
