using System.Diagnostics.Metrics;
using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Sqlite;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Sharding;

/// <summary>When a replica's page is believed, and what its troubles cost: with replicas that say and do what the test wants.</summary>
public sealed class ReplicatedRoomStoreRuleTests : IDisposable
{
    private static readonly ReplicaPatience Patience = new();

    private readonly SqliteStorage _storage = new();
    private readonly FakeTime _time = new();
    private readonly Meter _meter = new(StorageMeter.Name);
    private readonly HistoryReads _reads;
    private int _asked;

    public ReplicatedRoomStoreRuleTests() => _reads = new HistoryReads(_meter, 7);

    public void Dispose()
    {
        _storage.Dispose();
        _meter.Dispose();
    }

    [Theory]
    [InlineData(1, 3, HistorySource.Replica)]
    [InlineData(1, 2, HistorySource.Behind)]
    [InlineData(1, 4, HistorySource.Ahead)]
    [InlineData(2, 3, HistorySource.Behind)]
    [InlineData(2, 4, HistorySource.Behind)]
    public async Task A_page_counts_when_the_primarys_log_stands_where_its_own_does(long epoch, long head, HistorySource source)
    {
        ReplicatedRoomStore store = await Store(_ => ValueTask.FromResult<TimelinePage?>(Marked(epoch, head)));
        await Check(store, source);
    }

    /// <summary>A message came between the two questions, and the primary has it when it is asked again.</summary>
    [Fact]
    public async Task A_page_that_is_ahead_counts_when_the_primary_follows()
    {
        await _storage.Rooms.Do(Create(Room(1)));
        int heads = 0;
        GatedRoomStore primary = new(_storage.Rooms)
        {
            BeforeReadHeads = async () =>
            {
                if (++heads == 2)
                {
                    await _storage.Rooms.Do(Send(Room(1), "a"));
                }
            },
        };
        ReplicatedRoomStore store = new(primary, Replica(_ => ValueTask.FromResult<TimelinePage?>(Marked(1, 3))), Patience, _reads, _time);
        await Check(store, HistorySource.Replica);
        Assert.Equal(2, heads);
    }

    /// <summary>Between the two questions the primary was restored from a backup, and has as many events again.</summary>
    [Fact]
    public async Task A_page_that_is_ahead_does_not_count_when_the_primary_has_another_epoch_by_then()
    {
        await _storage.Rooms.Do(Create(Room(1)));
        await _storage.Rooms.Do(Send(Room(1), "a"));
        int heads = 0;
        GatedRoomStore primary = new(_storage.Rooms) { ChangeHead = head => ++heads == 1 ? head with { Head = 2 } : head with { Epoch = 2 } };
        ReplicatedRoomStore store = new(primary, Replica(_ => ValueTask.FromResult<TimelinePage?>(Marked(1, 3))), Patience, _reads, _time);
        await Check(store, HistorySource.Ahead);
        Assert.Equal(2, heads);
    }

    [Fact]
    public async Task A_null_is_never_believed()
    {
        ReplicatedRoomStore store = await Store(_ => ValueTask.FromResult<TimelinePage?>(null));
        await Check(store, HistorySource.Unknown);
        await Check(store, HistorySource.Unknown, times: 2);
    }

    [Fact]
    public async Task Who_is_no_member_any_more_is_told_so_by_the_primary()
    {
        ReplicatedRoomStore store = await Store(_ => ValueTask.FromResult<TimelinePage?>(Marked(1, 3)));
        await _storage.Rooms.Do(new AddMember(Bob, RoomRole.Owner) { Tenant = Tenant, Room = Room(1), Sender = Ann });
        await _storage.Rooms.Do(new RemoveMember(Ann) { Tenant = Tenant, Room = Room(1), Sender = Bob });
        Assert.Null(await Read(store));
        Assert.Equal(1, _reads.Of(HistorySource.Behind));
    }

    [Fact]
    public async Task A_room_that_the_primary_does_not_have_is_not_there()
    {
        ReplicatedRoomStore store = await Store(_ => ValueTask.FromResult<TimelinePage?>(Marked(1, 3)));
        Assert.Null(await store.ReadTimeline(Tenant, Room(2), Ann, new TimelineQuery.Newest(), 10, Cancel));
        Assert.Null(await store.ReadTimeline(OtherTenant, Room(1), Ann, new TimelineQuery.Newest(), 10, Cancel));
        Assert.Equal(2, _reads.Of(HistorySource.Unknown));
    }

    [Fact]
    public async Task A_failed_replica_is_left_alone_for_a_while_and_then_tried_once()
    {
        bool isBroken = true;
        ReplicatedRoomStore store = await Store(_ => isBroken ? throw new StorageUnavailableException("away") : ValueTask.FromResult<TimelinePage?>(Marked(1, 3)));
        await Check(store, HistorySource.Failed);
        await Check(store, HistorySource.Resting);
        _time.Advance(Patience.Rest - TimeSpan.FromMilliseconds(1));
        await Check(store, HistorySource.Resting, times: 2);
        Assert.Equal(1, _asked);

        _time.AdvanceMs(1);
        await Check(store, HistorySource.Failed, times: 2);
        await Check(store, HistorySource.Resting, times: 3);
        Assert.Equal(2, _asked);

        isBroken = false;
        _time.Advance(Patience.Rest);
        await Check(store, HistorySource.Replica);
        await Check(store, HistorySource.Replica, times: 2);
    }

