using System.Text.Json;

namespace Monstera.Server.Rest;

/// <summary>Turns the reader's exception into a message that names the field, without type names or the value itself (which may be a password).</summary>
internal static class JsonFaults
{
    private const string MissingMarker = "including: ";

    public static string Explain(JsonException e)
    {
        // "… was missing required properties including: 'userName', 'password'."
        int marker = e.Message.IndexOf(MissingMarker, StringComparison.Ordinal);
        if (marker >= 0)
        {
            string[] quoted = e.Message[(marker + MissingMarker.Length)..].Split('\'');
            return $"{string.Join(", ", quoted.Where((_, i) => i % 2 == 1))}: missing.";
        }

        string field = FieldOf(e.Path);
        return field.Length > 0 ? $"{field}: not of the right type or form." : "The body is not the JSON object that this address takes.";
    }

    /// <summary><c>$.members[2]</c> becomes <c>members[2]</c>; a path that a client made long or odd is left out.</summary>
    private static string FieldOf(string? path) =>
        path is ['$', '.', .. { Length: <= 64 } field] && field.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '[' or ']') ? field : "";
}
