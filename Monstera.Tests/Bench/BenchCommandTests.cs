using System.Text.Json;
using Monstera.Bench;
using Monstera.Bench.Commands;
using Monstera.Bench.Report;
using Monstera.Bench.Scenarios;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Bench;

/// <summary>The command line with scenarios whose figures are known: exit codes, <c>--check</c>, <c>--margin</c>, <c>--again</c>, <c>--json</c>.</summary>
public sealed class BenchCommandTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-bench-test-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(2.0, "--check --margin 1", 0)]
    [InlineData(1.99, "--check --margin 1", 1)]
    [InlineData(1.0, "--check --margin 2", 0)]
    [InlineData(0.99, "--check --margin 2", 1)]
    [InlineData(0.67, "--check", 0)]
    [InlineData(0.66, "--check", 1)]
    [InlineData(0.01, "", 0)]
    public async Task A_ratio_that_is_to_be_at_least_2(double ratio, string options, int exitCode) =>
        Assert.Equal(exitCode, await Run(options, Scenario(Target.RatioAtLeast(2), ratio * 10, 10)));

    [Theory]
    [InlineData(0.5, "--check --margin 1", 0)]
    [InlineData(0.51, "--check --margin 1", 1)]
    [InlineData(1.5, "--check --margin 3", 0)]
    [InlineData(1.51, "--check --margin 3", 1)]
    public async Task A_ratio_that_is_to_be_at_most_a_half(double ratio, string options, int exitCode) =>
        Assert.Equal(exitCode, await Run(options, Scenario(Target.RatioAtMost(0.5), ratio * 10, 10)));

    [Theory]
    [InlineData(22, 0)]
    [InlineData(22.1, 1)]
    public async Task A_value_that_is_to_be_at_most_11(double value, int exitCode) =>
        Assert.Equal(exitCode, await Run("--check --margin 2", Scenario(Target.AtMost(11), value, null)));

    [Theory]
    [InlineData(double.NaN, 10.0)]
    [InlineData(10.0, double.NaN)]
    [InlineData(10.0, 0.0)]
    [InlineData(10.0, null)]
    public async Task What_could_not_be_measured_is_missed(double value, double? reference)
    {
        Assert.Equal(1, await Run("--check --margin 1000000", Scenario(Target.RatioAtLeast(2), value, reference)));
        Assert.Equal(0, await Run("", Scenario(Target.RatioAtLeast(2), value, reference)));
    }

    [Fact]
    public async Task A_figure_that_is_missing_altogether_is_missed() =>
        Assert.Equal(1, await Run("--check", new Known(() => ScenarioResult.Of("known", "t", "v", "r", [Row(Target.AtMost(11))], [], []))));

    [Theory]
    [InlineData("")]
    [InlineData("--check --margin 1000000")]
    [InlineData("--check --again")]
    public async Task An_incorrect_run_fails_and_is_not_repeated(string options)
    {
        Known scenario = new(() => throw new BenchFailedException("an event is missing"));
        Assert.Equal(1, await Run(options, scenario));
        Assert.Equal(1, scenario.Runs);
    }

    [Theory]
    [InlineData("1,3", 0, 2)]
    [InlineData("1,1", 1, 2)]
    [InlineData("3,1", 0, 1)]
    public async Task With_again_the_second_time_counts(string ratios, int exitCode, int runs)
    {
        Queue<double> queue = new(ratios.Split(',').Select(ratio => double.Parse(ratio, System.Globalization.CultureInfo.InvariantCulture)));
        Known scenario = new(() => Result(Target.RatioAtLeast(2), queue.Dequeue() * 10, 10));
        Assert.Equal(exitCode, await Run("--check --margin 1 --again", scenario));
        Assert.Equal(runs, scenario.Runs);
    }

    [Fact]
    public async Task One_of_several_scenarios_that_misses_makes_all_fail()
    {
        Known[] scenarios =
        [
            new(() => Result(Target.RatioAtLeast(2), 1, 10), "bad"),
            new(() => Result(Target.RatioAtLeast(2), 100, 10), "good"),
        ];
        Assert.Equal(1, await BenchCommand.Run(["--all", "--check"], scenarios));
        Assert.Equal(0, await BenchCommand.Run(["--scenario", "good", "--check"], scenarios));
        Assert.Equal((1, 2), (scenarios[0].Runs, scenarios[1].Runs));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--quick")]
    [InlineData("--scenario nothing")]
    [InlineData("--scenario known nothing")]
    [InlineData("--nonsense")]
    [InlineData("--all --rounds 0")]
    [InlineData("--all --rounds many")]
    [InlineData("--all --check --margin 0")]
    [InlineData("--all --check --margin 0.9")]
    [InlineData("--all --check --margin NaN")]
    [InlineData("--all --check --no-baseline")]
    [InlineData("--all --again")]
    [InlineData("--all --server-cores none")]
    [InlineData("--all --client-cores 3-1")]
    [InlineData("--all --clients 10")]
    [InlineData("--all --history-messages -1")]
    [InlineData("--all --server /no/such/monstera.dll")]
    [InlineData("--all --storage oracle")]
    [InlineData("--all --storage postgres")]
    [InlineData("--all --storage postgres --postgres Username=a")]
    [InlineData("--all --postgres Host=a;Username=b")]
    [InlineData("--all --shards 2")]
    [InlineData("--all --storage postgres --postgres Host=a;Username=b --shards 0")]
    [InlineData("--all --storage postgres --postgres Host=a;Username=b --shards 17")]
    [InlineData("--all --append-messages 10")]
    [InlineData("--scenario known-postgres")]
    [InlineData("--all --redis 127.0.0.1:6379")]
    [InlineData("--scenario known-redis --storage postgres --postgres Host=a;Username=b")]
    [InlineData("--all --json /no/such/folder/results.json")]
    public async Task A_call_that_makes_no_sense(string call)
    {
        Known scenario = new(() => Result(Target.RatioAtLeast(2), 20, 10));
        Known postgres = new(() => throw new InvalidOperationException(), "known-postgres") { NeedsPostgres = true };
        Known redis = new(() => throw new InvalidOperationException(), "known-redis") { NeedsPostgres = true, NeedsRedis = true };
        Assert.Equal(2, await BenchCommand.Run(call.Split(' ', StringSplitOptions.RemoveEmptyEntries), [scenario, postgres, redis]));
        Assert.Equal(0, scenario.Runs);
    }

    [Fact]
    public async Task All_on_SQLite_is_all_that_it_has()
    {
        Known[] scenarios = [new(() => Result(Target.RatioAtLeast(2), 20, 10)), new(() => throw new InvalidOperationException(), "postgres") { NeedsPostgres = true }];
        Assert.Equal(0, await BenchCommand.Run(["--all"], scenarios));
        Assert.Equal((1, 0), (scenarios[0].Runs, scenarios[1].Runs));
    }

    [Fact]
    public async Task Every_scenario_is_in_the_document()
    {
        string document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "performance.md"));
        Assert.All(AllScenarios.List, scenario => Assert.Contains($"| `{scenario.Name}` |", document, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_report_for_programs_has_every_figure()
    {
        Row[] rows = [Row(Target.RatioAtLeast(2)), new("plain", "plain", "ms"), new("broken", "broken", "ms", Target.AtMost(3))];
        Figures values = new() { ["figure"] = 10, ["plain"] = 1.5, ["broken"] = double.PositiveInfinity };
        Figures references = new() { ["figure"] = 20 };
        string path = Path.Combine(_folder, "results.json");
        Assert.Equal(0, await Run($"--json {path} --rounds 3", new Known(() => ScenarioResult.Of("known", "what", "ours", "theirs", rows, values, references))));

        using JsonDocument json = JsonDocument.Parse(await File.ReadAllTextAsync(path));
        JsonElement root = json.RootElement;
        Assert.Equal((3, false), (root.GetProperty("rounds").GetInt32(), root.GetProperty("quick").GetBoolean()));
        JsonElement scenario = Assert.Single(root.GetProperty("scenarios").EnumerateArray());
        Assert.Equal(("known", "what", "ours", "theirs"), (Text(scenario, "name"), Text(scenario, "title"), Text(scenario, "valueOf"), Text(scenario, "referenceOf")));
        JsonElement[] measures = [.. scenario.GetProperty("measures").EnumerateArray()];
        Assert.Equal(
            """{"figure":"figure","unit":"u","value":10,"reference":20,"ratio":0.5,"targetOf":"ratio","atLeast":2,"met":false}""", JsonSerializer.Serialize(measures[0]));
        Assert.Equal("""{"figure":"plain","unit":"ms","value":1.5}""", JsonSerializer.Serialize(measures[1]));
        Assert.Equal("""{"figure":"broken","unit":"ms","value":null,"targetOf":"value","atMost":3,"met":false}""", JsonSerializer.Serialize(measures[2]));
    }

    [Fact]
    public void Medians_are_of_each_figure()
    {
        Figures medians = Figures.Median([new() { ["a"] = 1, ["b"] = 4 }, new() { ["a"] = 100, ["b"] = 2 }, new() { ["a"] = 3 }]);
        Assert.Equal((3, 3), (medians["a"], medians["b"]));
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static Task<int> Run(string options, Known scenario) =>
        BenchCommand.Run(["--scenario", "known", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)], [scenario]);

    private static Known Scenario(Target target, double value, double? reference) => new(() => Result(target, value, reference));

    private static ScenarioResult Result(Target target, double value, double? reference)
    {
        Figures references = [];
        if (reference is { } number)
        {
            references["figure"] = number;
        }

        return ScenarioResult.Of("known", "t", "v", "r", [Row(target)], new Figures { ["figure"] = value }, references);
    }

    private static Row Row(Target target) => new("figure", "a figure", "u", target);

    private sealed class Known(Func<ScenarioResult> run, string name = "known") : IScenario
    {
        public int Runs { get; private set; }

        public string Name => name;

        public string Title => "what";

        public bool NeedsPostgres { get; init; }

        public bool NeedsRedis { get; init; }

        public Task<ScenarioResult> Run(Session session)
        {
            Runs++;
            return Task.FromResult(run());
        }
    }
}
