using Monstera.Bench.Report;
using Monstera.Bench.Storage;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>What all scenarios of one call share.</summary>
internal sealed class Session(BenchOptions options, IDataSets data, TimeProvider time, Action<string> tell, CancellationToken cancel)
{
    public BenchOptions Options { get; } = options;

    public IDataSets Data { get; } = data;

    public TimeProvider Time { get; } = time;

    public MonsteraSubject Monstera { get; } = new(options.ServerAssembly, options.ServerCores, data, time, cancel);

    public BaselineSubject Baseline { get; } = new(options.ServerCores, cancel);

    /// <summary>Says what is going on.</summary>
    /// <exception cref="OperationCanceledException">The run is to end.</exception>
    public void Tell(string what)
    {
        cancel.ThrowIfCancellationRequested();
        tell(what);
    }

    /// <summary>Both sides in turn, as often as wanted: what disturbs the machine for a while disturbs both.</summary>
    public async Task<(Figures Monstera, Figures Baseline)> SideBySide(Func<ISubject, Task<Figures>> run)
    {
        List<Figures> monstera = [];
        List<Figures> baseline = [];
        for (int round = 1; round <= Options.Rounds; round++)
        {
            if (Options.HasBaseline)
            {
                Tell($"round {round}: baseline");
                baseline.Add(await run(Baseline));
            }

            Tell($"round {round}: monstera");
            monstera.Add(await run(Monstera));
        }

        return (Figures.Median(monstera), Figures.Median(baseline));
    }
}
