using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;

namespace Monstera.Tests.Data.Postgres;

public sealed class PostgresDirectoryShardMapTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);

    private readonly PostgresDirectoryStorage _storage = new();
    private PostgresShardMap _map = null!;
    private PostgresShardMap _other = null!;
    private PostgresSlotMoves _moves = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _map = new PostgresShardMap(_storage.OpenDatabase());
        _other = new PostgresShardMap(_storage.OpenDatabase());
        _moves = new PostgresSlotMoves(_storage.OpenDatabase());
        Assert.True(await _map.TryAddShard(new Shard(1, "second", ShardState.Active), Cancel));
        Assert.True(await _map.TryAddShard(new Shard(2, "third", ShardState.Active), Cancel));
    }

    public ValueTask DisposeAsync()
    {
        _storage.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task At_first_one_shard_has_every_slot()
    {
        SlotMap map = await _map.Read(Cancel);
        Assert.Equal(1, map.Version);
        Assert.Equal(Enumerable.Repeat(new SlotOwner(0, 1), 4_096), map.Slots);
    }

    [Fact]
    public async Task A_change_gives_the_slots_away_with_the_next_epoch()
    {
        Assert.Equal(SlotMapChange.Changed, await _map.TryChange([0, 7, 4_095], 0, 1, 1, Cancel));
        Assert.Equal(SlotMapChange.Changed, await _map.TryChange([7], 1, 0, 2, Cancel));
        SlotMap map = await _other.Read(Cancel);
        Assert.Equal(3, map.Version);
        Assert.Equal((new SlotOwner(1, 2), new SlotOwner(0, 3), new SlotOwner(1, 2)), (map.Slots[0], map.Slots[7], map.Slots[4_095]));
        Assert.Equal(4_093, map.Slots.Count(owner => owner == new SlotOwner(0, 1)));
    }

    [Fact]
    public async Task A_change_happens_as_a_whole_or_not_at_all()
    {
        Assert.Equal(SlotMapChange.Changed, await _map.TryChange([7], 0, 1, 1, Cancel));
        SlotMap before = await _map.Read(Cancel);
        Assert.Equal(SlotMapChange.Stale, await _map.TryChange([8], 0, 2, 1, Cancel));
        Assert.Equal(SlotMapChange.NotTheOwner, await _map.TryChange([6, 7, 8], 0, 2, 2, Cancel));
        Assert.Equal(SlotMapChange.NotTheOwner, await _map.TryChange([8, -1], 0, 2, 2, Cancel));
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => _map.TryChange([8], 0, 99, 2, Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _map.TryChange([], 0, 1, 2, Cancel));
        SlotMap after = await _map.Read(Cancel);
        Assert.Equal(before.Version, after.Version);
        Assert.Equal(before.Slots, after.Slots);
        Assert.Equal(SlotMapChange.Changed, await _map.TryChange([8, 8, 9], 0, 2, 2, Cancel));
    }

    /// <summary>Also of changes that touch different slots: each was decided on a map that the other makes an old one.</summary>
    [Fact]
    public async Task Of_changes_at_once_one_happens()
    {
        for (long version = 1; version <= 5; version++)
        {
            long expected = version;
            SlotMapChange[] results = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Task.Run(
                () => (i % 2 == 0 ? _map : _other).TryChange([(short)((expected * 10) + i)], 0, (short)(1 + (i % 2)), expected, Cancel), Cancel)));
            Assert.Single(results, SlotMapChange.Changed);
            Assert.Equal(9, results.Count(result => result == SlotMapChange.Stale));
        }

        SlotMap map = await _map.Read(Cancel);
        Assert.Equal(6, map.Version);
        Assert.Equal(5, map.Slots.Count(owner => owner.Epoch == 2 && owner.Shard != 0));
    }

    [Theory]
    [InlineData(true, nameof(SlotMapChange.Stale))]
    [InlineData(false, nameof(SlotMapChange.Changed))]
    public async Task A_change_under_way_is_waited_for_and_not_seen_before(bool commit, string expected)
    {
        await using UnfinishedTransaction first = await _storage.Begin("", "UPDATE directory.slot_map_version SET version = 2");
        await first.Run("UPDATE directory.slot_map SET shard = 2, epoch = 2 WHERE slot = 7");
        Task<SlotMapChange> second = _other.TryChange([7], 0, 1, 1, Cancel);
        await _storage.AreWaiting(1, Cancel);
        SlotMap between = await _map.Read(Cancel);
        Assert.Equal((1, new SlotOwner(0, 1)), (between.Version, between.Slots[7]));
        await (commit ? first.Commit() : first.Rollback());
        Assert.Equal(expected, (await second).ToString());
        Assert.Equal(new SlotOwner((short)(commit ? 2 : 1), 2), (await _map.Read(Cancel)).Slots[7]);
    }

    [Fact]
    public async Task Shards_are_listed_and_change_state()
    {
        Assert.False(await _map.TryAddShard(new Shard(2, "fourth", ShardState.Active), Cancel));
        Assert.False(await _map.TryAddShard(new Shard(3, "third", ShardState.Active), Cancel));
        await _other.SetShardState(1, ShardState.Draining, Cancel);
        Assert.Equal(
            [new Shard(0, "main", ShardState.Active), new Shard(1, "second", ShardState.Draining), new Shard(2, "third", ShardState.Active)],
            await _map.ReadShards(Cancel));
    }

    [Fact]
    public async Task A_move_is_journalled_until_it_is_finished()
    {
        SlotMove move = (await _moves.TryBegin([9, 7], 0, 1, TimeSpan.FromMinutes(10), Now, Cancel))!;
        Assert.Equal([7, 9], move.Slots);
        Assert.True(await _moves.TryAdvance(move.Id, SlotMoveStep.Copying, SlotMoveStep.HandingOver, Now.AddMinutes(1), Cancel));
        Assert.False(await _moves.TryAdvance(move.Id, SlotMoveStep.Copying, SlotMoveStep.HandingOver, Now.AddMinutes(2), Cancel));
        SlotMove open = Assert.Single(await _moves.ReadOpen(Cancel));
        Assert.Equal(move with { Step = SlotMoveStep.HandingOver, UpdatedAt = Now.AddMinutes(1), Slots = [] }, open with { Slots = [] });
        Assert.Equal(move.Slots, open.Slots);
        Assert.False(await _moves.TryFinish(move.Id, SlotMoveStep.Copying, SlotMoveStep.Done, Now, Cancel));
        Assert.Single(await _moves.ReadOpen(Cancel));
        Assert.True(await _moves.TryFinish(move.Id, SlotMoveStep.HandingOver, SlotMoveStep.Done, Now, Cancel));
        Assert.Empty(await _moves.ReadOpen(Cancel));
    }

    [Fact]
    public async Task A_slot_is_in_one_move_at_a_time()
    {
        SlotMove?[] begun = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => _moves.TryBegin([7, (short)(100 + i)], 0, 1, TimeSpan.FromMinutes(10), Now, Cancel), Cancel)));
        SlotMove move = Assert.Single(begun.OfType<SlotMove>());
        Assert.Single(await _moves.ReadOpen(Cancel));
        Assert.NotNull(await _moves.TryBegin([8], 0, 1, TimeSpan.FromMinutes(10), Now.AddMinutes(1), Cancel));
        await _moves.TryFinish(move.Id, SlotMoveStep.Copying, SlotMoveStep.Done, Now, Cancel);
        Assert.NotNull(await _moves.TryBegin([7], 0, 2, TimeSpan.FromMinutes(10), Now.AddMinutes(2), Cancel));
        Assert.Equal([8, 7], (await _moves.ReadOpen(Cancel)).Select(open => (int)open.Slots[0]));
    }
}
