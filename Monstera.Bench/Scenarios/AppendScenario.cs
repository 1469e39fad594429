using System.Diagnostics;
using System.Globalization;
using Monstera.Bench.Load;
using Monstera.Bench.Measure;
using Monstera.Bench.Report;
using Monstera.Bench.Storage;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;

namespace Monstera.Bench.Scenarios;

/// <summary>
/// What the storage takes without the server: messages into 200 rooms, in whole batches as a busy server's writer makes them, one lane for each shard; into several shards beside
/// a single one.
/// </summary>
internal sealed class AppendScenario : IScenario
{
    private const int RoomCount = 200;
    private const int BatchMax = 1_024;
    private const int TextLength = 120;

    /// <summary>Before anything counts: statements are prepared and the code is compiled.</summary>
    private const int WarmUpBatches = 8;

    private const int EventsBeforeMessages = 2;
    private const string RowsPerSecond = "rowsPerSecond";
    private const string BatchP50Ms = "batchP50Ms";
    private const string BatchP99Ms = "batchP99Ms";

    private static readonly TenantId Tenant = new(Guid.Parse("0190a000-0000-7000-8000-000000000001"));
    private static readonly UserId Sender = new(Guid.Parse("0190a000-0000-7000-8000-000000000002"));

    private static readonly Row[] Rows =
    [
        new(RowsPerSecond, "rows", "1/s"),
        new(Figure.Seconds, "until all are stored", "s"),
        new(BatchP50Ms, "a batch, p50", "ms"),
        new(BatchP99Ms, "p99", "ms"),
        new(Figure.ClientCpuShare, "this program's own CPU", "%"),
        new(Figure.Messages, "messages, all of them checked", ""),
    ];

    public string Name => "append";

    public string Title => "messages of 120 bytes into 200 rooms, without a server";

    public bool NeedsPostgres => true;

    public async Task<ScenarioResult> Run(Session session)
    {
        int messages = session.Options.AppendMessages;
        int shards = session.Options.Shards > 1 ? session.Options.Shards : 3;
        var sets = (PostgresDataSets)session.Data;
        List<Figures> many = [];
        List<Figures> one = [];
        for (int round = 1; round <= session.Options.Rounds; round++)
        {
            one.Add(await Measure(sets, 1, messages, session));
            many.Add(await Measure(sets, shards, messages, session));
        }

        return ScenarioResult.Of(
            Name, $"{messages:#,0} {Title}", $"{shards} shards", "1 shard", Rows, Figures.Median(many), Figures.Median(one));
    }

    private static async Task<Figures> Measure(PostgresDataSets sets, int shards, int messages, Session session)
    {
        string set = string.Create(CultureInfo.InvariantCulture, $"append-{shards}");
        IReadOnlyList<PostgresDatabase> databases = await sets.MakeShards(set, shards);
        try
        {
            Lane[] lanes = [.. databases.Select((database, shard) => new Lane(database, shard, shards, session.Time))];
            await Task.WhenAll(lanes.Select(lane => lane.Open()));
            int each = messages / RoomCount;
            double cpuBefore = ProcessMeter.CpuSeconds(Environment.ProcessId);
            long began = Stopwatch.GetTimestamp();
            await Task.WhenAll(lanes.Select(lane => Task.Run(() => lane.Fill(each, () => session.Tell(shards == 1 ? "filling 1 shard" : $"filling {shards} shards")))));
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            double cpu = ProcessMeter.CpuSeconds(Environment.ProcessId) - cpuBefore;
            foreach (Lane lane in lanes)
            {
                await lane.Check(each);
            }

            LatencyHistogram batches = new();
            Array.ForEach(lanes, lane => batches.Add(lane.Batches));
            return new Figures
            {
                [RowsPerSecond] = each * RoomCount / seconds,
                [Figure.Seconds] = seconds,
                [BatchP50Ms] = batches.Milliseconds(50),
                [BatchP99Ms] = batches.Milliseconds(99),
                [Figure.ClientCpuShare] = cpu * 100 / seconds,
                [Figure.Messages] = each * RoomCount,
            };
        }
        finally
        {
            foreach (PostgresDatabase database in databases)
            {
                database.Dispose();
            }

            await sets.Remove(set);
        }
    }

    /// <summary>The rooms of one shard, and who writes them.</summary>
    private sealed class Lane
    {
        private readonly PostgresRoomStore _store;
        private readonly RoomId[] _rooms;
        private readonly TimeProvider _time;
        private int _sent;

        public Lane(PostgresDatabase database, int shard, int shards, TimeProvider time)
        {
            _store = new PostgresRoomStore(database, slot => PostgresDataSets.OwnerOf(slot, shards).Epoch);
            _time = time;
            _rooms = [.. Enumerable.Range(0, RoomCount).Select(RoomOf).Where(room => PostgresDataSets.OwnerOf(Slot.Of(room), shards).Shard == shard)];
        }

        public LatencyHistogram Batches { get; } = new();

        /// <summary>Makes the rooms, and writes into one more that does not count.</summary>
        public async Task Open()
        {
            if (_rooms.Length == 0)
            {
                return;
            }

            await Append([.. _rooms.Select((room, i) => new AdmitMember($"{i}") { Tenant = Tenant, Room = room, Sender = Sender })]);
            for (int batch = 0; batch < WarmUpBatches; batch++)
            {
                await Append([.. Enumerable.Range(0, BatchMax).Select(_ => Next())]);
            }
        }

        /// <summary>So many messages into each room, one after another through all rooms.</summary>
        public async Task Fill(int each, Action tell)
        {
            for (int left = each * _rooms.Length; left > 0; left -= BatchMax)
            {
                tell();
                var drafts = new Draft[Math.Min(BatchMax, left)];
                for (int i = 0; i < drafts.Length; i++)
                {
                    drafts[i] = Next();
                }

                long began = Stopwatch.GetTimestamp();
                await Append(drafts);
                Batches.Record(Stopwatch.GetTimestamp() - began);
            }
        }

        /// <summary>Every room's log ends where it should.</summary>
        public async Task Check(int each)
        {
            long heads = 0;
            foreach (RoomId room in _rooms)
            {
                RoomInfo? found = await _store.FindRoom(Tenant, room, CancellationToken.None);
                heads += (found?.Head ?? 0) - EventsBeforeMessages;
                BenchFailedException.ThrowIf(found is null || found.Head - EventsBeforeMessages < each, $"room {room} ends at {found?.Head}, with {each} messages and more sent into it");
            }

            BenchFailedException.ThrowIf(heads != _sent, $"{_sent} messages were sent, and {heads} are there");
        }

        private static RoomId RoomOf(int number) => DerivedIds.RoomOfKey(Tenant, $"append-{number}");

        private SendMessage Next()
        {
            RoomId room = _rooms[_sent % _rooms.Length];
            (Guid clientId, string text) = MessageText.Of(_sent++);
            return new SendMessage(text.PadRight(TextLength, '.')) { Tenant = Tenant, Room = room, Sender = Sender, ClientId = new ClientId(clientId) };
        }

        private async Task Append(Draft[] drafts)
        {
            foreach (AppendOutcome outcome in await _store.Append(drafts, _time.GetUtcNow(), CancellationToken.None))
            {
                BenchFailedException.ThrowIf(outcome.Refusal is not null, $"a message was refused: {outcome.Refusal?.Message}");
            }
        }
    }
}
