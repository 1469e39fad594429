using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>What can be said of the shipped dashboards without running them.</summary>
public sealed partial class DashboardTests
{
    private const int ColumnsOfGrafana = 24;

    [Fact]
    public void There_are_the_four_and_each_has_an_address_that_stays()
    {
        Assert.Equal(["monstera-capacity", "monstera-overview", "monstera-realtime", "monstera-storage"], ShippedDashboards.All.Select(dashboard => dashboard["uid"]!.GetValue<string>()));
        Assert.All(ShippedDashboards.All, dashboard =>
        {
            Assert.False(dashboard.ContainsKey("id"), "The id is the database's of a Grafana.");
            Assert.InRange(dashboard["schemaVersion"]!.GetValue<int>(), 38, 42);
            Assert.Equal(["datasource", "job", "instance", "runbooks"], dashboard["templating"]!["list"]!.AsArray().Select(variable => variable!["name"]!.GetValue<string>()));
        });
    }

    [Fact]
    public void Panels_have_a_number_of_their_own_and_do_not_overlap()
    {
        foreach (JsonObject dashboard in ShippedDashboards.All)
        {
            JsonObject[] panels = [.. dashboard["panels"]!.AsArray().Select(panel => panel!.AsObject())];
            Assert.DoesNotContain(panels.CountBy(panel => panel["id"]!.GetValue<int>()), same => same.Value > 1);
            Assert.Empty(panels.SelectMany(Cells).CountBy(cell => cell).Where(same => same.Value > 1).Select(same => $"{dashboard["uid"]} at {same.Key}"));
            Assert.All(panels.SelectMany(Cells), cell => Assert.InRange(cell.X, 0, ColumnsOfGrafana - 1));
        }
    }

    [Fact]
    public void Each_panel_has_a_title_a_unit_and_a_query_of_the_chosen_source()
    {
        Assert.All(ShippedDashboards.Panels, panel =>
        {
            Assert.NotEmpty(panel.Title);
            Assert.NotEmpty(panel.Queries);
            Assert.Equal("${datasource}", panel.Json["datasource"]!["uid"]!.GetValue<string>());
            string? unit = (panel.Json["fieldConfig"]!["defaults"]!["unit"] ?? panel.Json["options"]!["yAxis"]?["unit"])?.GetValue<string>();
            Assert.False(string.IsNullOrEmpty(unit), panel.Name);
            JsonArray targets = panel.Json["targets"]!.AsArray();
            Assert.Equal(targets.Count, targets.Select(target => target!["refId"]!.GetValue<string>()).Distinct(StringComparer.Ordinal).Count());
        });
        Assert.DoesNotContain(ShippedDashboards.Panels.CountBy(panel => panel.Name), same => same.Value > 1);
    }

    /// <summary>What is coloured because it is bad says what is to be done.</summary>
    [Fact]
    public void Panels_with_thresholds_lead_to_a_runbook_that_there_is()
    {
        Assert.Empty(ShippedDashboards.Panels
            .Where(panel => panel.Json["fieldConfig"]!["defaults"]!["thresholds"] is not null && panel.Json["links"] is null && panel.Title != "Alerts")
            .Select(panel => panel.Name));
        string[] links = [.. ShippedDashboards.Panels.SelectMany(panel => (panel.Json["links"]?.AsArray() ?? []).Select(link => link!["url"]!.GetValue<string>()))];
        Assert.NotEmpty(links);
        Assert.All(links, link =>
        {
            Assert.StartsWith("${runbooks}/", link, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", "runbooks", link["${runbooks}/".Length..])), link);
        });
    }

    /// <summary>A name that is misspelt would be an alert that never fires.</summary>
    [Fact]
    public void Rules_and_panels_ask_for_metrics_that_there_are()
    {
        HashSet<string> documented =
        [
            .. Documented().Matches(Repository.Read("docs", "metrics.md")).Select(match => match.Groups["name"].Value),
            .. ShippedRules.Recorded,
            "up", "ALERTS",
        ];
        string all = string.Join(
            '\n', ShippedRules.Files.Select(File.ReadAllText).Concat(ShippedDashboards.Panels.SelectMany(panel => panel.Queries)));
        string[] asked = [.. Asked().Matches(all).Select(match => match.Groups["name"].Value).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Assert.True(asked.Length > 60, string.Join(' ', asked));
        Assert.DoesNotContain(asked, name => !documented.Contains(name) && !documented.Contains(Part().Replace(name, "")) && !Others().IsMatch(name));
    }

    private static IEnumerable<(int X, int Y)> Cells(JsonObject panel)
    {
        JsonNode at = panel["gridPos"]!;
        (int x, int y, int w, int h) = (at["x"]!.GetValue<int>(), at["y"]!.GetValue<int>(), at["w"]!.GetValue<int>(), at["h"]!.GetValue<int>());
        return Enumerable.Range(x, w).SelectMany(column => Enumerable.Range(y, h).Select(row => (column, row)));
    }

    [GeneratedRegex(@"`(?<name>[a-z_]+)(\{[^}`]*\})?`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Documented();

    [GeneratedRegex(@"\b(?<name>monstera:[a-z0-9_:]+|[a-zA-Z_]+(?=\{))", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Asked();

    [GeneratedRegex("_(bucket|count|sum)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Part();

    /// <summary>The framework's, and those of optional exporters.</summary>
    [GeneratedRegex("^(http_server_request_duration_seconds(_bucket|_count)|dotnet_.+|db_client_.+|node_filesystem_.+|probe_ssl_earliest_cert_expiry)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Others();
}
