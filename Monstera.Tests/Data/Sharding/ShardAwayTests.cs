using System.Globalization;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Sharding;

/// <summary>One shard does not answer; the others do.</summary>
public sealed class ShardAwayTests : IDisposable
{
    private static readonly RoomId[] Rooms = [.. Enumerable.Range(0, ThreeShards.Count).Select(shard => ThreeShards.RoomIn(shard))];

    private readonly ThreeShards _shards = new();
    private readonly FakeTime _time = new();
    private readonly HashSet<int> _away = [];
    private int _opened;

    public void Dispose() => _shards.Dispose();

    [Fact]
    public async Task What_spans_rooms_says_what_is_missing_and_the_rest_is_answered()
    {
        ShardedRoomStore store = await Open(2);
        ReadMarker[] markers = [.. Rooms.Select(room => new ReadMarker(room, 0))];

        Gathered<RoomHead> heads = await store.ReadHeads(Tenant, Rooms, Cancel);
        Assert.Equal(Rooms.Take(2).ToHashSet(), heads.Items.Select(head => head.Room).ToHashSet());
        Assert.Equal([Rooms[2]], heads.Missing);
        Gathered<RoomSummary> summaries = await store.Summarize(Tenant, Ann, markers, Cancel);
        Assert.Equal(Rooms.Take(2), summaries.Items.Select(summary => summary.Room.Id));
        Assert.Equal([Rooms[2]], summaries.Missing);
        PublicRoomPage page = await store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel);
        Assert.Equal((2, true), (page.Items.Count, page.Incomplete));
        Assert.NotNull(await store.FindRoom(Tenant, Rooms[1], Cancel));
        Assert.Equal(3, (await store.Do(Send(Rooms[1], "a"))).Seq);
        Assert.Empty(await store.Outboxes[1].Read(10, Cancel));

        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.FindRoom(Tenant, Rooms[2], Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => store.Do(Send(Rooms[2], "a")));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.Outboxes[2].Read(10, Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.ReadHeads(Tenant, [Rooms[2]], Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.Append([Send(Rooms[0], "b"), Send(Rooms[2], "b")], Now, Cancel));
        Assert.NotNull(store.FailureOf(2));
        Assert.Null(store.FailureOf(1));
    }

    [Fact]
    public async Task When_nobody_answers_it_is_unavailable()
    {
        ShardedRoomStore store = await Open(0, 1, 2);
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.ReadHeads(Tenant, Rooms, Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.Summarize(Tenant, Ann, [new ReadMarker(Rooms[0], 0)], Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel));
        Assert.Empty((await store.ReadHeads(Tenant, [], Cancel)).Items);
    }

