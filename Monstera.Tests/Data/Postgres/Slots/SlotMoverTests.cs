using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres.Slots;

/// <summary>Slots move while they are written, and whatever becomes of the mover, nothing that was acknowledged is lost, repeated or out of order, and nobody has it twice.</summary>
public sealed class SlotMoverTests : IAsyncLifetime
{
    private static readonly RoomId[] Rooms = [.. Enumerable.Range(1, 5).Select(Room)];

    /// <summary>Those of the first four rooms, and some that are empty; one room stays.</summary>
    private static readonly short[] Moved = [.. Rooms[..4].Select(Slot.Of).Concat(new short[] { 100, 101, 102 }).Distinct().Order()];

    private SlotWorld _world = null!;

    public static TheoryData<SlotMovePoint, int, bool> Deaths()
    {
        TheoryData<SlotMovePoint, int, bool> deaths = [];
        foreach (SlotMovePoint point in Enum.GetValues<SlotMovePoint>())
        {
            foreach (bool revert in new[] { false, true })
            {
                deaths.Add(point, 1, revert);
            }
        }

        // In the middle of several; and at each change of a step.
        foreach (SlotMovePoint point in new[] { SlotMovePoint.BatchCopied, SlotMovePoint.Frozen, SlotMovePoint.Activated, SlotMovePoint.MapChanged, SlotMovePoint.StepChanged })
        {
            deaths.Add(point, 2, true);
        }

        return deaths;
    }

