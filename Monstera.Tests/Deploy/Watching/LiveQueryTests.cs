using System.Text.Json.Nodes;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>What alerts and dashboards ask, asked of a real Prometheus that scrapes real nodes with people on them.</summary>
public sealed class LiveQueryTests
{
    /// <summary>What stays empty while all is well, and why. Everything else has to answer.</summary>
    private static readonly Dictionary<string, string> EmptyPanels = new(StringComparer.Ordinal)
    {
        ["monstera-realtime: Refused"] = "nobody is refused",
        ["monstera-realtime: Gaps told"] = "nobody falls behind so far",
        ["monstera-realtime: Dropped"] = "Redis takes everything",
        ["monstera-storage: Deadlocks"] = "there are none",
        ["monstera-storage: Failed"] = "nothing fails",
        ["monstera-storage: Who waits for a connection"] = "nobody waits, and Npgsql tells of those who do only",
        ["monstera-storage: Last backup"] = "none was made",
        ["monstera-storage: Certificate ends in"] = "the nodes have none, and no blackbox exporter looks",
        ["monstera-capacity: The first disk is full in"] = "a disk need not grow fuller during a test",
    };

    private static readonly Dictionary<string, string> EmptyRecords = new(StringComparer.Ordinal)
    {
        ["monstera:backup_age:seconds"] = "none was made",
        ["monstera:certificate_left:seconds"] = "the nodes have none",
    };

    /// <summary>Queries of which one part asks exporters that are not here.</summary>
    private const string Optional = "job=\"node\"";

    [Fact]
    public async Task No_panel_is_empty_and_all_rules_can_be_reckoned()
    {
        WatchingPrograms.Require(WatchingPrograms.Prometheus);
        await using WatchedNodes nodes = await WatchedNodes.Start();
        await using PrometheusServer prometheus = await PrometheusServer.Start(nodes.Addresses);

        List<(string Name, string Query)> waiting =
        [
            .. ShippedDashboards.Panels.Where(panel => !EmptyPanels.ContainsKey(panel.Name))
                .SelectMany(panel => panel.Queries.Where(query => !query.Contains(Optional, StringComparison.Ordinal)).Select(query => (panel.Name, ShippedDashboards.Filled(query)))),
            .. ShippedRules.Recorded.Where(name => !EmptyRecords.ContainsKey(name)).Select(name => ("a recording rule", name)),
            .. ShippedDashboards.All.SelectMany(dashboard => dashboard["templating"]!["list"]!.AsArray()).Select(Choices).OfType<string>().Select(query => ("a variable", ShippedDashboards.Filled(query))),
        ];
        Assert.True(waiting.Count > 100);
        await prometheus.Until(
            async () =>
            {
                foreach ((string Name, string Query) one in waiting.ToArray())
                {
                    if ((await prometheus.Query(one.Query)).Count > 0)
                    {
                        waiting.Remove(one);
                    }
                }

                return waiting.Count == 0;
            },
            () => $"{waiting.Count} queries to answer:\n{string.Join('\n', waiting.Select(one => $"{one.Name}: {one.Query}"))}\n{nodes.Trouble}");

        IReadOnlyList<JsonObject> rules = await prometheus.Rules();
        Assert.Equal(ShippedRules.Alerts.Count, rules.Count(rule => rule["type"]!.GetValue<string>() == "alerting"));
        Assert.All(rules, rule => Assert.True(rule["health"]!.GetValue<string>() == "ok", rule.ToJsonString()));

        // What is left out above is at least a query, and each of the exceptions is one of something that there is.
        Assert.Empty(EmptyPanels.Keys.Except(ShippedDashboards.Panels.Select(panel => panel.Name)));
        Assert.Empty(EmptyRecords.Keys.Except(ShippedRules.Recorded));
        foreach (string query in ShippedDashboards.Panels.SelectMany(panel => panel.Queries))
        {
            await prometheus.Query(ShippedDashboards.Filled(query));
        }
    }

    /// <summary>A variable's query, of <c>label_values(metric, label)</c> the metric.</summary>
    private static string? Choices(JsonNode? variable) =>
        variable!["type"]!.GetValue<string>() == "query" && variable["query"]!["query"]!.GetValue<string>() is { } query ? query["label_values(".Length..query.LastIndexOf(',')] : null;
}
