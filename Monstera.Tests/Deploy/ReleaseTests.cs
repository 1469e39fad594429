using System.Text.Json.Nodes;
using Monstera.Server.Errors;
using Monstera.Server.Wire;

namespace Monstera.Tests.Deploy;

/// <summary>Releases on Kubernetes: they go on when the new nodes are good, and back by themselves when not.</summary>
public sealed class ReleaseTests
{
    private const string Old = "registry.example.org/monstera:0.1.0";
    private const string New = "registry.example.org/monstera:0.2.0";

    private static string Overlay => Tool.Shipped("kubernetes", "overlays", "phase3");

    [Theory]
    [InlineData("0.25", "0.25")]
    [InlineData("NaN", "NaN")]
    [InlineData("1.5e-05", "1.5e-05")]
    [InlineData(null, null)]
    [InlineData("", null)]
    public async Task A_number_is_read_from_Prometheus_and_no_answer_is_none(string? answer, string? read)
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        script.Answers = _ => answer;
        string output = await script.Gates(read is null ? 1 : 0, "prometheus_value 'rate(x{a=\"b c+d\"}[1m])'");
        Assert.Equal("rate(x{a=\"b c+d\"}[1m])", Assert.Single(script.Queries));
        Assert.True(read is null || output.Trim() == read);
    }

    [Theory]
    [InlineData("""{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"\"value\":[1,\"9\"]"},"value":[1763769600,"1"]},{"metric":{},"value":[1763769600,"2"]}]}}""")]
    [InlineData("""{"status":"error","error":"\"value\":[1,\"0\"]"}""")]
    [InlineData("""<html>"value":[1,"0"]</html>""")]
    [InlineData("")]
    public async Task Several_numbers_an_error_or_nonsense_are_no_number(string answer)
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        await script.Gates(1, $"number_of '{answer}'");
    }

    [Theory]
    [InlineData("0", "0.01", true)]
    [InlineData("0.01", "0.01", true)]
    [InlineData("0.0100001", "0.01", false)]
    [InlineData("1e-3", "0.01", true)]
    [InlineData("1e3", "0.01", false)]
    [InlineData("NaN", "0.01", true)]
    [InlineData("+Inf", "0.01", false)]
    [InlineData("nonsense", "0.01", false)]
    [InlineData("", "0.01", false)]
    public async Task A_number_is_compared_with_its_limit(string number, string limit, bool good)
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        await script.Gates(good ? 0 : 1, $"at_most '{number}' {limit}");
    }

    [Theory]
    [InlineData("http_server_request_duration_seconds_count", "0.02", 1)]
    [InlineData("hub_calls_total", "0.02", 1)]
    [InlineData("delivery_latency_seconds_bucket", "0.6", 1)]
    [InlineData("delivery_latency_seconds_bucket", "0.4", 0)]
    [InlineData("hub_calls_total", "", 2)]
    [InlineData("hub_calls_total", null, 2)]
    [InlineData("count(up", "2", 2)]
    [InlineData("count(up", "4", 0)]
    public async Task The_gate_is_shut_by_each_thing_that_is_bad_or_cannot_be_told(string metric, string? value, int status)
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        script.Answers = query => query.Contains(metric, StringComparison.Ordinal) ? value : "0";
        await script.Gates(status, "gate 'monstera-green-.*' 3");
        Assert.All(script.Queries, query => Assert.Contains("pod=~\"monstera-green-.*\"", query, StringComparison.Ordinal));
        if (status == 0)
        {
            // The errors that are the server's fault by their codes.
            string[] codes = [.. new[] { ErrorCode.Internal, ErrorCode.Unavailable, ErrorCode.Overloaded }.Select(code => System.Text.Json.JsonSerializer.Serialize(code, WireJson.Options).Trim('"'))];
            Assert.Contains(script.Queries, query => query.Contains($"outcome=~\"{string.Join('|', codes)}\"", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task One_bad_look_is_forgiven_and_two_in_a_row_are_not()
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        int looks = 0;
        script.Answers = query => query.StartsWith("count(up", StringComparison.Ordinal) || !query.Contains("hub_calls", StringComparison.Ordinal) || ++looks != 1 ? "0" : "1";
        await script.Gates(0, "watch_pods 'monstera-green-.*' 3");
        Assert.Equal(2, looks);
        script.Answers = query => query.Contains("hub_calls", StringComparison.Ordinal) ? "1" : "0";
        await script.Gates(1, "watch_pods 'monstera-green-.*' 3");
    }

    [Fact]
    public async Task A_good_colour_takes_over_and_the_old_one_goes()
    {
        await using ReleaseScript script = await ReleaseScript.Start();
        await script.Run(0, "blue-green.sh", Overlay, New);
        Assert.Equal("blue", script.Color);
        string[] calls = script.Calls;
        int At(string call) => Array.FindIndex(calls, one => one.StartsWith(call, StringComparison.Ordinal)) is >= 0 and int at ? at : throw new InvalidOperationException($"{call} is not among {string.Join('\n', calls)}");
        Assert.True(At("rollout status deployment/monstera-blue") < Array.FindLastIndex(calls, call => call.StartsWith("patch service", StringComparison.Ordinal)));
        Assert.True(Array.FindLastIndex(calls, call => call.StartsWith("patch service", StringComparison.Ordinal)) < At("delete deployment/monstera "));
        Assert.Contains("scale deployment/monstera-blue --replicas=3", calls);

        // As if it had been colourless from the beginning: nobody is sent to the new nodes before they are ready.
        Assert.Contains("\"color\":\"first\"", calls[At("patch service")], StringComparison.Ordinal);
        Assert.True(At("patch service") < At("apply"));
        Assert.All(script.Queries.Skip(1), query => Assert.Contains("monstera-blue-.*", query, StringComparison.Ordinal));

        await script.Run(0, "blue-green.sh", Overlay, New);
        Assert.Equal("green", script.Color);
        Assert.Contains(script.Calls, call => call.StartsWith("delete deployment/monstera-blue", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_applied_is_whole_and_in_two_parts_with_the_new_image_alone_coloured()
    {
        await using ReleaseScript script = await ReleaseScript.Start();
        await script.Run(0, "blue-green.sh", Overlay, "registry.example.org:5000/chat/monstera@sha256:" + new string('a', 64));
        Kubernetes applied = await Kubernetes.Read(script.Applied);
        JsonObject deployment = applied.The("Deployment", "monstera-blue");
        Assert.Equal("registry.example.org:5000/chat/monstera@sha256:" + new string('a', 64), (string?)Kubernetes.Container(deployment)["image"]);
        Assert.True(Kubernetes.Selects(deployment["spec"]!["selector"]!["matchLabels"], deployment));
        Assert.Equal("blue", (string?)deployment["spec"]!["selector"]!["matchLabels"]!["color"]);
        Assert.Equal("blue", (string?)applied.The("PodDisruptionBudget", "monstera-blue")["spec"]!["selector"]!["matchLabels"]!["color"]);
        KubernetesTests.AssertScales(applied.The("HorizontalPodAutoscaler", "monstera-blue"), "monstera-blue", 3, 10);
        DeployedSettings.AssertStarts(applied.Environment(deployment), DeployedSettings.Imagined);

        // All of the overlay is there once, and of its nodes only the coloured ones.
        Kubernetes overlay = await Kubernetes.Render("overlays/phase3");
        Assert.Equal(
            overlay.Objects.Select(one => $"{one["kind"]}").Order(StringComparer.Ordinal),
            applied.Objects.DistinctBy(one => $"{one["kind"]} {Kubernetes.NameOf(one)}", StringComparer.Ordinal).Select(one => $"{one["kind"]}").Order(StringComparer.Ordinal));
        Assert.Null(applied.The("Service")["spec"]!["selector"]!["color"]);
    }

    [Theory]
    [InlineData("hub_calls_total", "0.5")]
    [InlineData("http_server", "")]
    public async Task A_colour_that_is_worse_or_that_nobody_can_judge_is_turned_back_from_by_itself(string metric, string answer)
    {
        await using ReleaseScript script = await ReleaseScript.Start();
        script.Color = "green";
        script.Answers = query => query.Contains(metric, StringComparison.Ordinal) ? answer : "0";
        await script.Run(1, "blue-green.sh", Overlay, New);
        Assert.Equal("green", script.Color);
        Assert.Contains(script.Calls, call => call.Contains("\"color\":\"blue\"", StringComparison.Ordinal));
        Assert.Contains(script.Calls, call => call.StartsWith("delete deployment/monstera-blue", StringComparison.Ordinal));
        Assert.DoesNotContain(script.Calls, call => call.StartsWith("delete deployment/monstera-green", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("rollout status", 1)]
    [InlineData("apply", 2)]
    [InlineData("scale", 1)]
    public async Task Nobody_is_sent_to_nodes_that_do_not_become_ready(string fails, int exitCode)
    {
        await using ReleaseScript script = await ReleaseScript.Start();
        script.Color = "blue";
        script.Fails(fails);
        await script.Run(exitCode, "blue-green.sh", Overlay, New);
        Assert.Equal("blue", script.Color);
        Assert.DoesNotContain(script.Calls, call => call.StartsWith("patch service", StringComparison.Ordinal) || call.StartsWith("delete deployment/monstera-blue", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_colours_of_one_SQLite_file_and_a_release_that_nobody_watches_are_refused()
    {
        await using ReleaseScript script = await ReleaseScript.Start();
        Assert.Contains("SQLite", await script.Run(2, "blue-green.sh", Tool.Shipped("kubernetes", "overlays", "phase1"), New), StringComparison.Ordinal);
        await script.Run(2, "blue-green.sh", Overlay);
        await script.Run(2, "blue-green.sh", "/nowhere", New);
        await script.Run(2, "rolling.sh");
        Assert.Empty(script.Calls);
    }

    [Fact]
    public async Task A_good_roll_stays_and_is_judged_by_the_newest_pods_alone()
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        await script.Run(0, "rolling.sh", New);
        Assert.Equal(New, script.Image);
        Assert.All(script.Queries.Skip(1), query => Assert.Contains("\"monstera-new-.*\"", query, StringComparison.Ordinal));
        Assert.DoesNotContain(script.Calls, call => call.StartsWith("rollout undo", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bad_roll_is_taken_back()
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        script.Answers = query => query.Contains("hub_calls", StringComparison.Ordinal) ? "0.5" : "0";
        await script.Run(1, "rolling.sh", New);
        Assert.Equal(Old, script.Image);

        // And when not even that works, it says so loudly.
        script.Fails("rollout undo");
        Assert.Contains("THE WAY BACK FAILED", await script.Run(3, "rolling.sh", New), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_roll_that_never_gets_ready_is_taken_back_too()
    {
        await using ReleaseScript script = await ReleaseScript.Start(needsKubectl: false);
        script.Fails("rollout status");
        await script.Run(3, "rolling.sh", New);
        Assert.Equal(Old, script.Image);
    }
}
