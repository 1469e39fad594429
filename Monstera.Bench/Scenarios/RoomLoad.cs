using System.Diagnostics;
using Monstera.Bench.Load;
using Monstera.Bench.Measure;
using Monstera.Bench.Report;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>People who write into rooms: either so many messages in flight for each sender, or so many a second for all together.</summary>
internal sealed record RoomLoad(Layout Layout, int SendersPerRoom)
{
    private static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(120);
    private const int ConnectAtOnce = 64;

    /// <summary>A sender's messages that it has not seen yet; 0 when <see cref="PerSecond"/> is meant.</summary>
    public int InFlight { get; init; }

    public double PerSecond { get; init; }

    /// <summary>Whether the last member of the first room reads a trickle.</summary>
    public bool HasSlowReader { get; init; }

    private const int WarmUpInFlight = 16;
    private static readonly TimeSpan PaceWarmUp = TimeSpan.FromSeconds(1);

    /// <summary>1. connects; 2. warms up, at full speed in any case: a server that runs for days is compiled; 3. measures; 4. waits until everything is everywhere, and checks it.</summary>
    public Task<Figures> Run(ISubject subject, BenchOptions options) => Run(subject, async () => new ServerNodes([await subject.Start(Layout)]), options);

    /// <summary>The same on several processes, to which the clients connect in turn.</summary>
    public async Task<Figures> Run(ISubject subject, Func<Task<ServerNodes>> start, BenchOptions options)
    {
        OpenFiles.Check(Layout.Clients);
        await using ServerNodes nodes = await start();
        IReadOnlyList<Connection> clients = subject.Clients(Layout);
        Connection[] senders = [.. clients.Where(client => client.Seat < SendersPerRoom)];
        clients[Layout.MembersPerRoom - 1].IsSlow = HasSlowReader;
        try
        {
            // 1.
            using LoadLoop loop = new(subject.Dialect, nodes.Ports, clients, new MessageBook());
            loop.ConnectAll(ConnectAtOnce, ConnectWithin);

            // 2.
            WarmUp(loop, senders, options.WarmUp);

            // 3.
            Snapshot before = Snapshot.Take(nodes, loop);
            loop.OpenWindow();
            loop.RunFor(options.Measure);
            loop.CloseWindow();
            Snapshot after = Snapshot.Take(nodes, loop);
            long behind = clients.Max(client => client.Last) - clients[Layout.MembersPerRoom - 1].Last;

            // 4.
            loop.Drain(DrainWithin);
            Figures figures = after.Since(before);
            figures[Figure.ResidentMb] = nodes.ResidentKb / 1024.0;
            figures[Figure.ResidentPeakMb] = nodes.ResidentPeakKb / 1024.0;
            Add(figures, loop);
            figures[Figure.EventsBehind] = behind;
            figures[Figure.Gaps] = clients.Sum(client => client.Gaps);
            figures[Figure.Cuts] = clients.Sum(client => client.Cuts);
            return figures;
        }
        catch (Exception e) when (e is not (BenchFailedException or OperationCanceledException))
        {
            throw new BenchFailedException($"{subject.Name}: {e.Message}\n{nodes.LastLines()}");
        }
    }

    private void WarmUp(LoadLoop loop, Connection[] senders, TimeSpan time)
    {
        foreach (Connection sender in senders)
        {
            sender.Window = InFlight > 0 ? InFlight : WarmUpInFlight;
        }

        loop.StartSending();
        loop.RunFor(time);
        if (InFlight == 0)
        {
            loop.IsSending = false;
            loop.RunFor(PaceWarmUp);
            loop.Pace = new Pace(senders, PerSecond, Stopwatch.GetTimestamp());
            loop.RunFor(PaceWarmUp);
        }
    }

    private static void Add(Figures figures, LoadLoop loop)
    {
        figures[Figure.Messages] = loop.Book.Count;
        figures[Figure.P50Ms] = loop.Latency.Milliseconds(50);
        figures[Figure.P99Ms] = loop.Latency.Milliseconds(99);
        figures[Figure.P999Ms] = loop.Latency.Milliseconds(99.9);
        figures[Figure.LastP50Ms] = loop.LatencyOfLast.Milliseconds(50);
        figures[Figure.LastP99Ms] = loop.LatencyOfLast.Milliseconds(99);
    }

    /// <summary>All counters at one instant.</summary>
    private readonly record struct Snapshot(long At, long Deliveries, long Sends, double Cpu, double ClientCpu, RuntimeCounters Counters)
    {
        public static Snapshot Take(ServerNodes nodes, LoadLoop loop) => new(
            Stopwatch.GetTimestamp(), loop.Deliveries, loop.Book.Count, nodes.CpuSeconds, ProcessMeter.CpuSeconds(Environment.ProcessId), nodes.Counters);

        public Figures Since(Snapshot start)
        {
            double seconds = Stopwatch.GetElapsedTime(start.At, At).TotalSeconds;
            double deliveries = Deliveries - start.Deliveries;
            double sends = Sends - start.Sends;
            double cpu = Cpu - start.Cpu;
            return new Figures
            {
                [Figure.DeliveriesPerSecond] = deliveries / seconds,
                [Figure.SendsPerSecond] = sends / seconds,
                [Figure.CpuUsPerDelivery] = cpu * 1e6 / deliveries,
                [Figure.CpuUsPerSend] = cpu * 1e6 / sends,
                [Figure.CpuShare] = cpu * 100 / seconds,
                [Figure.AllocatedKbPerSend] = (Counters.AllocatedBytes - start.Counters.AllocatedBytes) / 1024.0 / sends,
                [Figure.Gen0PerSecond] = (Counters.Gen0 - start.Counters.Gen0) / seconds,
                [Figure.GcPauseShare] = (Counters.PauseMs - start.Counters.PauseMs) / 10 / seconds,
                [Figure.ClientCpuShare] = (ClientCpu - start.ClientCpu) * 100 / seconds,
            };
        }
    }
}
