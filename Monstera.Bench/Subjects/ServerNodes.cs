using Monstera.Bench.Measure;

namespace Monstera.Bench.Subjects;

/// <summary>The processes of one server, measured together: what they use is added up.</summary>
internal sealed class ServerNodes(IReadOnlyList<ChildProcess> processes) : IAsyncDisposable
{
    public IReadOnlyList<int> Ports { get; } = [.. processes.Select(process => process.Port)];

    public double CpuSeconds => processes.Sum(process => process.CpuSeconds);

    public long ResidentKb => processes.Sum(process => process.ResidentKb);

    public long ResidentPeakKb => processes.Sum(process => process.ResidentPeakKb);

    public RuntimeCounters Counters => processes.Select(process => process.Counters).Aggregate((sum, one) => new RuntimeCounters(
        sum.AllocatedBytes + one.AllocatedBytes, sum.Gen0 + one.Gen0, sum.Gen1 + one.Gen1, sum.Gen2 + one.Gen2, sum.PauseMs + one.PauseMs));

    /// <summary>The last lines that they wrote, for a message.</summary>
    public string LastLines() => string.Join('\n', processes.Select(process => process.LastLines()));

    public async ValueTask DisposeAsync()
    {
        foreach (ChildProcess process in processes)
        {
            await process.DisposeAsync();
        }
    }
}
