using System.Globalization;
using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Scenarios;
using Spectre.Console;

namespace Monstera.Bench.Commands;

/// <summary>What was asked for on the command line.</summary>
internal sealed record ScenariosRequest
{
    public required IReadOnlyList<string> Scenarios { get; init; }

    public bool All { get; init; }

    public bool IsQuick { get; init; }

    /// <summary>Null: figures are shown, not judged.</summary>
    public double? Margin { get; init; }

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
}

/// <summary>Runs scenarios one after another and shows what came of them.</summary>
internal static class ScenariosCommand
{
    private const int CallMakesNoSense = 2;

    public static async Task<int> Run(ScenariosRequest request)
    {
        IScenario[] chosen = [.. AllScenarios.List.Where(scenario => request.All || request.Scenarios.Contains(scenario.Name, StringComparer.Ordinal))];
        string[] unknown = [.. request.Scenarios.Where(name => AllScenarios.List.All(scenario => scenario.Name != name))];
        if (chosen.Length == 0 || unknown.Length > 0 || request.Rounds < 1)
        {
            await Console.Error.WriteLineAsync(
                $"bench: {(unknown.Length > 0 ? $"there is no scenario {string.Join(", ", unknown)}" : "give --all, or --scenario with a name")}. "
                + $"Scenarios: {string.Join(", ", AllScenarios.List.Select(scenario => scenario.Name))}.");
            return CallMakesNoSense;
        }

        string work = request.WorkFolder ?? Directory.CreateTempSubdirectory("monstera-bench-").FullName;
        try
        {
            return await Run(request, chosen, Path.GetFullPath(work));
        }
        finally
        {
            if (request.WorkFolder is null)
            {
                Directory.Delete(work, recursive: true);
            }
        }
    }

    private static async Task<int> Run(ScenariosRequest request, IScenario[] chosen, string work)
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
        };
        TimeProvider time = TimeProvider.System;
        List<ScenarioResult> results = await RunAll(chosen, options, time);
        if (request.JsonPath is { } json)
        {
            await JsonReport.Write(json, options, time.GetUtcNow(), results);
        }

        return request.Margin is { } margin ? Judge(results, margin) : 0;
    }

    private static async Task<List<ScenarioResult>> RunAll(IScenario[] chosen, BenchOptions options, TimeProvider time)
    {
        List<ScenarioResult> results = [];
        Progress progress = AnsiConsole.Progress().Columns(new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ElapsedTimeColumn());

        // Drawing is the generator's time too.
        progress.RefreshRate = TimeSpan.FromSeconds(1);
        foreach (IScenario scenario in chosen)
        {
            ScenarioResult result = await progress.AutoClear(true).StartAsync(async context =>
            {
                ProgressTask task = context.AddTask(scenario.Name, maxValue: 1);
                Session session = new(options, time, what => task.Description = Markup.Escape($"{scenario.Name}: {what}"));
                ScenarioResult done = await Named(scenario, session);
                task.Increment(1);
                return done;
            });
            results.Add(result);
            AnsiConsole.Write(ResultTable.Of(result));
        }

        return results;
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

    private static int Judge(IReadOnlyList<ScenarioResult> results, double margin)
    {
        int missed = 0;
        foreach (ScenarioResult result in results)
        {
            foreach (Measured measured in result.Measures.Where(measured => measured.IsMet(margin) == false))
            {
                missed++;
                Target target = measured.Row.Target!;
                double? value = target.OfRatio ? measured.Ratio : measured.Value;
                AnsiConsole.MarkupLineInterpolated(
                    CultureInfo.InvariantCulture,
                    $"[red]{result.Name}: {measured.Row.Title} is {value:0.00}; the target is {target.Goal}, and more than {margin} × worse fails.[/]");
            }
        }

        return missed == 0 ? 0 : 1;
    }
}
