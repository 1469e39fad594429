using System.Globalization;
using System.Text;
using Monstera.Server.Errors;

namespace Monstera.Server.Rooms;

/// <summary>
/// What texts from outside may be (docs/protocol.md sections 2 and 11): Unicode without lone surrogates and without control characters but tab and line feed, within a
/// length in UTF-16 code units. CR LF and CR become LF.
/// </summary>
public static class TextRules
{
    public const int MessageCharsMax = 10_000;
    public const int RoomNameCharsMax = 80;
    public const int TopicCharsMax = 500;
    public const int EmojiCharsMax = 32;

    /// <summary>A message's text: something other than white space.</summary>
    public static Result<string> Message(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MessageCharsMax)
        {
            return new Error(ErrorCode.TooLarge, string.Create(CultureInfo.InvariantCulture, $"text: {text.Length} characters, at most {MessageCharsMax}."));
        }

        Result<string> clean = Clean("text", text, lines: true);
        return clean.Error is null && string.IsNullOrWhiteSpace(clean.Value) ? Error.Invalid("text: empty.") : clean;
    }

    /// <summary>A room's name: one line, trimmed, not empty.</summary>
    public static Result<string> RoomName(string name) => Line("name", name, 1, RoomNameCharsMax);

    /// <summary>A room's topic: trimmed, may be empty.</summary>
    public static Result<string> Topic(string topic) => Line("topic", topic, 0, TopicCharsMax);

    /// <summary>An emoji, or a short word in place of one: no white space.</summary>
    public static Result<string> Emoji(string emoji)
    {
        Result<string> line = Line("emoji", emoji, 1, EmojiCharsMax);
        return line.Error is null && line.Value!.Any(char.IsWhiteSpace) ? Error.Invalid("emoji: holds white space.") : line;
    }

    /// <summary>One line of text in composed form (NFC), trimmed, with a length from <paramref name="charsMin"/> to <paramref name="charsMax"/>.</summary>
    public static Result<string> Line(string field, string text, int charsMin, int charsMax)
    {
        ArgumentNullException.ThrowIfNull(text);

        // Bounded before anything is copied.
        if (text.Length > charsMax * 4)
        {
            return TooLong(field, text.Length, charsMax);
        }

        Result<string> clean = Clean(field, text, lines: false);
        if (clean.Error is not null)
        {
            return clean;
        }

        string line = clean.Value!.Normalize(NormalizationForm.FormC).Trim();
        return line.Length < charsMin ? Error.Invalid($"{field}: empty.") : line.Length > charsMax ? TooLong(field, line.Length, charsMax) : line;
    }

    private static Error TooLong(string field, int chars, int charsMax) =>
        Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"{field}: {chars} characters, at most {charsMax}."));

    private static Result<string> Clean(string field, string text, bool lines)
    {
        bool carriageReturns = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\r' && lines)
            {
                carriageReturns = true;
            }
            else if (char.IsControl(c) && !(lines && c is '\n' or '\t'))
            {
                return Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"{field}: holds the control character U+{(int)c:X4}."));
            }
            else if (char.IsSurrogate(c))
            {
                if (!char.IsHighSurrogate(c) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                {
                    return Error.Invalid($"{field}: holds half of a surrogate pair.");
                }

                i++;
            }
        }

        return carriageReturns ? text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n') : text;
    }
}