    public async ValueTask InitializeAsync()
    {
        _world = await SlotWorld.Create();
        await Task.WhenAll(Rooms.Select(_world.Writer.Furnish));
    }

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Slots_move_there_and_back_while_they_are_written()
    {
        _world.Writer.Start(Rooms);
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation);
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.FromSeconds(1), Cancel);
        await mover.Run(move.Id, Cancel);
        await _world.Writer.More(50);
        await _world.IsOnlyIn(1, Moved);
        Assert.Equal((1, 4), (await _world.RoomsIn(0), await _world.RoomsIn(1)));
        SlotMap map = await _world.Map.Read(Cancel);
        Assert.All(Moved, slot => Assert.Equal(new SlotOwner(1, 2), map.Slots[slot]));

        SlotMove back = await mover.Begin(Moved, 1, 0, TimeSpan.Zero, Cancel);
        await mover.Run(back.Id, Cancel);
        await _world.Writer.More(50);
        await _world.Writer.Stop();
        await _world.IsOnlyIn(0, Moved);
        await _world.IsWell();
        await _world.Writer.HoldsAll();
        TestContext.Current.SendDiagnosticMessage($"Longest wait of a writer: {_world.Writer.LongestWait.TotalMilliseconds:0} ms");
        Assert.True(_world.Writer.LongestWait < TimeSpan.FromSeconds(2.5), $"A writer was refused for {_world.Writer.LongestWait}.");
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_mover_that_dies_anywhere_is_resumed_or_reverted(SlotMovePoint point, int nth, bool revert)
    {
        _world.Writer.Start(Rooms);
        SlotMove? move = null;
        TimeSpan soak = point switch
        {
            SlotMovePoint.RoomsRemoved => TimeSpan.Zero,
            _ when revert => TimeSpan.FromHours(1),
            SlotMovePoint.SoakPass => TimeSpan.FromSeconds(1),
            _ => TimeSpan.Zero,
        };
        await using (PostgresOperation operation = await _world.Begin())
        {
            SlotMover doomed = _world.Mover(operation, point, nth);
            await Assert.ThrowsAsync<MoverKilledException>(async () =>
            {
                move = await doomed.Begin(Moved, 0, 1, soak, Cancel);
                await doomed.Run(move.Id, Cancel);
            });
        }

        await AreOwnedByOneAtMost();
        move = Assert.Single(await _world.Moves.ReadOpen(Cancel));
        bool isBeyond = move.Step == SlotMoveStep.Dropping;
        await using (PostgresOperation operation = await _world.Begin())
        {
            SlotMover next = _world.Mover(operation);
            if (revert && isBeyond)
            {
                await Assert.ThrowsAsync<SlotMoveRefusedException>(() => next.Revert(move.Id, Cancel));
            }

            await (revert && !isBeyond ? next.Revert(move.Id, Cancel) : next.Run(move.Id, Cancel));
        }

        await _world.Writer.More(20);
        await _world.Writer.Stop();
        await _world.IsOnlyIn((short)(revert && !isBeyond ? 0 : 1), Moved);
        await _world.IsWell();
        await _world.Writer.HoldsAll();
    }

    /// <summary>The way back is walked by the same steps, and may be interrupted like them.</summary>
    [Theory]
    [InlineData(SlotMovePoint.Frozen, 1)]
    [InlineData(SlotMovePoint.Activated, 2)]
    [InlineData(SlotMovePoint.MapChanged, 1)]
    [InlineData(SlotMovePoint.HandedOver, 2)]
    [InlineData(SlotMovePoint.RoomsRemoved, 1)]
    public async Task A_revert_that_dies_is_gone_on_with(SlotMovePoint point, int nth)
    {
        _world.Writer.Start(Rooms);
        await using PostgresOperation operation = await _world.Begin();
        SlotMove move = await Soaking(operation);
        await _world.Writer.More(50);
        await Assert.ThrowsAsync<MoverKilledException>(() => _world.Mover(operation, point, nth).Revert(move.Id, Cancel));
        await AreOwnedByOneAtMost();
        await _world.Mover(operation).Run(move.Id, Cancel);
        await _world.Writer.More(20);
        await _world.Writer.Stop();
        await _world.IsOnlyIn(0, Moved);
        await _world.IsWell();
        await _world.Writer.HoldsAll();
    }

    [Fact]
    public async Task While_soaking_the_way_back_keeps_what_was_written_since()
    {
        await using PostgresOperation operation = await _world.Begin();
        SlotMove move = await Soaking(operation);
        long seq = await _world.Writer.Note(Send(Rooms[0], "written after the hand-over"));
        await _world.Writer.Do(Create(NewRoom(), Bob));
        Assert.Equal(1, await _world.Look<long>(1, "SELECT count(*) FROM rooms.event WHERE text = 'written after the hand-over'"));
        await _world.Mover(operation).Revert(move.Id, Cancel);
        await _world.IsOnlyIn(0, Moved);
        Assert.Equal("written after the hand-over", (await _world.Writer.Log(Rooms[0]))[(int)seq - 1].Text);
        Assert.Equal(3, (await _world.Writer.Log(NewRoom())).Count);
        await _world.IsWell();
        await _world.Writer.HoldsAll();
    }

    /// <summary>Also of the shard that does not serve it: a deleted text is gone from both.</summary>
    [Fact]
    public async Task A_deletion_while_copying_or_soaking_erases_on_the_other_side_too()
    {
        long copied = await _world.Writer.Note(Send(Rooms[0], "secret one"));
        long soaked = (await _world.Writer.Do(Send(Rooms[0], "secret two", 7_000_001))).Seq;
        await using PostgresOperation operation = await _world.Begin();
        SlotMove? move = null;
        await Assert.ThrowsAsync<MoverKilledException>(async () =>
        {
            SlotMover first = _world.Mover(operation, SlotMovePoint.Copied);
            move = await first.Begin(Moved, 0, 1, TimeSpan.FromHours(1), Cancel);
            await first.Run(move.Id, Cancel);
        });
        Assert.Equal((1, 1), (await Texts(0, "secret one"), await Texts(1, "secret one")));
        await _world.Writer.Do(new DeleteMessage(copied) { Tenant = Tenant, Room = Rooms[0], Sender = Ann });
        await Assert.ThrowsAsync<MoverKilledException>(() => _world.Mover(operation, SlotMovePoint.SoakPass).Run(move!.Id, Cancel));
        Assert.Equal((0, 0), (await Texts(0, "secret one"), await Texts(1, "secret one")));

        Assert.Equal((1, 1), (await Texts(0, "secret two"), await Texts(1, "secret two")));
        await _world.Writer.Do(new DeleteMessage(soaked) { Tenant = Tenant, Room = Rooms[0], Sender = Ann });
        Assert.Equal((1, 0), (await Texts(0, "secret two"), await Texts(1, "secret two")));
        await Assert.ThrowsAsync<MoverKilledException>(() => _world.Mover(operation, SlotMovePoint.SoakPass).Run(move!.Id, Cancel));
        Assert.Equal((0, 0), (await Texts(0, "secret two"), await Texts(1, "secret two")));
        await _world.Mover(operation).Revert(move!.Id, Cancel);
        await _world.IsWell();
    }

    [Fact]
    public async Task A_retry_after_the_move_is_recognised_by_its_client_id()
    {
        AppendOutcome before = await _world.Writer.Do(Send(Rooms[0], "once", 8_000_001));
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation);
        await mover.Run((await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel)).Id, Cancel);
        AppendOutcome again = await _world.Writer.Do(Send(Rooms[0], "once", 8_000_001));
        Assert.Equal((before.Seq, before.At, 0), (again.Seq, again.At, again.Events.Count));
    }

    [Fact]
    public async Task Writers_that_do_not_let_go_keep_the_slots_where_they_are()
    {
        await using NpgsqlConnection writer = await Open(PostgresServer.Shared.AppConnection(_world.Names[0]));
        await writer.Execute($"BEGIN; SELECT pg_advisory_xact_lock_shared({PostgresLocks.Slot}, {Slot.Of(Rooms[0])})");
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation, options: SlotWorld.Options with { FreezeAttemptsMax = 2, LockTimeout = TimeSpan.FromMilliseconds(50) });
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        SlotMoveStoppedException e = await Assert.ThrowsAsync<SlotMoveStoppedException>(() => mover.Run(move.Id, Cancel));
        Assert.Contains("in 2 attempts", e.Message, StringComparison.Ordinal);
        await _world.Writer.Note(Send(Rooms[0], "still here"));
        Assert.True((await _world.Shards[0].ReadFences([Slot.Of(Rooms[0])], Cancel)).Values.Single().Owned);
        await writer.Execute("COMMIT");
        await mover.Run(move.Id, Cancel);
        await _world.IsOnlyIn(1, Moved);
        await _world.Writer.HoldsAll();
    }

    /// <summary>While it takes too long inside, writers are refused; so it is rolled back, and they go on. PostgreSQL ends the session by itself, a little later.</summary>
    [Fact]
    public async Task A_freeze_that_takes_too_long_is_let_go()
    {
        await using PostgresOperation operation = await _world.Begin();
        int slow = 0;
        SlotMover mover = _world.Mover(operation, options: SlotWorld.Options with { FreezeMax = TimeSpan.FromMilliseconds(150) }, reached: async point =>
        {
            if (point == SlotMovePoint.TailCopied && ++slow <= 2)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(slow == 1 ? 200 : 600), TimeProvider.System, Cancel);
                Assert.True((await _world.Shards[0].ReadFences(Moved, Cancel)).Values.All(fence => fence.Owned));
            }
        });
        await mover.Run((await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel)).Id, Cancel);
        Assert.True(slow > 2);
        await _world.IsOnlyIn(1, Moved);
        await _world.IsWell();
    }

    [Theory]
    [InlineData("UPDATE rooms.event SET text = 'tampered' WHERE text = 'first'")]
    [InlineData("UPDATE rooms.event SET client_id = gen_random_uuid() WHERE text = 'first'")]
    [InlineData("DELETE FROM rooms.reaction")]
    [InlineData("UPDATE rooms.member SET role = 3")]
    public async Task A_copy_that_differs_is_never_given_the_slots(string tamper)
    {
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation, reached: point =>
        {
            if (point == SlotMovePoint.Copied)
            {
                PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[1]), tamper);
            }

            return ValueTask.CompletedTask;
        });
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        Assert.Contains("differs", (await Assert.ThrowsAsync<ArchiveConflictException>(() => mover.Run(move.Id, Cancel))).Message, StringComparison.Ordinal);
        Assert.Equal(0, await _world.Look<long>(1, "SELECT count(*) FROM rooms.slot_owner"));
        await _world.Mover(operation).Revert(move.Id, Cancel);
        await _world.IsOnlyIn(0, Moved);
        await _world.IsWell();
        await _world.Writer.HoldsAll();
    }

    [Fact]
    public async Task A_log_with_a_gap_is_not_moved()
    {
        PostgresServer.Execute(
            PostgresServer.Shared.SuperuserConnection(_world.Names[0]),
            $"DELETE FROM rooms.event WHERE seq = 4 AND room_key = (SELECT room_key FROM rooms.room WHERE id = '{Rooms[0]}')");
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation);
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        await Assert.ThrowsAsync<ArchiveConflictException>(() => mover.Run(move.Id, Cancel));
        Assert.Equal(0, await _world.Look<long>(1, "SELECT count(*) FROM rooms.slot_owner"));
    }

    [Fact]
    public async Task What_is_not_safe_is_refused_and_nothing_is_written()
    {
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation);
        await IsRefused("both shard 0", [7], 0, 0);
        await IsRefused("no slots", [], 0, 1);
        await IsRefused("0 to 4095", [4_096], 0, 1);
        await IsRefused("not registered", [7], 0, 9);
        await IsRefused("does not own slot 7", [7], 1, 0);
        Assert.True(await _world.Map.TryAddShard(new Shard(2, "away", ShardState.Active), Cancel));
        await IsRefused("cannot be reached", [7], 0, 2);
        await _world.Map.SetShardState(1, ShardState.Draining, Cancel);
        await IsRefused("being emptied", [7], 0, 1);
        await _world.Map.SetShardState(1, ShardState.Active, Cancel);
        SlotMove move = await mover.Begin([7, 8], 0, 1, TimeSpan.Zero, Cancel);
        await IsRefused("another move", [8, 9], 0, 1);
        Assert.Equal(move.Id, Assert.Single(await _world.Moves.ReadOpen(Cancel)).Id);
        await mover.Run(move.Id, Cancel);
        await Assert.ThrowsAsync<SlotMoveRefusedException>(() => mover.Run(move.Id, Cancel));
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[0]), "UPDATE rooms.slot_owner SET epoch = 5 WHERE slot = 9");
        await IsRefused("itself does not own slot 9", [9], 0, 1);

        async Task IsRefused(string why, short[] slots, short from, short to) => Assert.Contains(
            why, (await Assert.ThrowsAsync<SlotMoveRefusedException>(() => mover.Begin(slots, from, to, TimeSpan.Zero, Cancel))).Message, StringComparison.Ordinal);
    }

    /// <summary>The lock of commands went with the connection: whoever has it now may be at the same slots.</summary>
    [Fact]
    public async Task A_mover_that_has_lost_its_lock_changes_no_owner()
    {
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation, reached: point =>
        {
            if (point == SlotMovePoint.Frozen)
            {
                PostgresServer.Execute(
                    PostgresServer.Shared.SuperuserConnection(_world.Names[0]),
                    $"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = {PostgresLocks.Operation} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
            }

            return ValueTask.CompletedTask;
        });
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        await Assert.ThrowsAnyAsync<Monstera.Data.StorageUnavailableException>(() => mover.Run(move.Id, Cancel));
        Assert.Equal(0, await _world.Look<long>(1, "SELECT count(*) FROM rooms.slot_owner"));
        await using PostgresOperation next = await _world.Begin();
        await _world.Mover(next).Revert(move.Id, Cancel);
        await _world.IsOnlyIn(0, Moved);
        await _world.IsWell();
    }

    /// <summary>What a killed mover had sent off arrives after somebody else has turned the move round.</summary>
    [Fact]
    public async Task A_late_hand_over_of_a_dead_mover_comes_to_nothing()
    {
        short slot = Moved[0];
        await using PostgresOperation operation = await _world.Begin();
        SlotMover doomed = _world.Mover(operation, SlotMovePoint.Frozen);
        SlotMove move = await doomed.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        await Assert.ThrowsAsync<MoverKilledException>(() => doomed.Run(move.Id, Cancel));
        Assert.False((await _world.Shards[0].ReadFences([slot], Cancel))[slot].Owned);
        await Assert.ThrowsAsync<MoverKilledException>(() => _world.Mover(operation, SlotMovePoint.Activated).Revert(move.Id, Cancel));
        Assert.False(await _world.Shards[1].TryTake([(slot, 2)]));
        await AreOwnedByOneAtMost();
        await _world.Mover(operation).Run(move.Id, Cancel);
        await _world.IsOnlyIn(0, Moved);
        Assert.Equal(new SlotOwner(0, 3), (await _world.Map.Read(Cancel)).Slots[slot]);

        // Even later: after the end.
        Assert.False(await _world.Shards[1].TryTake([(slot, 2)]));
        await _world.IsWell();

        // The slot can be moved again all the same, and what the former owner was to take at last comes to nothing there.
        SlotMover again = _world.Mover(operation);
        await again.Run((await again.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel)).Id, Cancel);
        Assert.False(await _world.Shards[0].TryTake([(slot, 3)]));
        Assert.False(await _world.Shards[0].TryTake([(slot, 4)]));
        Assert.False(await _world.Shards[1].TryTake([(slot, 9)]));
        await _world.IsOnlyIn(1, Moved);
        Assert.Equal(new SlotOwner(1, 4), (await _world.Map.Read(Cancel)).Slots[slot]);
        await _world.IsWell();
    }

    /// <summary>Only a fence that is later than the map's, or an owner of its own, keeps slots out.</summary>
    [Theory]
    [InlineData(1, 2, true)]
    [InlineData(2, 2, false)]
    [InlineData(1, 1, false)]
    public async Task A_shard_that_remembers_slots_takes_them_again_unless_it_contradicts_the_map(long epoch, short state, bool isTaken)
    {
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[1]), $"INSERT INTO rooms.slot_owner VALUES (100, {epoch}, {state})");
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation);
        if (!isTaken)
        {
            Assert.Contains(
                "shards verify", (await Assert.ThrowsAsync<SlotMoveRefusedException>(() => mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel))).Message, StringComparison.Ordinal);
            return;
        }

        await mover.Run((await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel)).Id, Cancel);
        await _world.IsOnlyIn(1, Moved);
        await _world.IsWell();
    }

    private static RoomId NewRoom() => Enumerable.Range(500, 100_000).Select(n => new RoomId(new Guid(n, 1, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 1))).First(room => Moved.Contains(Slot.Of(room)));

    private Task<long> Texts(short shard, string text) => _world.Look<long>(shard, $"SELECT count(*) FROM rooms.event WHERE text = '{text}'");

    private async Task<SlotMove> Soaking(PostgresOperation operation)
    {
        SlotMover mover = _world.Mover(operation, SlotMovePoint.SoakPass);
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.FromHours(1), Cancel);
        await Assert.ThrowsAsync<MoverKilledException>(() => mover.Run(move.Id, Cancel));
        Assert.Equal(SlotMoveStep.Soaking, Assert.Single(await _world.Moves.ReadOpen(Cancel)).Step);
        return move;
    }

    private async Task AreOwnedByOneAtMost()
    {
        IReadOnlyDictionary<short, SlotFence> one = await _world.Shards[0].ReadFences(Moved, Cancel);
        IReadOnlyDictionary<short, SlotFence> other = await _world.Shards[1].ReadFences(Moved, Cancel);
        Assert.DoesNotContain(Moved, slot => one.TryGetValue(slot, out SlotFence a) && a.Owned && other.TryGetValue(slot, out SlotFence b) && b.Owned);
    }
}
