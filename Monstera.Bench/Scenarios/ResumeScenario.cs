using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Storage;
using Monstera.Bench.Subjects;
using Monstera.Data.Rooms;

namespace Monstera.Bench.Scenarios;

/// <summary>
/// A crowd that comes back after a restart with 20 messages to catch up on, beside the same crowd that only connects to a server that was just started: 1. all connect;
/// 2. the server stops; 3. messages are written into the log; 4. it starts; 5. all resume from their cursors.
/// </summary>
internal sealed class ResumeScenario : IScenario
{
    private const int MissedPerRoom = 20;

    private static readonly Row[] Rows =
    [
        new(Figure.Seconds, "until all are complete", "s", Target.RatioAtMost(1.5)),
        new(Figure.CpuUsPerConnection, "CPU a connection", "µs"),
        new(Figure.ConnectP99Ms, "until complete, p99", "ms"),
        new(Figure.Messages, "missed messages, each checked at each client", ""),
    ];

    public string Name => "resume";

    public string Title => "clients resume after a restart, 20 missed messages each";

    public async Task<ScenarioResult> Run(Session session)
    {
        Layout layout = Crowd.LayoutOf(session.Options);
        List<Figures> resumed = [];
        List<Figures> plain = [];
        for (int round = 1; round <= session.Options.Rounds; round++)
        {
            session.Tell($"round {round}: plain connects");
            IReadOnlyList<Connection> before = await ConnectPlain(session.Monstera, layout, plain);
            session.Tell($"round {round}: resuming");
            resumed.Add(await Resume(session, layout, before));
        }

        return ScenarioResult.Of(Name, $"{layout.Clients:#,0} {Title}", "resume", "plain connect", Rows, Figures.Median(resumed), Figures.Median(plain));
    }

    private static async Task<IReadOnlyList<Connection>> ConnectPlain(MonsteraSubject subject, Layout layout, List<Figures> plain)
    {
        await using ChildProcess process = await subject.Start(layout);
        IReadOnlyList<Connection> clients = subject.Clients(layout);
        using LoadLoop loop = new(subject.Dialect, process.Port, clients, new MessageBook());
        plain.Add(Connect(process, loop, clients.Count));
        return clients;
    }

    private static async Task<Figures> Resume(Session session, Layout layout, IReadOnlyList<Connection> before)
    {
        IReadOnlyList<Connection> clients = session.Monstera.Clients(layout);
        MessageBook book = await WriteMissed(session, layout, clients);
        for (int i = 0; i < clients.Count; i++)
        {
            clients[i].Last = before[i].Last;
            clients[i].Epoch = before[i].Epoch;
        }

        await using ChildProcess process = await session.Monstera.StartAgain();
        using LoadLoop loop = new(session.Monstera.Dialect, process.Port, clients, book);
        Figures figures = Connect(process, loop, clients.Count);
        figures[Figure.Messages] = book.Count;
        loop.Drain(Crowd.Within);
        return figures;
    }

    private static Figures Connect(ChildProcess process, LoadLoop loop, int clients)
    {
        double cpuBefore = process.CpuSeconds;
        TimeSpan time = loop.ConnectAll(Crowd.ConnectAtOnce, Crowd.Within);
        return new Figures
        {
            [Figure.Seconds] = time.TotalSeconds,
            [Figure.CpuUsPerConnection] = (process.CpuSeconds - cpuBefore) * 1e6 / clients,
            [Figure.ConnectP99Ms] = loop.ConnectLatency.Milliseconds(99),
        };
    }

    /// <summary>What was said while everybody was away: by the first member of each room, acknowledged by the storage.</summary>
    private static async Task<MessageBook> WriteMissed(Session session, Layout layout, IReadOnlyList<Connection> clients)
    {
        Fixture fixture = session.Monstera.FixtureOf(layout);
        MessageBook book = new();
        using OpenData data = await session.Monstera.OpenData();
        foreach (Connection first in clients.Where(client => client.Seat == 0))
        {
            List<Draft> drafts = [];
            int firstNumber = book.Count;
            for (int i = 1; i <= MissedPerRoom; i++)
            {
                int number = book.Add(first.Index, i, layout.MembersPerRoom, sentAt: 0);
                drafts.Add(OpenData.Draft(fixture.Tenant, first.Room.Key, fixture.Users[first.Index], number));
            }

            IReadOnlyList<AppendOutcome> outcomes = await data.Rooms.Append(drafts, session.Time.GetUtcNow(), CancellationToken.None);
            for (int i = 0; i < outcomes.Count; i++)
            {
                BenchFailedException.ThrowIf(outcomes[i].Refusal is not null, $"a missed message was refused: {outcomes[i].Refusal?.Message}");
                book.Acknowledge(firstNumber + i, outcomes[i].Seq);
            }
        }

        return book;
    }
}
