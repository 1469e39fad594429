using System.Runtime.InteropServices;
using Monstera.Bench.Load;
using Monstera.Bench.Scenarios;
using Monstera.Data.Postgres;

namespace Monstera.Bench.Commands;

/// <summary>Calls that cannot be meant, and machines on which nothing can be measured: said before the first minute is spent.</summary>
internal static class Nonsense
{
    /// <summary>Crowds are made of two rooms of 200 at least.</summary>
    private const int ClientsMin = 400;

    /// <summary>A page from the middle needs as many before it.</summary>
    private const int HistoryMessagesMin = 200;

    /// <summary>As many as PostgreSQL's connections are enough for, as it comes.</summary>
    private const int ShardsMax = 16;

    /// <summary>A batch for each of 200 rooms at the very least.</summary>
    private const int AppendMessagesMin = 200;

    /// <returns>What is wrong with the call; null: nothing.</returns>
    public static string? In(ScenariosRequest request, IReadOnlyList<IScenario> scenarios)
    {
        string names = string.Join(", ", scenarios.Select(scenario => scenario.Name));
        string[] unknown = [.. request.Scenarios.Where(name => scenarios.All(scenario => scenario.Name != name))];
        return unknown.Length > 0 ? $"there is no scenario {string.Join(", ", unknown)}. Scenarios: {names}."
            : !request.All && request.Scenarios.Count == 0 ? $"give --all, or --scenario with a name. Scenarios: {names}."
            : request.Rounds < 1 ? "--rounds is at least 1."
            : request.Margin is { } margin && !(margin >= 1 && double.IsFinite(margin)) ? "--margin is a factor from 1 up: 1 is the target itself, 3 lets a figure be three times worse."
            : request.Margin is not null && !request.HasBaseline ? "--check judges ratios to the baseline: leave out --no-baseline."
            : request.Again && request.Margin is null ? "--again goes with --check."
            : request.ManyClients < ClientsMin ? $"--clients is at least {ClientsMin}."
            : request.HistoryMessages < HistoryMessagesMin ? $"--history-messages is at least {HistoryMessagesMin}."
            : request.JsonPath is { } json && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(json))) ? $"--json {json}: there is no such folder."
            : request.ServerAssembly is { } server && !File.Exists(server) ? $"--server {server}: there is no such file."
            : request.AppendMessages < AppendMessagesMin ? $"--append-messages is at least {AppendMessagesMin}."
            : InStorage(request, scenarios) ?? InCores(request.ServerCores) ?? InCores(request.ClientCores);
    }

    /// <returns>What the machine lacks; null: nothing.</returns>
    public static string? InMachine(string? serverCores) =>
        !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64)
            ? "the load generator speaks to the kernel directly and knows only Linux on processors of 64 bits."
            : serverCores is not null && !IsOnPath("taskset") ? "--server-cores needs taskset (util-linux), which is not on the PATH: install it, or leave the option out."
            : null;

    private static string? InStorage(ScenariosRequest request, IReadOnlyList<IScenario> scenarios)
    {
        if (!request.IsPostgres)
        {
            IScenario? postgres = scenarios.FirstOrDefault(scenario => scenario.NeedsPostgres && request.Scenarios.Contains(scenario.Name, StringComparer.Ordinal));
            return request.Storage != ScenariosRequest.Sqlite ? $"--storage {request.Storage}: there are sqlite and postgres."
                : request.Postgres is not null || request.Shards != 1 || request.Redis is not null ? "--postgres, --shards and --redis go with --storage postgres."
                : postgres is not null ? $"{postgres.Name} is about PostgreSQL: give --storage postgres."
                : null;
        }

        return request.Postgres is null ? "--storage postgres needs --postgres with an administrator's connection string: Host=…;Username=…;Password=…"
            : PostgresConnectionString.FindFault(request.Postgres) is { } fault ? $"--postgres (not shown) {fault}."
            : request.Shards is < 1 or > ShardsMax ? $"--shards is 1 to {ShardsMax}."
            : InRedis(request, scenarios);
    }

    private static string? InRedis(ScenariosRequest request, IReadOnlyList<IScenario> scenarios)
    {
        IScenario? redis = scenarios.FirstOrDefault(scenario => scenario.NeedsRedis && request.Scenarios.Contains(scenario.Name, StringComparer.Ordinal));
        return redis is not null && request.Redis is null ? $"{redis.Name} needs --redis with the address of a server: 127.0.0.1:6379." : null;
    }

    private static string? InCores(string? cores)
    {
        try
        {
            return cores is null || Cores.Parse(cores).Any() ? null : "no processors are named.";
        }
        catch (BenchFailedException failure)
        {
            return $"{failure.Message}.";
        }
    }

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, program)));
}