    [Fact]
    public async Task While_one_tries_the_others_do_not_wait()
    {
        Gate gate = new();
        ReplicatedRoomStore store = await Store(async _ =>
        {
            if (_asked == 1)
            {
                throw new InvalidOperationException("anything");
            }

            await gate.Pass();
            return Marked(1, 3);
        });
        await Check(store, HistorySource.Failed);
        _time.Advance(Patience.Rest);
        Task<TimelinePage?> probe = Read(store);
        await gate.Reached;
        await Check(store, HistorySource.Resting);
        gate.Open();
        Assert.True(IsMarked(await probe));
        await Check(store, HistorySource.Replica, times: 2);
    }

    [Fact]
    public async Task A_replica_that_does_not_answer_is_waited_for_a_moment_and_given_up()
    {
        TaskCompletionSource<TimelinePage?> never = new();
        CancellationToken given = default;
        ReplicatedRoomStore store = await Store(cancel =>
        {
            given = cancel;
            return new ValueTask<TimelinePage?>(never.Task);
        });
        Task<TimelinePage?> read = Read(store);
        await Signal.Poll(() => _time.Waiting == 1, "the store waits");
        _time.Advance(Patience.Beyond - TimeSpan.FromMilliseconds(1));
        Assert.False(read.IsCompleted);
        Assert.False(given.IsCancellationRequested);
        _time.AdvanceMs(1);
        Assert.False(IsMarked(await read.WaitAsync(Signal.Patience, TimeProvider.System)));
        Assert.True(given.IsCancellationRequested);
        Assert.Equal(1, _reads.Of(HistorySource.Slow));
        await Check(store, HistorySource.Resting);
        never.SetException(new StorageUnavailableException("long after"));
    }

    [Fact]
    public async Task Who_gives_up_says_nothing_about_the_replica()
    {
        TaskCompletionSource<TimelinePage?> never = new();
        ReplicatedRoomStore store = await Store(_ => _asked == 1 ? new ValueTask<TimelinePage?>(never.Task) : ValueTask.FromResult<TimelinePage?>(Marked(1, 3)));
        using CancellationTokenSource cancel = new();
        Task<TimelinePage?> read = Read(store, cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        await Check(store, HistorySource.Replica);
    }

    [Fact]
    public async Task A_slot_that_has_not_come_to_the_replica_yet_is_no_failure()
    {
        ReplicatedRoomStore store = await Store(_ => throw new RoomMovedException([Slot.Of(Room(1))]));
        await Check(store, HistorySource.Behind);
        await Check(store, HistorySource.Behind, times: 2);
    }

    [Fact]
    public async Task A_call_that_makes_no_sense_is_refused_and_no_failure()
    {
        ReplicatedRoomStore store = await Store(cancel => _storage.Rooms.ReadTimeline(Tenant, Room(1), Ann, new TimelineQuery.Newest(), 0, cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await store.ReadTimeline(Tenant, Room(1), Ann, new TimelineQuery.Newest(), 0, Cancel));
        await Check(store, HistorySource.Unknown, times: 2);
    }

    [Fact]
    public async Task What_the_primary_throws_passes_through()
    {
        await _storage.Rooms.Do(Create(Room(1)));
        ReplicatedRoomStore store = new(
            new GatedRoomStore(_storage.Rooms) { BeforeReadHeads = () => throw new RoomMovedException([5]) }, Replica(_ => ValueTask.FromResult<TimelinePage?>(Marked(1, 2))), Patience, _reads, _time);
        await Assert.ThrowsAsync<RoomMovedException>(() => Read(store));
    }

    [Fact]
    public async Task Reads_are_counted_by_who_answered_and_why()
    {
        List<string> counted = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter == _meter)
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, by, tags, _) => counted.Add($"{instrument.Name} {by} {string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}"));
        listener.Start();
        ReplicatedRoomStore store = await Store(_ => _asked == 1 ? ValueTask.FromResult<TimelinePage?>(Marked(1, 3)) : throw new StorageUnavailableException("away"));
        await Check(store, HistorySource.Replica);
        await Check(store, HistorySource.Failed);
        await Check(store, HistorySource.Resting);
        Assert.Equal(
            [
                "db_history_reads 1 shard=7 source=replica reason=current",
                "db_history_reads 1 shard=7 source=primary reason=failed",
                "db_history_reads 1 shard=7 source=primary reason=resting",
            ],
            counted);
    }

    /// <summary>A room whose log stands at 3.</summary>
    private async Task<ReplicatedRoomStore> Store(Func<CancellationToken, ValueTask<TimelinePage?>> replica)
    {
        await _storage.Rooms.Do(Create(Room(1)));
        await _storage.Rooms.Do(Send(Room(1), "a"));
        return new ReplicatedRoomStore(_storage.Rooms, Replica(replica), Patience, _reads, _time);
    }

    private ReplicaRead Replica(Func<CancellationToken, ValueTask<TimelinePage?>> read) => (_, _, _, _, _, cancel) =>
    {
        _asked++;
        return read(cancel);
    };

    private async Task Check(ReplicatedRoomStore store, HistorySource source, int times = 1)
    {
        Assert.Equal(source == HistorySource.Replica, IsMarked(await Read(store).WaitAsync(Signal.Patience, TimeProvider.System)));
        Assert.Equal(times, _reads.Of(source));
    }

    private static Task<TimelinePage?> Read(ReplicatedRoomStore store, CancellationToken? cancel = null) =>
        store.ReadTimeline(Tenant, Room(1), Ann, new TimelineQuery.Newest(), 10, cancel ?? Cancel).AsTask();

    /// <summary>No page that a primary would give.</summary>
    private static TimelinePage Marked(long epoch, long head) => new(epoch, head, [], Before: 4_711, After: null);

    private static bool IsMarked(TimelinePage? page) => page?.Before == 4_711;
}
