using System.Diagnostics;
using System.Globalization;
using Monstera.Bench.Load;
using Monstera.Bench.Measure;
using Monstera.Bench.Report;
using Monstera.Bench.Storage;
using Monstera.Bench.Subjects;
using Monstera.Data.Ids;

namespace Monstera.Bench.Scenarios;

/// <summary>A page of messages over REST, from a small room and from one with a thousand times as many: the newest page, and one from the middle.</summary>
internal sealed class HistoryScenario : IScenario
{
    private const int SmallMessages = 10_000;
    private const int PageItems = 50;
    private const int EventsBeforeMessages = 2;

    private static readonly Layout TwoRooms = new(2, 1);

    private static readonly Row[] Rows =
    [
        new("newestP50Ms", "newest page, p50", "ms", Target.RatioAtMost(1.2)),
        new("newestP99Ms", "p99", "ms", Target.RatioAtMost(1.2)),
        new("middleP50Ms", "page from the middle, p50", "ms", Target.RatioAtMost(1.2)),
        new("middleP99Ms", "p99", "ms", Target.RatioAtMost(1.2)),
    ];

    public string Name => "history";

    public string Title => "a page of 50 messages, from a small and from a large room";

    public async Task<ScenarioResult> Run(Session session)
    {
        int largeMessages = session.Options.HistoryMessages;
        string set = string.Create(CultureInfo.InvariantCulture, $"history-{largeMessages}");
        TenantId tenant = await Fill(session, set, largeMessages);

        List<Figures> large = [];
        List<Figures> small = [];
        for (int round = 1; round <= session.Options.Rounds; round++)
        {
            session.Tell($"round {round}: reading pages");
            await using ChildProcess process = await session.Monstera.StartOn(set);
            using RoomReader smallRoom = new(session.Monstera, process.Port, tenant, 0, SmallMessages);
            using RoomReader largeRoom = new(session.Monstera, process.Port, tenant, 1, largeMessages);

            // In turn, so that both see the same server at the same time. The first requests only warm up.
            int requests = session.Options.IsQuick ? 500 : 5_000;
            for (int i = -requests / 4; i < requests; i++)
            {
                smallRoom.ReadPages(isMeasured: i >= 0);
                largeRoom.ReadPages(isMeasured: i >= 0);
            }

            small.Add(smallRoom.Figures());
            large.Add(largeRoom.Figures());
        }

        IReadOnlyList<Row> rows = session.Options.IsPostgres ? [.. Rows.Select(row => row with { Target = Target.RatioAtMost(1.3) })] : Rows;
        return ScenarioResult.Of(
            Name, Title, $"{largeMessages:#,0} messages", $"{SmallMessages:#,0} messages", rows, Figures.Median(large), Figures.Median(small));
    }

    private static async Task<TenantId> Fill(Session session, string set, int largeMessages)
    {
        session.Tell("filling the rooms");
        using OpenData data = await session.Data.Open(set);
        Fixture fixture = await Fixture.Fill(data, TwoRooms, session.Time);
        DateTimeOffset now = session.Time.GetUtcNow();
        await HistoryFill.Fill(data, fixture.Tenant, Layout.RoomKey(0), fixture.Users[0], SmallMessages, now, session.Tell);
        await HistoryFill.Fill(data, fixture.Tenant, Layout.RoomKey(1), fixture.Users[1], largeMessages, now, session.Tell);
        return fixture.Tenant;
    }

    /// <summary>Somebody who reads one room, over one connection.</summary>
    private sealed class RoomReader(MonsteraSubject subject, int port, TenantId tenant, int room, int messages) : IDisposable
    {
        private readonly HttpReader _http = new(port, subject.Token(Layout.UserName(room), Layout.RoomKey(room)));
        private readonly string _path = $"/api/rooms/{DerivedIds.RoomOfKey(tenant, Layout.RoomKey(room))}/messages?limit={PageItems}";
        private readonly LatencyHistogram _newest = new();
        private readonly LatencyHistogram _middle = new();

        public void ReadPages(bool isMeasured)
        {
            long head = messages + EventsBeforeMessages;
            Read(_path, head, isMeasured ? _newest : null);
            Read($"{_path}&before={messages / 2}", (messages / 2) - 1, isMeasured ? _middle : null);
        }

        public void Dispose() => _http.Dispose();

        public Figures Figures() => new()
        {
            ["newestP50Ms"] = _newest.Milliseconds(50),
            ["newestP99Ms"] = _newest.Milliseconds(99),
            ["middleP50Ms"] = _middle.Milliseconds(50),
            ["middleP99Ms"] = _middle.Milliseconds(99),
        };

        /// <summary>The page is the 50 events that end with <paramref name="last"/>, in order, or the run is worth nothing.</summary>
        private void Read(string path, long last, LatencyHistogram? histogram)
        {
            long began = Stopwatch.GetTimestamp();
            ReadOnlySpan<byte> body = _http.Get(path);
            histogram?.Record(Stopwatch.GetTimestamp() - began);
            HistoryPage.Check(body, path, last, PageItems);
        }
    }
}
