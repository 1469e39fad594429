using System.Diagnostics.Metrics;
using System.Text;

namespace Monstera.Server.Metrics;

/// <summary>What a metric is, as readers of it know them.</summary>
public enum MetricKind
{
    /// <summary>Only grows, until the process ends.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Observations sorted into buckets.</summary>
    Histogram,
}

/// <summary>
/// How an instrument is called outside, as OpenTelemetry maps names to Prometheus: dots become underscores, the unit is appended in words unless the name ends with it already, and counters
/// end with <c>_total</c>.
/// </summary>
/// <param name="Stem">Without <c>_total</c>: what OpenMetrics calls the family.</param>
/// <param name="Unit">In words (<c>seconds</c>); null: none that the name would end with.</param>
public sealed record MetricName(string Stem, string? Unit, MetricKind Kind)
{
    private const string Total = "_total";

    /// <summary>The name in the text format, and of a counter's samples.</summary>
    public string Full { get; } = Kind == MetricKind.Counter ? Stem + Total : Stem;

    /// <exception cref="ArgumentException">It is of a kind that there was not when this was written.</exception>
    public static MetricName Of(Instrument instrument)
    {
        ArgumentNullException.ThrowIfNull(instrument);
        return Of(instrument.Name, instrument.Unit, KindOf(instrument));
    }

    public static MetricName Of(string name, string? unit, MetricKind kind)
    {
        ArgumentNullException.ThrowIfNull(name);
        string stem = Clean(name, allowColon: true);
        if (kind == MetricKind.Counter && stem.EndsWith(Total, StringComparison.Ordinal) && stem.Length > Total.Length)
        {
            stem = stem[..^Total.Length];
        }

        string? words = UnitInWords(unit, kind);
        if (words is not null && !stem.EndsWith("_" + words, StringComparison.Ordinal) && stem != words)
        {
            stem += "_" + words;
        }

        return new MetricName(stem, words, kind);
    }

    /// <summary>A label's name; those that begin with two underscores are the readers' own.</summary>
    public static string OfLabel(string name)
    {
        string clean = Clean(name, allowColon: false);
        return clean.StartsWith("__", StringComparison.Ordinal) ? "_" + clean.TrimStart('_') : clean;
    }

    public static MetricKind KindOf(Instrument instrument)
    {
        ArgumentNullException.ThrowIfNull(instrument);
        Type type = instrument.GetType();
        Type open = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        return open == typeof(Counter<>) || open == typeof(ObservableCounter<>) ? MetricKind.Counter
            : open == typeof(Histogram<>) ? MetricKind.Histogram
            : open == typeof(UpDownCounter<>) || open == typeof(ObservableUpDownCounter<>) || open == typeof(ObservableGauge<>) || open == typeof(Gauge<>) ? MetricKind.Gauge
            : throw new ArgumentException($"An instrument of the unknown kind {type.Name}.", nameof(instrument));
    }

    /// <summary>Letters, digits and underscores, none of them twice, and no digit first.</summary>
    private static string Clean(string name, bool allowColon)
    {
        StringBuilder clean = new(name.Length + 1);
        foreach (char letter in name)
        {
            char allowed = char.IsAsciiLetterOrDigit(letter) || (allowColon && letter == ':') ? letter : '_';
            if (clean.Length == 0 && char.IsAsciiDigit(allowed))
            {
                clean.Append('_');
            }

            // A name may begin with two of them, but not because of what stood there before.
            if (allowed != '_' || letter == '_' || clean.Length == 0 || clean[^1] != '_')
            {
                clean.Append(allowed);
            }
        }

        return clean.Length == 0 ? "_" : clean.ToString();
    }

    private static string? UnitInWords(string? unit, MetricKind kind)
    {
        // What is counted stands in braces, and is no unit.
        int slash = unit?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash > 0)
        {
            string? upper = Word(unit![..slash]);
            string? lower = Word(unit[(slash + 1)..]);
            string? per = lower is null ? null : "per_" + (lower.EndsWith('s') ? lower[..^1] : lower);
            return upper is null ? per : per is null ? upper : $"{upper}_{per}";
        }

        return unit == "1" ? kind == MetricKind.Gauge ? "ratio" : null : Word(unit);
    }

    private static string? Word(string? unit) => unit switch
    {
        null or "" or "1" => null,
        ['{', ..] => null,
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "min" => "minutes",
        "h" => "hours",
        "d" => "days",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "%" => "percent",
        "Hz" => "hertz",
        "Cel" => "celsius",
        _ => Clean(unit, allowColon: false).Trim('_') is { Length: > 0 } word ? word : null,
    };
}
