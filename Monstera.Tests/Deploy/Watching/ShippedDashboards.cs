using System.Text.Json.Nodes;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>A panel of a dashboard as it is shipped, rows left out.</summary>
internal sealed record ShippedPanel(string Dashboard, JsonObject Json)
{
    public string Title => Json["title"]!.GetValue<string>();

    public string Name => $"{Dashboard}: {Title}";

    public IReadOnlyList<string> Queries { get; } = [.. (Json["targets"]?.AsArray() ?? []).Select(target => target!["expr"]!.GetValue<string>())];
}

/// <summary>The dashboards in <c>deploy/grafana</c>.</summary>
internal static class ShippedDashboards
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "deploy", "grafana");

    public static IReadOnlyList<JsonObject> All { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Folder, "dashboards"), "*.json").Order(StringComparer.Ordinal).Select(file => JsonNode.Parse(File.ReadAllText(file))!.AsObject())];

    public static IReadOnlyList<ShippedPanel> Panels { get; } =
    [
        .. All.SelectMany(dashboard => dashboard["panels"]!.AsArray()
            .Where(panel => panel!["type"]!.GetValue<string>() != "row")
            .Select(panel => new ShippedPanel(dashboard["uid"]!.GetValue<string>(), panel!.AsObject()))),
    ];

    /// <summary>As Grafana asks it with everything chosen; a rate needs two scrapes, which are half a second apart in the tests.</summary>
    public static string Filled(string query) => query
        .Replace("$job", "monstera.*", StringComparison.Ordinal)
        .Replace("$instance", ".*", StringComparison.Ordinal)
        .Replace("$__rate_interval", "20s", StringComparison.Ordinal);
}
