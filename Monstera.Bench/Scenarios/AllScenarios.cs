using Monstera.Bench.Report;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>The table of targets.</summary>
internal static class AllScenarios
{
    private static readonly Layout RoomOf200 = new(1, 200);

    private static readonly Dictionary<string, Target> DeliveriesOnPostgres = new(StringComparer.Ordinal) { [Figure.DeliveriesPerSecond] = Target.RatioAtLeast(1.0) };
    private static readonly Dictionary<string, Target> SendsOnPostgres = new(StringComparer.Ordinal) { [Figure.SendsPerSecond] = Target.RatioAtLeast(0.9) };

    public static IReadOnlyList<IScenario> List { get; } =
    [
        new RoomScenario(
            "big-room-16",
            "one room of 200, 8 senders, 16 in flight each",
            new RoomLoad(RoomOf200, 8) { InFlight = 16 },
            new Dictionary<string, Target>(StringComparer.Ordinal)
            {
                [Figure.DeliveriesPerSecond] = Target.RatioAtLeast(2.0),
                [Figure.CpuUsPerDelivery] = Target.RatioAtMost(0.5),
            }) { PostgresTargets = DeliveriesOnPostgres },
        new RoomScenario(
            "big-room-1",
            "one room of 200, 8 senders, 1 in flight each",
            new RoomLoad(RoomOf200, 8) { InFlight = 1 },
            new Dictionary<string, Target>(StringComparer.Ordinal) { [Figure.DeliveriesPerSecond] = Target.RatioAtLeast(1.2) }) { PostgresTargets = DeliveriesOnPostgres },
        new RoomScenario(
            "small-rooms",
            "200 rooms of 5, 200 senders, 4 in flight each",
            new RoomLoad(new Layout(200, 5), 1) { InFlight = 4 },
            new Dictionary<string, Target>(StringComparer.Ordinal) { [Figure.SendsPerSecond] = Target.RatioAtLeast(1.0) }) { PostgresTargets = SendsOnPostgres },
        new RoomScenario(
            "huge-room",
            "one room of 5,000, 1 sender at 20 a second",
            new RoomLoad(new Layout(1, 5_000), 1) { PerSecond = 20 },
            new Dictionary<string, Target>(StringComparer.Ordinal) { [Figure.LastP99Ms] = Target.RatioAtMost(1.2) }),
        new RoomScenario(
            "paced-room",
            "200 messages a second into a room of 200, 8 senders",
            new RoomLoad(RoomOf200, 8) { PerSecond = 200 },
            new Dictionary<string, Target>(StringComparer.Ordinal) { [Figure.P99Ms] = Target.RatioAtMost(1.2) }),
        new RoomScenario(
            "paced-small-rooms",
            "1,000 messages a second into 200 rooms of 5",
            new RoomLoad(new Layout(200, 5), 1) { PerSecond = 1_000 },
            new Dictionary<string, Target>(StringComparer.Ordinal) { [Figure.P99Ms] = Target.RatioAtMost(1.5) }),
        new RoomScenario(
            "office",
            "300 messages a second into 20 rooms of 50",
            new RoomLoad(new Layout(20, 50), 2) { PerSecond = 300 },
            new Dictionary<string, Target>(StringComparer.Ordinal) { [Figure.P99Ms] = Target.RatioAtMost(1.5) }),
        new IdleScenario(),
        new ConnectScenario(),
        new ResumeScenario(),
        new HistoryScenario(),
        new AppendScenario(),
        new SlowReaderScenario(),
        new TwoNodesScenario(
            "two-nodes", "500 messages a second into a room of 200, half of its members on each of two nodes", new RoomLoad(RoomOf200, 8) { PerSecond = 500 }),
        new TwoNodesScenario(
            "two-offices", "300 messages a second into 20 rooms of 50, half of the members on each of two nodes", new RoomLoad(new Layout(20, 50), 2) { PerSecond = 300 }),
    ];
}
