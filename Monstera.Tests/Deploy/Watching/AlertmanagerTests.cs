using System.Text.Json.Nodes;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>The shipped example of Alertmanager: by its tool, and running.</summary>
public sealed class AlertmanagerTests
{
    private static readonly string Shipped = Path.Combine(Repository.Root, "deploy", "alertmanager", "alertmanager.yml");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("page", "MonsteraDown", "page")]
    [InlineData("ticket", "MonsteraNodeDown", "ticket")]
    [InlineData("none", "MonsteraWatchdog", "watchdog")]
    public async Task Alerts_go_to_whom_they_are_meant_for(string severity, string alert, string receiver)
    {
        Assert.Contains("SUCCESS", await WatchingPrograms.Check(WatchingPrograms.Amtool, "check-config", Shipped), StringComparison.Ordinal);
        Assert.Equal(receiver, (await WatchingPrograms.Check(WatchingPrograms.Amtool, "config", "routes", "test", "--config.file", Shipped, $"severity={severity}", $"alertname={alert}")).Trim());
    }

    [Fact]
    public async Task What_follows_from_something_else_is_not_told()
    {
        WatchingPrograms.Require(WatchingPrograms.Alertmanager);
        string folder = Directory.CreateTempSubdirectory("monstera-alertmanager-").FullName;
        int port = PostgresTools.FreePort();
        await using WatchingServer server = WatchingPrograms.Start(
            WatchingPrograms.Alertmanager, $"--config.file={Shipped}", $"--storage.path={folder}", $"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=");
        using HttpClient http = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}/api/v2/") };
        await server.Until(async () => (await http.GetAsync("status", Cancel)).IsSuccessStatusCode, () => "Alertmanager to answer");

        // Each cause with one thing that follows from it, and one that only looks so.
        Dictionary<string, string>[] alerts =
        [
            Alert("MonsteraNodeDown", "ticket", ("job", "monstera"), ("instance", "a")),
            Alert("MonsteraOpenFiles", "page", ("job", "monstera"), ("instance", "a"), ("told", "no")),
            Alert("MonsteraOpenFiles", "page", ("job", "monstera"), ("instance", "b")),
            Alert("MonsteraDatabaseAway", "page", ("job", "monstera"), ("shard", "1")),
            Alert("MonsteraErrorRate", "page", ("job", "monstera"), ("told", "no")),
            Alert("MonsteraErrorRate", "page", ("job", "monstera-other")),
            Alert("MonsteraDiskFull", "page", ("job", "monstera"), ("instance", "c")),
            Alert("MonsteraDiskFull", "ticket", ("job", "monstera"), ("instance", "c"), ("told", "no")),
            Alert("MonsteraDiskFull", "ticket", ("job", "monstera"), ("instance", "d")),
            Alert("MonsteraBackplaneAway", "page", ("job", "monstera")),
            Alert("MonsteraBackplaneAway", "ticket", ("job", "monstera"), ("instance", "b"), ("told", "no")),
            Alert("MonsteraGaps", "ticket", ("job", "monstera"), ("instance", "b"), ("told", "no")),
            Alert("MonsteraDown", "page", ("job", "monstera-third")),
            Alert("MonsteraCertificate", "ticket", ("job", "monstera-third"), ("instance", "e"), ("told", "no")),
            Alert("MonsteraWatchdog", "none"),
        ];
        using StringContent body = new(new JsonArray([.. alerts.Select(labels => new JsonObject { ["labels"] = new JsonObject(labels.Select(label => KeyValuePair.Create(label.Key, (JsonNode?)label.Value))) })]).ToJsonString(), null, "application/json");
        (await http.PostAsync("alerts", body, Cancel)).EnsureSuccessStatusCode();

        string expected = Lines(alerts, labels => labels.GetValueOrDefault("told") ?? "yes");
        string found = "";
        await server.Until(
            async () =>
            {
                JsonArray all = JsonNode.Parse(await http.GetStringAsync("alerts", Cancel))!.AsArray();
                found = Lines([.. all.Select(Labels)], labels => all.Single(alert => Same(Labels(alert), labels))!["status"]!["inhibitedBy"]!.AsArray().Count > 0 ? "no" : "yes");
                return found == expected;
            },
            () => $"{expected}\ninstead of\n{found}");
        Directory.Delete(folder, recursive: true);
    }

    private static Dictionary<string, string> Alert(string name, string severity, params (string Name, string Value)[] labels) =>
        labels.Append((Name: "alertname", Value: name)).Append((Name: "severity", Value: severity)).ToDictionary(label => label.Name, label => label.Value, StringComparer.Ordinal);

    private static Dictionary<string, string> Labels(JsonNode? alert) => alert!["labels"]!.AsObject().ToDictionary(label => label.Key, label => label.Value!.GetValue<string>(), StringComparer.Ordinal);

    private static bool Same(Dictionary<string, string> one, Dictionary<string, string> other) => one.Count == other.Count && one.All(label => other.GetValueOrDefault(label.Key) == label.Value);

    private static string Lines(Dictionary<string, string>[] alerts, Func<Dictionary<string, string>, string> told) => string.Join(
        '\n', alerts.Select(labels => string.Join(' ', labels.Where(label => label.Key != "told").OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => label.Value)) + ": " + told(labels)).Order(StringComparer.Ordinal));
}