    /// <summary>After a failure nobody tries for a second, and then one does.</summary>
    [Fact]
    public async Task A_shard_that_is_away_is_left_alone_and_tried_again_by_one_until_it_is_back()
    {
        ShardedRoomStore store = await Open(2);
        Assert.Equal(1, _opened);
        for (int round = 2; round <= 4; round++)
        {
            for (int i = 0; i < 10; i++)
            {
                await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.FindRoom(Tenant, Rooms[2], Cancel));
            }

            Assert.Equal(round - 1, _opened);
            _time.AdvanceMs(1_000);
            await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.FindRoom(Tenant, Rooms[2], Cancel));
            Assert.Equal(round, _opened);
        }

        _away.Clear();
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.FindRoom(Tenant, Rooms[2], Cancel));
        _time.AdvanceMs(1_000);
        Assert.Equal(2, (await store.FindRoom(Tenant, Rooms[2], Cancel))!.Head);
        Assert.Null(store.FailureOf(2));
        Assert.Empty((await store.ReadHeads(Tenant, Rooms, Cancel)).Missing);
    }

    [Fact]
    public async Task While_one_finds_out_whether_a_shard_is_back_the_others_fail_at_once()
    {
        Gate gate = new();
        bool hangs = false;
        ShardedRoomStore store = await _shards.OpenNode(
            open: (shard, epochOf) => new GatedRoomStore(_shards.OpenShard(shard, epochOf))
            {
                AfterReadAfter = async _ =>
                {
                    if (hangs)
                    {
                        await gate.Pass();
                        throw new StorageUnavailableException("Cut.") { IsAway = true };
                    }
                },
            },
            time: _time);
        await store.Append([.. Rooms.Select(room => Create(room))], Now, Cancel);
        hangs = true;
        Task first = Read();
        await gate.Reached;
        gate.Open();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => first);

        gate = new Gate();
        _time.AdvanceMs(1_000);
        Task probe = Read();
        await gate.Reached;
        for (int i = 0; i < 5; i++)
        {
            StorageUnavailableException e = await Assert.ThrowsAsync<StorageUnavailableException>(Read);
            Assert.Contains("left alone", e.Message, StringComparison.Ordinal);
        }

        Assert.False(probe.IsCompleted);
        gate.Open();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => probe);
        hangs = false;
        _time.AdvanceMs(1_000);
        await Read();

        async Task Read() => Assert.NotNull(await store.ReadAfter(Tenant, Rooms[1], null, 0, 10, 1_000, Cancel));
    }

    /// <summary>The others' answer does not wait for the timeouts of the one that hangs.</summary>
    [Fact]
    public async Task A_shard_that_hangs_is_missing_after_a_bounded_time()
    {
        Gate gate = new();
        ShardedRoomStore store = await _shards.OpenNode(
            open: (shard, epochOf) => new GatedRoomStore(_shards.OpenShard(shard, epochOf)) { BeforeReadHeads = shard == 1 ? gate.Pass : null }, time: _time);
        await store.Append([.. Rooms.Select(room => Create(room))], Now, Cancel);
        Task<Gathered<RoomHead>> heads = store.ReadHeads(Tenant, Rooms, Cancel).AsTask();
        await gate.Reached;
        await Signal.Poll(() => _time.Waiting == 1, "the other shards to have answered");
        _time.AdvanceMs(3_000);
        Assert.Equal([Rooms[1]], (await heads).Missing);
        gate.Open();
    }

    [Fact]
    public async Task A_shard_that_must_not_be_used_stops_the_start_unless_it_has_no_slots()
    {
        await Assert.ThrowsAsync<StorageRefusedException>(() => _shards.OpenNode(open: RefusedIs(1), time: _time));
        ShardedRoomStore store = await _shards.OpenNode(open: RefusedIs(3), time: _time, shards: 4);
        Assert.NotNull(store.FailureOf(3));
        Assert.False((await store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel)).Incomplete);

        Func<int, Func<short, long>, IRoomStore> RefusedIs(int refused) =>
            (shard, epochOf) => shard == refused ? throw new StorageRefusedException("Of another installation.") : _shards.OpenShard(shard, epochOf);
    }

    [Fact]
    public async Task Rooms_of_a_shard_that_is_not_configured_are_unavailable_and_others_are_not()
    {
        await _shards.Store.Append([.. Rooms.Select(room => Create(room))], Now, Cancel);
        ShardedRoomStore store = await _shards.OpenNode(time: _time, shards: 2);
        Assert.Equal([2], store.UnknownShards);
        Assert.Equal([Rooms[2]], (await store.ReadHeads(Tenant, Rooms, Cancel)).Missing);
        Assert.True((await store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel)).Incomplete);
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.FindRoom(Tenant, Rooms[2], Cancel));
        Assert.InRange(store.PartitionOf(Rooms[2]), 0, 1);
        Assert.Equal([Slot.Of(Rooms[2])], (await Assert.ThrowsAsync<RoomMovedException>(() => store.Do(Send(Rooms[2], "a")))).Slots);
        Assert.Equal(3, (await store.Do(Send(Rooms[0], "a"))).Seq);
    }

    /// <summary>These shards are away: the others have a room each.</summary>
    private async Task<ShardedRoomStore> Open(params int[] away)
    {
        await _shards.Store.Append([.. Rooms.Select(room => Create(room))], Now, Cancel);
        for (int shard = 0; shard < ThreeShards.Count; shard++)
        {
            IReadOnlyList<MembershipChange> changes = await _shards.Store.Outboxes[shard].Read(10, Cancel);
            await _shards.Store.Outboxes[shard].Acknowledge(changes[^1].Id, Cancel);
        }

        _away.UnionWith(away);
        string nobody = string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={PostgresTools.FreePort()};Username=a;Database=b");
        return await _shards.OpenNode(
            open: (shard, epochOf) =>
            {
                _opened += shard == 2 ? 1 : 0;
                return _away.Contains(shard)
                    ? new PostgresRoomStore(PostgresDatabase.Open(new PostgresOptions { ConnectionString = nobody }, PostgresParts.Rooms), epochOf)
                    : _shards.OpenShard(shard, epochOf);
            },
            time: _time);
    }
}
