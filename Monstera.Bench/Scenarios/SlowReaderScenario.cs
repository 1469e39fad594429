using Monstera.Bench.Report;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>Whether one client that hardly reads is noticed by the others: the same load with and without it.</summary>
internal sealed class SlowReaderScenario : IScenario
{
    private const string BaselineP99Ms = "baselineP99Ms";

    // The warm-up at full speed fills the sockets' own buffers, so it lags from the first moment on.
    private static readonly RoomLoad Without = new(new Layout(1, 200), 8) { PerSecond = 200 };

    private static readonly Row[] Rows =
    [
        new(Figure.P50Ms, "the others, p50", "ms"),
        new(Figure.P99Ms, "p99", "ms", Target.RatioAtMost(1.1)),
        new(Figure.P999Ms, "p99.9", "ms"),
        new(Figure.CpuUsPerDelivery, "CPU a delivery", "µs"),
        new(Figure.ResidentPeakMb, "resident at most", "MB"),
        new(Figure.EventsBehind, "events it was behind when the measuring ended", ""),
        new(Figure.Gaps, "times it was told to resume", ""),
        new(Figure.Cuts, "times it was cut off, and came back", ""),
        new(BaselineP99Ms, "the baseline's p99", "ms"),
    ];

    public string Name => "slow-reader";

    public string Title => "1 slow reader among 200, 200 messages a second";

    public async Task<ScenarioResult> Run(Session session)
    {
        RoomLoad with = Without with { HasSlowReader = true };
        List<Figures> slow = [];
        List<Figures> quick = [];
        for (int round = 1; round <= session.Options.Rounds; round++)
        {
            session.Tell($"round {round}: without");
            Figures without = await Without.Run(session.Monstera, session.Options);
            quick.Add(without);

            session.Tell($"round {round}: with a slow reader");
            Figures slowed = await with.Run(session.Monstera, session.Options);
            if (session.Options.HasBaseline)
            {
                session.Tell($"round {round}: the baseline, without and with");
                without[BaselineP99Ms] = (await Without.Run(session.Baseline, session.Options))[Figure.P99Ms];
                slowed[BaselineP99Ms] = (await with.Run(session.Baseline, session.Options))[Figure.P99Ms];
            }

            slow.Add(slowed);
        }

        return ScenarioResult.Of(Name, Title, "with it", "without it", Rows, Figures.Median(slow), Figures.Median(quick));
    }
}
