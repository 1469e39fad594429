using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>A real Prometheus with the configuration and the rules that are shipped, of which only the addresses of nodes and the pace are changed.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private const string Names = """
            dns_sd_configs:
              - names: [monstera]
                type: A
                port: 9464

        """;

    private readonly WatchingServer _server;
    private readonly string _folder;
    private readonly HttpClient _http;

    private PrometheusServer(WatchingServer server, string folder, int port) =>
        (_server, _folder, _http) = (server, folder, new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/api/v1/") });

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Back when it has scraped each of them.</summary>
    public static async Task<PrometheusServer> Start(params Uri[] nodes)
    {
        WatchingPrograms.Require(WatchingPrograms.Prometheus);
        (string folder, int port) = (Directory.CreateTempSubdirectory("monstera-prometheus-").FullName, PostgresTools.FreePort());
        string config = await File.ReadAllTextAsync(Path.Combine(ShippedRules.Folder, "prometheus.yml"), Cancel);
        foreach ((string shipped, string here) in ((string, string)[])
            [("_interval: 15s", "_interval: 500ms"), (Names, ""), ("localhost:9090", $"127.0.0.1:{port}"), ("alertmanager:9093", $"127.0.0.1:{port}")])
        {
            Assert.Contains(shipped, config, StringComparison.Ordinal);
            config = config.Replace(shipped, here, StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), config, Cancel);
        Directory.CreateDirectory(Path.Combine(folder, "optional"));
        Directory.CreateDirectory(Path.Combine(folder, "nodes"));
        await File.WriteAllTextAsync(Path.Combine(folder, "nodes", "nodes.yml"), $"- targets: [{string.Join(", ", nodes.Select(node => node.Authority))}]", Cancel);
        Directory.CreateDirectory(Path.Combine(folder, "rules"));
        foreach (string file in ShippedRules.Files)
        {
            File.Copy(file, Path.Combine(folder, "rules", Path.GetFileName(file)));
        }

        WatchingServer server = WatchingPrograms.Start(
            WatchingPrograms.Prometheus, $"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/data", $"--web.listen-address=127.0.0.1:{port}", "--log.level=warn");
        PrometheusServer prometheus = new(server, folder, port);
        await prometheus.Until(async () => (await prometheus.Query("up{job=\"monstera\"} == 1")).Count == nodes.Length, () => "all nodes to be scraped");
        return prometheus;
    }

    public Task Until(Func<Task<bool>> condition, Func<string> what) => _server.Until(condition, what);

    /// <summary>An instant query, now.</summary>
    /// <returns>Labels and value of each series; those that are no number are left out.</returns>
    public async Task<IReadOnlyList<(JsonObject Labels, double Value)>> Query(string expression)
    {
        JsonNode answer = await Ask("query?query=" + Uri.EscapeDataString(expression));
        return
        [
            .. answer["result"]!.AsArray()
                .Select(series => (series!["metric"]!.AsObject(), double.Parse(Number(series["value"]![1]!.GetValue<string>()), CultureInfo.InvariantCulture)))
                .Where(series => !double.IsNaN(series.Item2)),
        ];
    }

    /// <summary>All rules of all groups, with their health.</summary>
    public async Task<IReadOnlyList<JsonObject>> Rules() =>
        [.. (await Ask("rules"))["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).Select(rule => rule!.AsObject())];

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Number(string text) => text switch { "+Inf" => "Infinity", "-Inf" => "-Infinity", _ => text };

    private async Task<JsonNode> Ask(string path)
    {
        using HttpResponseMessage response = await _http.GetAsync(path, Cancel);
        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            throw new HttpRequestException("It is still starting.");
        }

        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        return answer["status"]!.GetValue<string>() == "success" ? answer["data"]! : throw new InvalidOperationException($"{path}: {answer["error"]}");
    }
}
