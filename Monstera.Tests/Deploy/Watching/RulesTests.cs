using System.Text.RegularExpressions;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>The shipped configuration and rules of Prometheus, by its own tool, and the runbooks that the alerts lead to.</summary>
public sealed partial class RulesTests
{
    private static readonly string[] Headings = ["## Meaning", "## Look here", "## Do this", "## Afterwards"];

    private static readonly string Runbooks = Path.Combine(Repository.Root, "docs", "runbooks");

    [Fact]
    public async Task Promtool_finds_nothing_wrong_with_the_configuration_and_the_rules()
    {
        Assert.Contains("is valid prometheus config file syntax", await WatchingPrograms.Check(WatchingPrograms.Promtool, "check", "config", Path.Combine(ShippedRules.Folder, "prometheus.yml")), StringComparison.Ordinal);
        await WatchingPrograms.Check(WatchingPrograms.Promtool, ["check", "rules", "--lint=all", "--lint-fatal", .. ShippedRules.Files]);
    }

    /// <summary>When each fires and with what; and what just does not fire it.</summary>
    [Fact]
    public Task Alerts_fire_when_they_should_and_only_then() =>
        Task.WhenAll(ShippedRules.Tests.Select(file => WatchingPrograms.Check(WatchingPrograms.Promtool, "test", "rules", file)));

    [Fact]
    public void Each_alert_is_written_in_full()
    {
        Assert.NotEmpty(ShippedRules.Alerts);
        Assert.Equal(ShippedRules.AlertsNamed, ShippedRules.Alerts.Count);
        Assert.All(ShippedRules.Alerts, alert => Assert.StartsWith("Monstera", alert.Name, StringComparison.Ordinal));
        Assert.All(ShippedRules.Alerts, alert => Assert.Contains(alert.Severity, alert.Name == "MonsteraWatchdog" ? ["none"] : (string[])["page", "ticket"]));
        Assert.DoesNotContain(ShippedRules.Alerts.CountBy(alert => (alert.Name, alert.Severity)), same => same.Value > 1);
        Assert.DoesNotContain(ShippedRules.Alerts, alert => alert.For == "0s");
    }

    [Fact]
    public void Each_alert_has_a_test_that_it_fires_and_one_that_it_does_not()
    {
        Assert.DoesNotContain(ShippedRules.Alerts, alert => !ShippedRules.Expected.Any(test => test.Name == alert.Name && test.Severities.Contains(alert.Severity)));
        Assert.DoesNotContain(ShippedRules.Alerts, alert => !ShippedRules.Expected.Any(test => test.Name == alert.Name && test.Severities.Count == 0));
        Assert.DoesNotContain(ShippedRules.Expected, test => !ShippedRules.Alerts.Any(alert => alert.Name == test.Name));
    }

    [Fact]
    public void Each_alert_leads_to_a_runbook_with_its_four_parts_and_there_is_none_without_an_alert()
    {
        string index = File.ReadAllText(Path.Combine(Runbooks, "README.md"));
        foreach (ShippedAlert alert in ShippedRules.Alerts)
        {
            Assert.Equal(ShippedRules.PageOf(alert.Name), alert.Runbook);
            Assert.Contains($"[{alert.Name}]({alert.Runbook}.md)", index, StringComparison.Ordinal);
            string page = File.ReadAllText(Path.Combine(Runbooks, alert.Runbook + ".md"));
            Assert.Contains($"`{alert.Name}` (", page, StringComparison.Ordinal);
            string saysWhen = page[..page.IndexOf(Headings[0], StringComparison.Ordinal)];
            Assert.Contains(alert.Severity, saysWhen, StringComparison.Ordinal);
            Assert.Equal(Headings, page.Split('\n').Where(line => line.StartsWith("## ", StringComparison.Ordinal)));
            Assert.All(page.Split("## ")[1..], part => Assert.True(part.Trim().Contains('\n', StringComparison.Ordinal), $"{alert.Runbook}: {part}"));
        }

        Assert.Equal(
            ShippedRules.Alerts.Select(alert => alert.Runbook + ".md").Append("README.md").Distinct().Order(StringComparer.Ordinal),
            Directory.EnumerateFiles(Runbooks).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>Whoever was woken does not look for a panel that there is not.</summary>
    [Fact]
    public void Runbooks_name_panels_that_there_are()
    {
        HashSet<string> there =
        [
            .. ShippedDashboards.Panels.Select(panel => panel.Title),
            .. ShippedDashboards.All.Select(dashboard => dashboard["uid"]!.GetValue<string>()["monstera-".Length..]),
        ];
        string[] named =
        [
            .. Directory.EnumerateFiles(Runbooks).Where(file => !file.EndsWith("README.md", StringComparison.Ordinal))
                .SelectMany(file => Italic().Matches(File.ReadAllText(file)).Select(match => match.Groups["name"].Value)),
        ];
        Assert.NotEmpty(named);
        Assert.DoesNotContain(named, name => !there.Contains(name) && !there.Contains(name.ToLowerInvariant()));
    }

    [GeneratedRegex(@"(?<!\*)\*(?<name>[^*\n]+)\*(?!\*)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Italic();
}
