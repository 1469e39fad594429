using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Scenarios;
using Monstera.Bench.Storage;
using Spectre.Console;

namespace Monstera.Bench.Commands;

/// <summary>What was asked for on the command line.</summary>
internal sealed record ScenariosRequest
{
    public const string Sqlite = "sqlite";

    public required IReadOnlyList<string> Scenarios { get; init; }

    public bool All { get; init; }

    public bool IsQuick { get; init; }

    /// <summary>Null: figures are shown, not judged.</summary>
    public double? Margin { get; init; }

    /// <summary>A scenario that misses a target is measured once more, and the second time counts.</summary>
    public bool Again { get; init; }

    public bool HasBaseline { get; init; }

    public int Rounds { get; init; }

    public string? ServerCores { get; init; }

    public string? ClientCores { get; init; }

    public string? JsonPath { get; init; }

    public string? ServerAssembly { get; init; }

    public string? WorkFolder { get; init; }

    /// <summary>Null, here and below: as it is for a whole or a quick run.</summary>
    public int? ManyClients { get; init; }

    public int? HistoryMessages { get; init; }

    public int? AppendMessages { get; init; }

    /// <summary>sqlite or postgres.</summary>
    public string Storage { get; init; } = Sqlite;

    /// <summary>The administrator's connection string; never shown.</summary>
    public string? Postgres { get; init; }

    public int Shards { get; init; } = 1;

    /// <summary>Address of a Redis, as the server takes it; never shown.</summary>
    public string? Redis { get; init; }

    public bool IsPostgres => Storage == "postgres";

    /// <summary>Whether it is to run: all means all for which there is what it needs.</summary>
    public bool Wants(IScenario scenario) => Scenarios.Contains(scenario.Name, StringComparer.Ordinal) || (All && (IsPostgres || !scenario.NeedsPostgres) && (Redis is not null || !scenario.NeedsRedis));
}

/// <summary>Runs scenarios one after another and shows what came of them.</summary>
internal static class ScenariosCommand
{
    /// <param name="scenarios">All that there are.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> Run(ScenariosRequest request, IReadOnlyList<IScenario> scenarios, CancellationToken cancel)
    {
        if (Nonsense.In(request, scenarios) is { } wrong)
        {
            await Console.Error.WriteLineAsync($"bench: {wrong}");
            return ExitCode.CallMakesNoSense;
        }

        if (Nonsense.InMachine(request.ServerCores) is { } missing)
        {
            throw new BenchFailedException(missing);
        }

        string work = request.WorkFolder ?? Directory.CreateTempSubdirectory("monstera-bench-").FullName;
        try
        {
            await using IDataSets data = request.IsPostgres
                ? await PostgresDataSets.Start(request.Postgres!, request.Shards)
                : new SqliteDataSets(Path.GetFullPath(work));
            return await Run(request, [.. scenarios.Where(request.Wants)], Path.GetFullPath(work), data, cancel);
        }
        finally
        {
            if (request.WorkFolder is null)
            {
                Directory.Delete(work, recursive: true);
            }
        }
    }

    private static async Task<int> Run(ScenariosRequest request, IScenario[] chosen, string work, IDataSets data, CancellationToken cancel)
    {
        if (request.ClientCores is { } cores)
        {
            Cores.Pin(cores);
        }

        BenchOptions options = new()
        {
            IsQuick = request.IsQuick,
            HasBaseline = request.HasBaseline,
            Rounds = request.Rounds,
            ServerCores = request.ServerCores,
            ClientCores = request.ClientCores,
            ServerAssembly = request.ServerAssembly is { } path ? Path.GetFullPath(path) : BuiltServer.Find(),
            WorkFolder = work,
            ManyClients = request.ManyClients ?? (request.IsQuick ? 1_000 : 10_000),
            HistoryMessages = request.HistoryMessages ?? (request.IsQuick ? 100_000 : 10_000_000),
            AppendMessages = request.AppendMessages ?? (request.IsQuick ? 20_000 : 1_000_000),
            IsPostgres = request.IsPostgres,
            Shards = request.Shards,
            Redis = request.Redis,
        };
        TimeProvider time = TimeProvider.System;
        List<ScenarioResult> results = [];
        List<string> missed = [];
        foreach (IScenario scenario in chosen)
        {
            (ScenarioResult result, IReadOnlyList<string> sentences) = await Measure(scenario, request, options, data, time, cancel);
            results.Add(result);
            missed.AddRange(sentences);
        }

        if (request.JsonPath is { } json)
        {
            await JsonReport.Write(json, options, time.GetUtcNow(), results);
        }

        return missed.Count == 0 ? ExitCode.Correct : ExitCode.Failed;
    }

    /// <summary>Runs a scenario and shows its figures; with <see cref="ScenariosRequest.Again"/> once more when it misses a target. A run that is not correct is never repeated.</summary>
    private static async Task<(ScenarioResult Result, IReadOnlyList<string> Missed)> Measure(
        IScenario scenario, ScenariosRequest request, BenchOptions options, IDataSets data, TimeProvider time, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            ScenarioResult result = await Run(scenario, options, data, time, cancel);
            AnsiConsole.Write(ResultTable.Of(result));
            IReadOnlyList<string> missed = request.Margin is { } margin ? Judgement.Missed(result, margin) : [];
            foreach (string sentence in missed)
            {
                AnsiConsole.MarkupLine($"[red]{Markup.Escape(sentence)}[/]");
            }

            if (missed.Count == 0 || attempt == 2 || !request.Again)
            {
                return (result, missed);
            }

            AnsiConsole.WriteLine($"{scenario.Name} is measured once more: the machine may have been busy.");
        }
    }

    private static async Task<ScenarioResult> Run(IScenario scenario, BenchOptions options, IDataSets data, TimeProvider time, CancellationToken cancel)
    {
        Progress progress = AnsiConsole.Progress().Columns(new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ElapsedTimeColumn());

        // Drawing is the generator's time too.
        progress.RefreshRate = TimeSpan.FromSeconds(1);
        return await progress.AutoClear(true).StartAsync(async context =>
        {
            ProgressTask task = context.AddTask(scenario.Name, maxValue: 1);
            Session session = new(options, data, time, what => task.Description = Markup.Escape($"{scenario.Name}: {what}"), cancel);
            ScenarioResult done = await Named(scenario, session);
            task.Increment(1);
            return done;
        });
    }

    private static async Task<ScenarioResult> Named(IScenario scenario, Session session)
    {
        try
        {
            return await scenario.Run(session);
        }
        catch (BenchFailedException failure)
        {
            throw new BenchFailedException($"{scenario.Name}: {failure.Message}");
        }
    }
}
