using System.Text.RegularExpressions;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>An alerting rule as it is shipped. Two rules of one name differ in their severity.</summary>
internal sealed record ShippedAlert(string Name, string Severity, string For, string Runbook, string Text);

/// <summary>What promtool is told to expect of an alert at a moment.</summary>
/// <param name="Severities">Of those that fire; empty: it must not.</param>
internal sealed record ExpectedAlert(string Name, IReadOnlyList<string> Severities);

/// <summary>The rules in <c>deploy/prometheus</c>, read by their lines: each rule is written in the same way.</summary>
internal static partial class ShippedRules
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "deploy", "prometheus");

    public static IReadOnlyList<string> Files { get; } = [.. Directory.EnumerateFiles(Path.Combine(Folder, "rules"), "*.yml").Order(StringComparer.Ordinal)];

    public static IReadOnlyList<string> Tests { get; } = [.. Directory.EnumerateFiles(Path.Combine(Folder, "tests"), "*.yml").Order(StringComparer.Ordinal)];

    public static IReadOnlyList<ShippedAlert> Alerts { get; } =
    [
        .. Files.SelectMany(file => Alert().Matches(File.ReadAllText(file))).Select(match => new ShippedAlert(
            match.Groups["name"].Value, match.Groups["severity"].Value, match.Groups["for"].Value, match.Groups["runbook"].Value, match.Value)),
    ];

    /// <summary>How many there are, by another way of counting.</summary>
    public static int AlertsNamed { get; } = Files.Sum(file => File.ReadLines(file).Count(line => line.Contains("- alert:", StringComparison.Ordinal)));

    public static IReadOnlyList<string> Recorded { get; } = [.. Files.SelectMany(file => Record().Matches(File.ReadAllText(file))).Select(match => match.Groups["name"].Value).Distinct()];

    public static IReadOnlyList<ExpectedAlert> Expected { get; } =
    [
        .. Tests.SelectMany(file => Expectation().Matches(File.ReadAllText(file))).Select(match => new ExpectedAlert(
            match.Groups["name"].Value, [.. Severity().Matches(match.Groups["alerts"].Value).Select(severity => severity.Groups["severity"].Value)])),
    ];

    /// <summary>The page of an alert: <c>MonsteraNodeDown</c> is <c>node-down</c>.</summary>
    public static string PageOf(string alert) => Word().Replace(alert["Monstera".Length..], match => (match.Index == 0 ? "" : "-") + match.Value.ToLowerInvariant());

    [GeneratedRegex(
        @"- alert: (?<name>\w+)\n\s+expr: .+?\n\s+for: (?<for>\w+)\n\s+labels: \{ severity: (?<severity>\w+) \}\n\s+annotations:\n\s+summary: .+?\n\s+description: .+?\n\s+runbook_url: '\{\{ or \$externalLabels\.runbooks ""docs/runbooks"" \}\}/(?<runbook>[a-z-]+)\.md'\n",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Alert();

    [GeneratedRegex(@"- record: (?<name>\S+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Record();

    [GeneratedRegex(@"alertname: (?<name>\w+)\n\s+exp_alerts:(?<alerts>.*?)(?=\n\s+- eval_time|\n\n|\z)", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Expectation();

    [GeneratedRegex(@"exp_labels: \{ severity: (?<severity>\w+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Severity();

    [GeneratedRegex("[A-Z]", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Word();
}
