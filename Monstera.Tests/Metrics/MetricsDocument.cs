using System.Text.RegularExpressions;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Metrics;

/// <summary>The tables of docs/metrics.md: each metric with its kind and labels.</summary>
internal static partial class MetricsDocument
{
    public static IReadOnlyDictionary<string, (string Kind, string[] Labels)> Read() =>
        Row().Matches(Repository.Read("docs", "metrics.md")).ToDictionary(
            row => row.Groups["name"].Value,
            row => (row.Groups["kind"].Value, row.Groups["labels"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries)),
            StringComparer.Ordinal);

    [GeneratedRegex(
        @"^\| `(?<name>[a-z0-9_]+)(?:\{(?<labels>[a-z_,]+)\})?` \| (?<kind>counter|gauge|histogram) \| [^|]+ \| [^|]+ \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Row();
}
