using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>A crowd that arrives: WebSocket, token, Hello, subscription. The baseline joins a group without a token.</summary>
internal sealed class ConnectScenario : IScenario
{
    private static readonly Row[] Rows =
    [
        new(Figure.ConnectionsPerSecond, "connections", "1/s", Target.RatioAtLeast(1.0)),
        new(Figure.CpuUsPerConnection, "CPU a connection", "µs"),
        new(Figure.ConnectP99Ms, "until subscribed, p99", "ms"),
    ];

    public string Name => "connect";

    public string Title => "connects with token, Hello and subscription, 128 at a time";

    public async Task<ScenarioResult> Run(Session session)
    {
        Layout layout = Crowd.LayoutOf(session.Options);
        (Figures monstera, Figures baseline) = await session.SideBySide(subject => Measure(subject, layout, session.Options));
        return ScenarioResult.Of(Name, $"{layout.Clients:#,0} {Title}", "monstera", "baseline", Rows, monstera, baseline);
    }

    private static async Task<Figures> Measure(ISubject subject, Layout layout, BenchOptions options)
    {
        await using ChildProcess process = await subject.Start(layout);
        Crowd.WarmUp(subject, process, layout, options.WarmUp);

        IReadOnlyList<Connection> clients = subject.Clients(layout);
        using LoadLoop loop = new(subject.Dialect, process.Port, clients, new MessageBook());
        double cpuBefore = process.CpuSeconds;
        TimeSpan time = loop.ConnectAll(Crowd.ConnectAtOnce, Crowd.Within);
        double cpu = process.CpuSeconds - cpuBefore;
        Crowd.ProveLive(loop, clients);
        return new Figures
        {
            [Figure.ConnectionsPerSecond] = clients.Count / time.TotalSeconds,
            [Figure.CpuUsPerConnection] = cpu * 1e6 / clients.Count,
            [Figure.ConnectP99Ms] = loop.ConnectLatency.Milliseconds(99),
        };
    }
}
