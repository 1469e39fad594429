using System.Diagnostics;
using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>What a connection costs that does nothing: the growth of resident memory, divided.</summary>
internal sealed class IdleScenario : IScenario
{
    private const int ScrapesBefore = 50;
    private const int Scrapes = 200;

    private static readonly Row[] Rows =
    [
        new(Figure.ResidentKbPerConnection, "resident a connection", "KB", Target.AtMost(11)),
        new(Figure.ResidentMb, "resident", "MB"),
        new(Figure.CpuShare, "CPU while idle", "%"),
        new(Figure.ScrapeMs, "an exposition of the metrics", "ms"),
        new(Figure.ScrapeCpuShare, "its CPU, of a second's", "%"),
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
        Figures figures = new()
        {
            [Figure.ResidentKbPerConnection] = (resident - residentBefore) / (double)clients.Count,
            [Figure.ResidentMb] = resident / 1024.0,
            [Figure.CpuShare] = cpu * 100 / options.Settle.TotalSeconds,
        };
        if (subject is MonsteraSubject)
        {
            Scrape(process, figures);
        }

        return figures;
    }

    /// <summary>Beside the connections, as Prometheus does it: the first ones warm up, and of the others the mean counts, for a process's CPU time is told in hundredths of a second.</summary>
    private static void Scrape(ChildProcess process, Figures figures)
    {
        using HttpReader reader = new(process.Port, token: "none");
        for (int i = 0; i < ScrapesBefore; i++)
        {
            reader.Get("/metrics");
        }

        double cpuBefore = process.CpuSeconds;
        Stopwatch watch = Stopwatch.StartNew();
        for (int i = 0; i < Scrapes; i++)
        {
            reader.Get("/metrics");
        }

        figures[Figure.ScrapeMs] = watch.Elapsed.TotalMilliseconds / Scrapes;
        figures[Figure.ScrapeCpuShare] = (process.CpuSeconds - cpuBefore) * 100 / Scrapes;
    }
}
