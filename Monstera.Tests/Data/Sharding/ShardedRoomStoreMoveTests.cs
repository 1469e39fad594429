using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Sharding;

/// <summary>Slots change their shard under servers that do not know it yet.</summary>
public sealed class ShardedRoomStoreMoveTests : IDisposable
{
    private readonly ThreeShards _shards = new();

    public void Dispose() => _shards.Dispose();

    /// <summary>The old shard still has the room, up to where it was given away. A server with an old map gets nothing from it and can write nothing to it.</summary>
    [Fact]
    public async Task A_server_with_an_old_map_is_fenced_off_the_old_shard_and_finds_the_new_one()
    {
        RoomId room = ThreeShards.RoomIn(0);
        HeldMap held = null!;
        ShardedRoomStore stale = await _shards.OpenNode(map => held = new HeldMap(map));
        await _shards.Store.Do(Create(room));
        await stale.Do(Send(room, "before", 1));
        held.IsHeld = true;
        await _shards.Move(Slot.Of(room), 0, 1);
        await _shards.Store.RefreshMap();
        Assert.Equal(4, (await _shards.Store.Do(Send(room, "after", 2))).Seq);

        int asked = held.Asked;
        Assert.Equal([Slot.Of(room)], (await Assert.ThrowsAsync<RoomMovedException>(() => stale.Do(Send(room, "stale", 3)))).Slots);
        await Signal.Poll(() => held.Asked > asked, "a look at the map, because a write was refused");
        Task<LogPage?>[] reads =
        [
            stale.ReadAfter(Tenant, room, null, 0, 100, 10_000, Cancel).AsTask(),
            stale.ReadAfter(Tenant, room, Ann, 0, 100, 10_000, Cancel).AsTask(),
        ];
        Task<Gathered<RoomHead>> heads = stale.ReadHeads(Tenant, [ThreeShards.RoomIn(2), room], Cancel).AsTask();
        await Signal.Poll(() => held.Asked >= 4, "the stale server to look for the slot");
        Assert.DoesNotContain(reads, read => read.IsCompleted);
        Assert.False(heads.IsCompleted);

        held.IsHeld = false;
        foreach (LogPage? page in await Task.WhenAll(reads))
        {
            Assert.Equal([null, null, "before", "after"], page!.Events.Select(e => e.Text));
        }

        Assert.Equal(4, Assert.Single((await heads).Items).Head);
        Assert.Equal(4, (await stale.Do(Send(room, "after", 2))).Seq);
        Assert.Equal(3, (await stale.Do(Send(room, "before", 1))).Seq);
        Assert.Equal(5, (await stale.Do(Send(room, "stale", 3))).Seq);
        Assert.Equal(1, stale.PartitionOf(room));
    }

