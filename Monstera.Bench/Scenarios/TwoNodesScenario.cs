using Monstera.Bench.Report;

namespace Monstera.Bench.Scenarios;

/// <summary>What a second node costs: the same load on two that Redis joins, and on one alone. Every message has members on both.</summary>
internal sealed record TwoNodesScenario(string Name, string Title, RoomLoad Load) : IScenario
{
    private const int Nodes = 2;

    private static readonly Row[] Rows =
    [
        new(Figure.CpuUsPerDelivery, "CPU a delivery, of all nodes", "µs", Target.RatioAtMost(1.15)),
        new(Figure.P50Ms, "a member has it, p50", "ms"),
        new(Figure.P99Ms, "p99", "ms", Target.RatioAtMost(1.5)),
        new(Figure.P999Ms, "p99.9", "ms"),
        new(Figure.LastP99Ms, "the last member has it, p99", "ms"),
        new(Figure.DeliveriesPerSecond, "deliveries", "1/s"),
        new(Figure.CpuShare, "CPU", "%"),
        new(Figure.ResidentMb, "resident", "MB"),
        new(Figure.Messages, "messages, all of them checked", ""),
        new(Figure.ClientCpuShare, "the generator's own CPU", "%"),
    ];

    public bool NeedsPostgres => true;

    public bool NeedsRedis => true;

    public async Task<ScenarioResult> Run(Session session)
    {
        List<Figures> two = [];
        List<Figures> one = [];
        for (int round = 1; round <= session.Options.Rounds; round++)
        {
            session.Tell($"round {round}: one node");
            one.Add(await Load.Run(session.Monstera, session.Options));
            session.Tell($"round {round}: two nodes");
            two.Add(await Load.Run(session.Monstera, () => session.Monstera.StartNodes(Load.Layout, Nodes, session.Options.Redis!), session.Options));
        }

        return ScenarioResult.Of(Name, Title, "two nodes", "one node", Rows, Figures.Median(two), Figures.Median(one));
    }
}
