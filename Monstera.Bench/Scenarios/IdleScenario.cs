using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>What a connection costs that does nothing: the growth of resident memory, divided.</summary>
internal sealed class IdleScenario : IScenario
{
    private static readonly Row[] Rows =
    [
        new(Figure.ResidentKbPerConnection, "resident a connection", "KB", Target.AtMost(11)),
        new(Figure.ResidentMb, "resident", "MB"),
        new(Figure.CpuShare, "CPU while idle", "%"),
    ];

    public string Name => "idle";

    public string Title => "idle connections in rooms of 200";

    public async Task<ScenarioResult> Run(Session session)
    {
        Layout layout = Crowd.LayoutOf(session.Options);
        (Figures monstera, Figures baseline) = await session.SideBySide(subject => Measure(subject, layout, session.Options));
        return ScenarioResult.Of(Name, $"{layout.Clients:#,0} {Title}", "monstera", "baseline", Rows, monstera, baseline);
    }

    private static async Task<Figures> Measure(ISubject subject, Layout layout, BenchOptions options)
    {
        await using ChildProcess process = await subject.Start(layout);
        Crowd.WarmUp(subject, process, layout, TimeSpan.Zero);
        long residentBefore = process.ResidentKb;

        IReadOnlyList<Connection> clients = subject.Clients(layout);
        using LoadLoop loop = new(subject.Dialect, process.Port, clients, new MessageBook());
        loop.ConnectAll(Crowd.ConnectAtOnce, Crowd.Within);
        double cpuBefore = process.CpuSeconds;
        loop.RunFor(options.Settle);
        double cpu = process.CpuSeconds - cpuBefore;
        long resident = process.ResidentKb;
        Crowd.ProveLive(loop, clients);
        return new Figures
        {
            [Figure.ResidentKbPerConnection] = (resident - residentBefore) / (double)clients.Count,
            [Figure.ResidentMb] = resident / 1024.0,
            [Figure.CpuShare] = cpu * 100 / options.Settle.TotalSeconds,
        };
    }
}