    [Fact]
    public async Task Who_reads_while_nobody_owns_the_slot_waits_for_the_new_owner_and_other_rooms_do_not()
    {
        (RoomId moving, RoomId other) = (ThreeShards.RoomIn(0), ThreeShards.RoomIn(0, 1));
        await _shards.Store.Append([Create(moving), Create(other)], Now, Cancel);
        Task<RoomInfo?> found = null!;
        Task<Gathered<RoomSummary>> summaries = null!;
        await _shards.Move(Slot.Of(moving), 0, 2, async () =>
        {
            found = _shards.Store.FindRoom(Tenant, moving, Cancel).AsTask();
            summaries = _shards.Store.Summarize(Tenant, Ann, [new ReadMarker(moving, 0), new ReadMarker(other, 0)], Cancel).AsTask();
            Assert.Equal(2, (await _shards.Store.FindRoom(Tenant, other, Cancel))!.Head);
            Assert.Equal([other], (await _shards.Store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel)).Items.Select(r => r.Id));
            Assert.False(found.IsCompleted);
        });
        Assert.Equal(2, (await found)!.Head);
        Assert.Equal([moving, other], (await summaries).Items.Select(s => s.Room.Id));
        Assert.Empty((await summaries).Missing);
        Assert.Equal(2, (await _shards.Store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel)).Items.Count);
    }

    [Fact]
    public async Task What_nobody_takes_over_in_time_is_said_to_be_missing_and_the_shards_other_rooms_are_not()
    {
        (RoomId moving, RoomId other) = (ThreeShards.RoomIn(0), ThreeShards.RoomIn(0, 1));
        FakeTime time = new();
        ShardedRoomStore store = await _shards.OpenNode(time: time);
        await store.Append([Create(moving), Create(other)], Now, Cancel);
        await _shards.Move(Slot.Of(moving), 0, 2, async () =>
        {
            Task<Gathered<RoomHead>> heads = store.ReadHeads(Tenant, [moving, other], Cancel).AsTask();
            await Signal.Poll(
                () =>
                {
                    time.AdvanceMs(25);
                    return heads.IsCompleted;
                },
                "an answer without the slot");
            Assert.Equal([moving], (await heads).Missing);
            Assert.Equal(other, Assert.Single((await heads).Items).Room);
        });
    }

    [Fact]
    public async Task A_batch_that_touches_several_shards_follows_a_slot_that_moved()
    {
        RoomId[] rooms = [.. Enumerable.Range(0, 3).Select(shard => ThreeShards.RoomIn(shard))];
        await _shards.Store.Append([.. rooms.Select(room => Create(room))], Now, Cancel);
        await _shards.Move(Slot.Of(rooms[0]), 0, 1);
        IReadOnlyList<AppendOutcome> outcomes = await _shards.Store.Append(
            [Send(rooms[2], "a"), Send(rooms[0], "a"), Send(rooms[1], "a"), Send(rooms[0], "b")], Now, Cancel);
        Assert.Equal([3, 3, 3, 4], outcomes.Select(o => o.Seq));
        Assert.Equal([null, null, "a", "b"], (await _shards.Store.Log(rooms[0])).Select(e => e.Text));
    }

    /// <summary>One shard is asked before it gave the slot away, and the other after it took it.</summary>
    [Fact]
    public async Task A_public_room_that_two_shards_show_is_listed_once()
    {
        RoomId room = ThreeShards.RoomIn(0);
        await _shards.Store.Do(Create(room));
        await _shards.Move(Slot.Of(room), 0, 1);
        PostgresServer.Execute(_shards.OwnerConnection(0), $"UPDATE rooms.slot_owner SET state = 1 WHERE slot = {Slot.Of(room)}");
        PublicRoomPage page = await _shards.Store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel);
        Assert.Equal(room, Assert.Single(page.Items).Id);
    }

    [Fact]
    public async Task Public_rooms_of_all_shards_are_one_list_in_pages_of_any_size()
    {
        string[] names = ["b", "A", "a", "ｂ", "c", "\uFFFD", "🪴", "é", "z", "Ａa", "\uE000x", "d"];
        RoomId[] rooms = [.. names.Select((_, i) => ThreeShards.RoomIn(i % 3, i))];
        await _shards.Store.Append([.. names.Select((name, i) => Create(rooms[i]) with { Name = name })], Now, Cancel);
        IReadOnlyList<PublicRoom> all = (await _shards.Store.ReadPublicRooms(Tenant, Ann, null, null, 100, Cancel)).Items;
        Assert.Equal(
            names.Select((name, i) => (Folded: string.Concat(FoldedText.Of(name).EnumerateRunes().Select(rune => $"{rune.Value:x6} ")), Id: rooms[i].ToString()))
                .OrderBy(room => room.Folded, StringComparer.Ordinal).ThenBy(room => room.Id, StringComparer.Ordinal).Select(room => room.Id),
            all.Select(room => room.Id.ToString()));
        for (int limit = 1; limit <= names.Length; limit++)
        {
            List<PublicRoom> read = [];
            string? after = null;
            do
            {
                PublicRoomPage page = await _shards.Store.ReadPublicRooms(Tenant, Ann, null, after, limit, Cancel);
                Assert.InRange(page.Items.Count, 1, limit);
                read.AddRange(page.Items);
                after = page.Next;
            }
            while (after is not null);
            Assert.Equal(all, read);
        }
    }
}
