using System.Globalization;
using Monstera.Bench.Load;
using Monstera.Bench.Subjects;
using Spectre.Console;

namespace Monstera.Bench.Commands;

/// <summary>How much the load generator itself can take: 200 clients of a server that does nothing but write prepared frames to them.</summary>
internal static class CeilingCommand
{
    private const int Clients = 200;

    public static async Task<int> Run(string? serverCores, string? clientCores, TimeSpan time, CancellationToken cancel)
    {
        if (Nonsense.InMachine(serverCores) is { } missing)
        {
            throw new BenchFailedException(missing);
        }

        if (clientCores is not null)
        {
            Cores.Pin(clientCores);
        }

        Table table = new Table().RoundedBorder().Title("what the load generator can take");
        table.AddColumn("events in a frame");
        table.AddColumn(new TableColumn("deliveries/s").RightAligned());
        table.AddColumn(new TableColumn("its own CPU a delivery (µs)").RightAligned());
        foreach (int eventsPerFrame in (int[])[1, 8, 64, 128])
        {
            await using ChildProcess firehose = await ChildProcess.Start(
                typeof(CeilingCommand).Assembly.Location,
                ["firehose", "--events", eventsPerFrame.ToString(CultureInfo.InvariantCulture)],
                new Dictionary<string, string>(StringComparer.Ordinal),
                serverCores,
                cancel);
            (double perSecond, double cpu) = Measure(firehose.Port, time);
            table.AddRow(
                eventsPerFrame.ToString(CultureInfo.InvariantCulture),
                perSecond.ToString("#,0", CultureInfo.InvariantCulture),
                cpu.ToString("0.000", CultureInfo.InvariantCulture));
        }

        AnsiConsole.Write(table);
        return 0;
    }

    private static (double PerSecond, double CpuUs) Measure(int port, TimeSpan time)
    {
        Room room = new("ceiling", Firehose.RoomId);
        Connection[] clients = [.. Enumerable.Range(0, Clients).Select(i => new Connection(i, room, token: ""))];
        MessageBook book = new();
        for (int number = 0; number < Firehose.MessagesMax; number++)
        {
            book.Add(sender: 0, number + 1, Clients, sentAt: 0);
        }

        using LoadLoop loop = new(new MonsteraDialect(), port, clients, book);
        loop.ConnectAll(Clients, TimeSpan.FromSeconds(30));
        loop.RunFor(time / 4);
        loop.OpenWindow();
        long before = loop.Deliveries;
        double cpuBefore = Bench.Measure.ProcessMeter.CpuSeconds(Environment.ProcessId);
        loop.RunFor(time);
        double deliveries = loop.Deliveries - before;
        return (deliveries / time.TotalSeconds, (Bench.Measure.ProcessMeter.CpuSeconds(Environment.ProcessId) - cpuBefore) * 1e6 / deliveries);
    }
}
