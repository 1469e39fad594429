using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Deploy;

/// <summary>
/// The scripts of releases, run whole: before a server that speaks Prometheus' HTTP API, and a kubectl that renders with the real one and plays the cluster otherwise: it notes what it is told and keeps
/// which colour is served.
/// </summary>
internal sealed class ReleaseScript : IAsyncDisposable
{
    private const string Kubectl =
        """
        #!/usr/bin/env bash
        state=$STATE
        [[ $1 == kustomize ]] && exec "$REAL_KUBECTL" "$@"
        echo "$*" >> "$state/calls"
        # What this test wants to fail: a line of it begins the call.
        while read -r fails; do [[ -z $fails || "$*" != "$fails"* ]] || exit 1; done < "$state/fails"
        case "$*" in
          'get service monstera'*) cat "$state/color" ;;
          'patch service monstera'*) sed -E 's/.*"color":"([a-z]+)".*/\1/' <<<"$*" > "$state/color" ;;
          'apply -f -') cat >> "$state/applied"; echo --- >> "$state/applied" ;;
          *readyReplicas*) echo 3 ;;
          *'containers[0].image'*) cat "$state/image" ;;
          'set image deployment/monstera monstera='*) cp "$state/image" "$state/before"; echo "${4#monstera=}" > "$state/image" ;;
          'rollout undo'*) cp "$state/before" "$state/image" ;;
          'get deployment monstera'*revision*) echo 12 ;;
          'get replicasets'*) printf '2 old\n12 new\n11 older\n' ;;
        esac
        """;

    private const string Vector = """{"status":"success","data":{"resultType":"vector","result":[RESULT]}}""";
    private const string Result = """{"metric":{},"value":[1763769600.123,"VALUE"]}""";

    private readonly string _state = Directory.CreateTempSubdirectory("monstera-release-").FullName;
    private readonly WebApplication _prometheus;
    private readonly string _kubectl;

    private ReleaseScript(WebApplication prometheus, string kubectl) => (_prometheus, _kubectl) = (prometheus, kubectl);

    /// <summary>What Prometheus answers to a query: a number as it writes it, null: nothing, empty: an error.</summary>
    public Func<string, string?> Answers { get; set; } = _ => "0";

    public List<string> Queries { get; } = [];

    public string Address => _prometheus.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public string Color { get => Read("color"); set => Write("color", value); }

    public string Image { get => Read("image"); set => Write("image", value); }

    /// <summary>What was applied, as YAML.</summary>
    public string Applied => Read("applied");

    public string[] Calls => Read("calls").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <param name="needsKubectl">The real one renders.</param>
    public static async Task<ReleaseScript> Start(bool needsKubectl = true)
    {
        Requires.Unix("A shell script");
        Requires.That(Tool.Find("curl") is not null, "curl is not installed.");
        string kubectl = needsKubectl ? await Kubernetes.Kubectl() : "";
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        ReleaseScript script = new(builder.Build(), kubectl);
        script._prometheus.MapGet("/api/v1/query", (string query) => script.Answer(query));
        await script._prometheus.StartAsync();
        foreach (string file in (string[])["calls", "fails", "color", "applied", "before"])
        {
            script.Write(file, "");
        }

        script.Write("image", "registry.example.org/monstera:0.1.0");
        string kubectlPath = Path.Combine(script._state, "kubectl");
        script.Write("kubectl", Kubectl);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(kubectlPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return script;
    }

    /// <summary>Calls of kubectl that begin so fail.</summary>
    public void Fails(params string[] calls) => Write("fails", string.Join('\n', calls) + "\n");

    /// <summary>Runs a script in deploy/kubernetes, without waiting between two looks.</summary>
    public Task<string> Run(int exitCode, string script, params string[] arguments) => Run(exitCode, [Tool.Shipped("kubernetes", script), .. arguments]);

    /// <summary>Runs shell commands after the gates' functions.</summary>
    public Task<string> Gates(int exitCode, string commands) => Run(exitCode, ["-c", $"set -euo pipefail; source '{Tool.Shipped("kubernetes", "gates.sh")}'; {commands}"]);

    public async ValueTask DisposeAsync()
    {
        await _prometheus.DisposeAsync();
        Directory.Delete(_state, recursive: true);
    }

    private Task<string> Run(int exitCode, string[] arguments) => Tool.Run(exitCode, "bash", arguments,
        [
            ("PATH", $"{_state}:{Environment.GetEnvironmentVariable("PATH")}"), ("STATE", _state), ("REAL_KUBECTL", _kubectl), ("PROMETHEUS_URL", Address),
            ("PROMETHEUS_HEADERS_FILE", null), ("WATCH_SECONDS", "0"), ("GATE_INTERVAL", "0"), ("GATE_TRIES", "2"),
        ]);

    private IResult Answer(string query)
    {
        Queries.Add(query);
        string? value = query == "vector(1)" ? "1" : query.StartsWith("count(up", StringComparison.Ordinal) ? Answers(query) is "0" ? "3" : Answers(query) : Answers(query);
        return value == ""
            ? Results.Text("""{"status":"error","errorType":"timeout","error":"query timed out"}""", "application/json", statusCode: 503)
            : Results.Text(Vector.Replace("RESULT", value is null ? "" : Result.Replace("VALUE", value, StringComparison.Ordinal), StringComparison.Ordinal), "application/json");
    }

    private string Read(string name) => File.ReadAllText(Path.Combine(_state, name)).Trim();

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_state, name), text.ReplaceLineEndings("\n"));
}
