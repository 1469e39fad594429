using Monstera.Bench.Report;

namespace Monstera.Bench.Scenarios;

/// <summary>A load on rooms, beside the same on the baseline.</summary>
internal sealed record RoomScenario(string Name, string Title, RoomLoad Load, IReadOnlyDictionary<string, Target> Targets) : IScenario
{
    /// <summary>Where the server's database is a process of its own, which shares the generator's processor. Null: the same.</summary>
    public IReadOnlyDictionary<string, Target>? PostgresTargets { get; init; }

    private static readonly Row[] AllRows =
    [
        new(Figure.DeliveriesPerSecond, "deliveries", "1/s"),
        new(Figure.SendsPerSecond, "sends", "1/s"),
        new(Figure.CpuUsPerDelivery, "CPU a delivery", "µs"),
        new(Figure.CpuUsPerSend, "CPU a send", "µs"),
        new(Figure.CpuShare, "CPU", "%"),
        new(Figure.AllocatedKbPerSend, "allocated a send", "KB"),
        new(Figure.Gen0PerSecond, "collections", "1/s"),
        new(Figure.GcPauseShare, "paused by them", "%"),
        new(Figure.ResidentMb, "resident", "MB"),
        new(Figure.ResidentPeakMb, "resident at most", "MB"),
        new(Figure.P50Ms, "a member has it, p50", "ms"),
        new(Figure.P99Ms, "p99", "ms"),
        new(Figure.P999Ms, "p99.9", "ms"),
        new(Figure.LastP50Ms, "the last member has it, p50", "ms"),
        new(Figure.LastP99Ms, "p99", "ms"),
        new(Figure.Messages, "messages, all of them checked", ""),
        new(Figure.ClientCpuShare, "the generator's own CPU", "%"),
    ];

    public async Task<ScenarioResult> Run(Session session)
    {
        (Figures monstera, Figures baseline) = await session.SideBySide(subject => Load.Run(subject, session.Options));
        IReadOnlyDictionary<string, Target> targets = session.Options.IsPostgres ? PostgresTargets ?? Targets : Targets;
        Row[] rows = [.. AllRows.Select(row => targets.TryGetValue(row.Figure, out Target? target) ? row with { Target = target } : row)];
        return ScenarioResult.Of(Name, Title, "monstera", "baseline", rows, monstera, baseline);
    }
}
