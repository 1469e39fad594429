using FsCheck;
using FsCheck.Fluent;
using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Rooms;

namespace Monstera.Tests.Data.Archive;

/// <summary>Holds every <see cref="IRoomArchive"/> to its contract, each with itself and with the other provider: a copy is the same log, projected again.</summary>
public abstract partial class RoomArchiveContract : IDisposable
{
    private const int StepsMax = 24;

    // Few where each call is a way to another process and back.
    private const int HistoriesSlow = 15, HistoriesQuick = 60;

    private readonly Lazy<ArchiveUnderTest> _from;
    private readonly Lazy<ArchiveUnderTest> _same;
    private readonly Lazy<ArchiveUnderTest> _other;

    protected RoomArchiveContract()
    {
        _from = new Lazy<ArchiveUnderTest>(Open);
        _same = new Lazy<ArchiveUnderTest>(Open);
        _other = new Lazy<ArchiveUnderTest>(OpenOther);
    }

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected ArchiveUnderTest From => _from.Value;

    protected abstract ArchiveUnderTest Open();

    /// <summary>Of another provider.</summary>
    protected abstract ArchiveUnderTest OpenOther();

    protected ArchiveUnderTest To(bool sameProvider) => sameProvider ? _same.Value : _other.Value;

    public void Dispose()
    {
        foreach (Lazy<ArchiveUnderTest> storage in new[] { _from, _same, _other }.Where(storage => storage.IsValueCreated))
        {
            storage.Value.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Random_histories_are_copied_as_they_are(bool sameProvider)
    {
        string seed = Environment.GetEnvironmentVariable("MONSTERA_SEED") ?? "20261121,9";
        ulong[] parts = [.. seed.Split(',').Select(ulong.Parse)];
        Config config = Config.QuickThrowOnFailure
            .WithMaxTest(From is SqliteArchiveUnderTest && sameProvider ? HistoriesQuick : HistoriesSlow)
            .WithStartSize(5).WithEndSize(StepsMax)
            .WithReplay(new Replay(new Rnd(parts[0], parts[1] | 1), Microsoft.FSharp.Core.FSharpOption<int>.None));
        Arbitrary<RoomStep[]> histories = Arb.From(RoomSteps.Step.ArrayOf(), RoomStoreModelContract.Shrink);
        Prop.ForAll(histories, (RoomStep[] steps) => CopyHistory(From, To(sameProvider), steps)).Check(config);
    }

    /// <summary>
    /// 1. The first two thirds happen, and are copied now and then, by and by. 2. The rest is copied, and nothing tells the copy from its source. 3. What clients sent before is recognised by the
    /// copy. 4. Both go on alike. 5. Nothing is left of what is removed.
    /// </summary>
    private static void CopyHistory(ArchiveUnderTest from, ArchiveUnderTest to, RoomStep[] steps)
    {
        Empty(from);
        Empty(to);
        var random = new Random(steps.Length == 0 ? 0 : steps[0].Probe);
        var copier = new RandomCopier(from.Archive, to.Archive, random);

        // 1.
        int until = steps.Length * 2 / 3;
        foreach (RoomStep step in steps[..until])
        {
            Wait(from.Storage.Rooms.Append(step.Drafts, step.At, default));
            for (int passes = random.Next(0, 3); passes > 0; passes--)
            {
                copier.CopySome();
            }
        }

        // 2.
        copier.CopyAll();
        AssertSameDigests(from, to);
        var comparison = new StoreComparison(from.Storage.Rooms, to.Storage.Rooms, random);
        comparison.CompareAll();
        Assert.Empty(Wait(to.Storage.Rooms.Outboxes.Single().Read(10, default)));

        // 3.
        AssertRetriesAreRecognised(from, to);

        // 4.
        foreach (RoomStep step in steps[until..])
        {
            comparison.Append(step.Drafts, step.At);
        }

        AssertSameDigests(from, to);
        comparison.CompareAll();

        // 5.
        Empty(from);
        Assert.Equal(0, from.CountRows());
    }

    private static void AssertRetriesAreRecognised(ArchiveUnderTest from, ArchiveUnderTest to)
    {
        foreach (ArchivedRoom room in Rooms(from))
        {
            foreach (RoomEvent sent in Wait(from.Archive.ReadLog(room.Tenant, room.Id, 0, 1_000, int.MaxValue, default)).Where(e => e.ClientId is not null).TakeLast(5))
            {
                var retry = new SendMessage("again") { Tenant = room.Tenant, Room = room.Id, Sender = sent.Sender, ClientId = sent.ClientId };
                AppendOutcome outcome = Wait(to.Storage.Rooms.Append([retry], DateTimeOffset.UnixEpoch, default))[0];
                Assert.Equal((sent.Seq, sent.At, 0), (outcome.Seq, outcome.At, outcome.Events.Count));
            }
        }
    }

    protected static void AssertSameDigests(ArchiveUnderTest from, ArchiveUnderTest to)
    {
        IReadOnlyList<ArchivedRoom> rooms = Rooms(from);
        Assert.Equal(rooms, Rooms(to));
        foreach (ArchivedRoom room in rooms)
        {
            RoomDigest digest = Wait(from.Archive.Digest(room.Tenant, room.Id, default))!;
            Assert.Equal(digest, Wait(to.Archive.Digest(room.Tenant, room.Id, default)));
            Assert.Equal((room.Epoch, room.Head), (digest.Epoch, digest.Head));
        }
    }

    protected static IReadOnlyList<ArchivedRoom> Rooms(ArchiveUnderTest of) => Wait(of.Archive.ReadRooms(null, null, 10_000, default));

    protected static T Wait<T>(ValueTask<T> task) => RoomStoreModelContract.Wait(task);

    private static void Empty(ArchiveUnderTest storage)
    {
        foreach (IGrouping<TenantId, ArchivedRoom> ofTenant in Rooms(storage).GroupBy(room => room.Tenant))
        {
            storage.Archive.Remove(ofTenant.Key, [.. ofTenant.Select(room => room.Id)], default).AsTask().GetAwaiter().GetResult();
        }

        foreach (MembershipChange change in Wait(storage.Storage.Rooms.Outboxes.Single().Read(100_000, default)).TakeLast(1))
        {
            storage.Storage.Rooms.Outboxes.Single().Acknowledge(change.Id, default).AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Copies as somebody does who remembers badly how far he came: parts of any size, of several rooms at once, some of them twice.</summary>
    private sealed class RandomCopier(IRoomArchive from, IRoomArchive to, Random random)
    {
        private readonly Dictionary<RoomId, long> _heads = [];

        /// <summary>One call.</summary>
        /// <returns>Whether there was something new.</returns>
        public bool CopySome()
        {
            List<LogPart> parts = [];
            bool isNew = false;
            foreach (ArchivedRoom room in List())
            {
                for (int times = random.Next(1, 3); times > 0; times--)
                {
                    long head = _heads.GetValueOrDefault(room.Id);
                    long after = Math.Max(head - Math.Max(random.Next(-3, 6), 0), 0);
                    IReadOnlyList<RoomEvent> events = Wait(from.ReadLog(room.Tenant, room.Id, after, random.Next(1, 30), random.Next(0, 5_000), default));
                    parts.Add(new LogPart(room.Id, room.Tenant, room.Epoch, events));
                    if (events.Count > 0 && events[^1].Seq > head)
                    {
                        _heads[room.Id] = events[^1].Seq;
                        isNew = true;
                    }
                }
            }

            to.Write(parts, default).AsTask().GetAwaiter().GetResult();
            return isNew;
        }

        public void CopyAll()
        {
            while (CopySome() || List().Any(room => room.Head > _heads.GetValueOrDefault(room.Id)))
            {
            }
        }

        private List<ArchivedRoom> List()
        {
            List<ArchivedRoom> rooms = [];
            int limit = random.Next(1, 4);
            for (IReadOnlyList<ArchivedRoom> page = [new(default, default, 0, 0)]; page.Count > 0;)
            {
                page = Wait(from.ReadRooms(null, rooms.Count == 0 ? null : rooms[^1].Id, limit, default));
                rooms.AddRange(page);
            }

            return rooms;
        }
    }
}
