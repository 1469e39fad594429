using System.Globalization;
using System.Text;

namespace Monstera.Server.Metrics;

/// <summary>
/// A measurement's tags as labels: <c>name="value"</c>, by name, with commas between and without braces. The order in which tags are given makes no difference, and a tag without a value
/// is none.
/// </summary>
internal static class Labels
{
    /// <summary>Of a value; what follows is cut off.</summary>
    public const int ValueCharsMax = 200;

    private const string PoolName = "db.client.connection.pool.name";
    private const string Unnamed = "unnamed";

    /// <summary>Instead of the values of series that are too many.</summary>
    private const string Other = "other";

    /// <param name="reserved">A label that the format needs for itself (<c>le</c>); null: none.</param>
    public static string Of(ReadOnlySpan<KeyValuePair<string, object?>> tags, string? reserved) => Join(tags, reserved, Text);

    /// <summary>The same names, and <c>other</c> for all values.</summary>
    public static string OfOthers(ReadOnlySpan<KeyValuePair<string, object?>> tags, string? reserved) =>
        Join(tags, reserved, static value => Text(value).Length == 0 ? "" : Other);

    /// <summary>As both formats have it between quotes.</summary>
    public static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Join(ReadOnlySpan<KeyValuePair<string, object?>> tags, string? reserved, Func<object?, string> text)
    {
        SortedDictionary<string, string> labels = new(StringComparer.Ordinal);
        foreach ((string key, object? tag) in tags)
        {
            // Npgsql calls a pool without a name by its connection string, which says who connects to which host.
            string value = key == PoolName && tag is string pool && pool.Contains('=', StringComparison.Ordinal) ? Unnamed : text(tag);
            if (value.Length == 0)
            {
                continue;
            }

            string name = MetricName.OfLabel(key);
            name = name == reserved ? name + "_" : name;

            // Two names may become one.
            labels[name] = labels.TryGetValue(name, out string? before) ? $"{before};{value}" : value;
        }

        StringBuilder joined = new();
        foreach ((string name, string value) in labels)
        {
            joined.Append(joined.Length == 0 ? "" : ",").Append(name).Append("=\"").Append(Escape(value)).Append('"');
        }

        return joined.ToString();
    }

    private static string Text(object? value)
    {
        string text = value switch
        {
            null => "",
            string already => already,
            true => "true",
            false => "false",
            IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };

        // Half of a pair of surrogates is no text.
        int length = Math.Min(text.Length, ValueCharsMax);
        return text.Length == length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
    }
}
