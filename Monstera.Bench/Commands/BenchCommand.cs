using System.CommandLine;
using Monstera.Bench.Baseline;
using Monstera.Bench.Load;
using Monstera.Bench.Scenarios;

namespace Monstera.Bench.Commands;

/// <summary>The command line.</summary>
internal static class BenchCommand
{
    private static readonly Option<string[]> Scenario = new("--scenario")
    {
        Description = $"Some scenarios only: {string.Join(", ", AllScenarios.List.Select(scenario => scenario.Name))}.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<bool> All = new("--all") { Description = "All scenarios." };
    private static readonly Option<bool> Quick = new("--quick") { Description = "Short and small, for CI." };

    private static readonly Option<bool> Check = new("--check")
    {
        Description = "Fail when a target is missed by more than --margin. Otherwise 0 says only that the runs were correct.",
    };

    private static readonly Option<double> Margin = new("--margin") { Description = "How many times worse than its target --check lets a figure be, from 1 up.", DefaultValueFactory = _ => 3 };
    private static readonly Option<bool> Again = new("--again") { Description = "With --check: a scenario that misses a target is measured once more, and the second time counts." };
    private static readonly Option<bool> NoBaseline = new("--no-baseline") { Description = "Monstera alone, for a profiler." };
    private static readonly Option<int> Rounds = new("--rounds") { Description = "How often each side runs, in turn; medians are reported.", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> ServerCores = new("--server-cores") { Description = "Processors of the measured process, such as 0 or 0-1 (needs taskset)." };
    private static readonly Option<string?> ClientCores = new("--client-cores") { Description = "Processors of the load generator." };
    private static readonly Option<string?> Json = new("--json") { Description = "Also write all figures into this file." };
    private static readonly Option<string?> Server = new("--server") { Description = "The built server, monstera.dll; otherwise the one that was built with this program." };

    private static readonly Option<string?> Work = new("--work")
    {
        Description = "Where data folders are made, and kept: the disk that is measured. Otherwise a temporary folder.",
    };

    private static readonly Option<int?> Clients = new("--clients") { Description = "Connections of idle, connect and resume (10,000; 1,000 with --quick)." };
    private static readonly Option<int?> Messages = new("--history-messages") { Description = "Messages in the large room of history (10,000,000; 100,000 with --quick)." };

    private static readonly Option<string> Storage = new("--storage") { Description = "Where the server keeps its data: sqlite or postgres.", DefaultValueFactory = _ => "sqlite" };

    private static readonly Option<string?> Postgres = new("--postgres")
    {
        Description = "With --storage postgres: connection string of a role that may make roles and databases; those of this run are removed at its end.",
    };

    private static readonly Option<int> Shards = new("--shards") { Description = "With --storage postgres: databases of rooms, 1 to 16.", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Redis = new("--redis") { Description = "With --storage postgres: address of a Redis for two-nodes, such as 127.0.0.1:6379; its keys of this run expire by themselves." };
    private static readonly Option<int?> Rows = new("--append-messages") { Description = "Messages of append (1,000,000; 20,000 with --quick)." };

    /// <returns>See <see cref="ExitCode"/>.</returns>
    public static Task<int> Run(string[] args) => Run(args, AllScenarios.List);

    /// <param name="scenarios">Those that can be named.</param>
    public static Task<int> Run(string[] args, IReadOnlyList<IScenario> scenarios)
    {
        RootCommand root = new(
            "Measures Monstera beside a plain SignalR hub, and checks every delivery meanwhile. docs/performance.md tells more. "
            + "Ends with 0 when all was correct (with --check: and fast enough), 1 when not or when something is missing, 2 when the call makes no sense, 130 when interrupted.")
        {
            Options = { Scenario, All, Quick, Check, Margin, Again, NoBaseline, Rounds, ServerCores, ClientCores, Json, Server, Work, Clients, Messages, Storage, Postgres, Shards, Redis, Rows },
            Subcommands = { Baseline(), Ceiling(), Hose() },
        };
        root.SetAction((parsed, cancel) => Guarded(() => ScenariosCommand.Run(new ScenariosRequest
        {
            Scenarios = parsed.GetValue(Scenario) ?? [],
            All = parsed.GetValue(All),
            IsQuick = parsed.GetValue(Quick),
            Margin = parsed.GetValue(Check) ? parsed.GetValue(Margin) : null,
            Again = parsed.GetValue(Again),
            HasBaseline = !parsed.GetValue(NoBaseline),
            Rounds = parsed.GetValue(Rounds),
            ServerCores = parsed.GetValue(ServerCores),
            ClientCores = parsed.GetValue(ClientCores),
            JsonPath = parsed.GetValue(Json),
            ServerAssembly = parsed.GetValue(Server),
            WorkFolder = parsed.GetValue(Work),
            ManyClients = parsed.GetValue(Clients),
            HistoryMessages = parsed.GetValue(Messages),
            AppendMessages = parsed.GetValue(Rows),
            Storage = parsed.GetValue(Storage)!,
            Postgres = parsed.GetValue(Postgres),
            Shards = parsed.GetValue(Shards),
            Redis = parsed.GetValue(Redis),
        }, scenarios, cancel), cancel));

        ParseResult call = root.Parse(args);
        if (call.Errors.Count > 0)
        {
            Console.Error.WriteLine($"bench: {string.Join(' ', call.Errors.Select(error => error.Message))} `--help` tells what there is.");
            return Task.FromResult(ExitCode.CallMakesNoSense);
        }

        // When interrupted: until all processes have ended and the temporary folder is gone.
        return call.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
    }

    private static Command Baseline()
    {
        Option<string> urls = new("--urls") { DefaultValueFactory = _ => "http://127.0.0.1:0", Description = "Where to listen." };
        Command command = new("baseline", "Runs the plain SignalR hub; the scenarios start it themselves.") { Options = { urls } };
        command.SetAction((parsed, cancel) => BaselineHost.Run(parsed.GetValue(urls)!, cancel));
        return command;
    }

    private static Command Ceiling()
    {
        Command command = new("ceiling", "Measures the load generator itself, against a server that only writes prepared bytes.") { Options = { ServerCores, ClientCores, Quick } };
        command.SetAction((parsed, cancel) => Guarded(() => CeilingCommand.Run(
            parsed.GetValue(ServerCores), parsed.GetValue(ClientCores), TimeSpan.FromSeconds(parsed.GetValue(Quick) ? 3 : 10), cancel), cancel));
        return command;
    }

    private static Command Hose()
    {
        Option<int> events = new("--events") { DefaultValueFactory = _ => 1, Description = "Events in a frame." };
        Command command = new("firehose", "The server of `ceiling`, which starts it itself.") { Options = { events }, Hidden = true };
        command.SetAction(parsed => new Firehose(parsed.GetValue(events)).Run());
        return command;
    }

    private static async Task<int> Guarded(Func<Task<int>> run, CancellationToken cancel)
    {
        try
        {
            return await run();
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("bench: interrupted");
            return ExitCode.Interrupted;
        }
        catch (BenchFailedException failure)
        {
            await Console.Error.WriteLineAsync($"bench: {failure.Message}");
            return ExitCode.Failed;
        }
    }
}
