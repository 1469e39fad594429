using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;
using Monstera.Data.Rooms;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres.Slots;

/// <summary>What a mover looks at before it does what cannot be taken back: each look is the only thing between a mistake and lost messages.</summary>
public sealed class SlotMoverGuardTests : IAsyncLifetime
{
    private const short EmptySlot = 100;

    private static readonly RoomId[] Rooms = [Room(1), Room(2)];
    private static readonly short[] Moved = [.. Rooms.Select(Slot.Of).Append(EmptySlot).Distinct().Order()];

    private SlotWorld _world = null!;

    public async ValueTask InitializeAsync()
    {
        _world = await SlotWorld.Create();
        await Task.WhenAll(Rooms.Select(_world.Writer.Furnish));
    }

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    /// <summary>Written before each look, so that room and copy never stand at the same event while anybody can write.</summary>
    [Theory]
    [InlineData(null, null)]
    [InlineData("UPDATE rooms.event SET text = 'tampered' WHERE text = 'first'", "at seq")]
    [InlineData("DELETE FROM rooms.reaction", "differs")]
    public async Task A_room_that_never_stands_still_is_compared_by_its_log_and_again_at_rest(string? tamper, string? why)
    {
        bool isFrozen = false;
        SlotShard source = _world.Shards[0];
        _world.Shards[0] = new SlotShard(0, source.Name, source.Database, new BusyArchive(source.Rooms, async room =>
        {
            if (!isFrozen)
            {
                await _world.Writer.Note(Send(room, "more"));
            }
        }));
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation, reached: point =>
        {
            isFrozen |= point == SlotMovePoint.Locked;
            Harm(1, point == SlotMovePoint.Copied ? tamper : null);
            return ValueTask.CompletedTask;
        });
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        if (why is null)
        {
            await mover.Run(move.Id, Cancel);
            await _world.IsOnlyIn(1, Moved);
            await _world.Writer.HoldsAll();
            return;
        }

        Assert.Contains(why, (await Assert.ThrowsAsync<ArchiveConflictException>(() => mover.Run(move.Id, Cancel))).Message, StringComparison.Ordinal);
        Assert.Equal(0, await _world.Look<long>(1, "SELECT count(*) FROM rooms.slot_owner"));
        Assert.Equal(0, await _world.Look<long>(0, "SELECT count(*) FROM rooms.slot_owner WHERE state <> 1"));
    }

    [Theory]
    [InlineData(1, "UPDATE rooms.slot_owner SET state = 2 WHERE slot = 100")]
    [InlineData(1, "UPDATE rooms.slot_owner SET epoch = 3 WHERE slot = 100")]
    [InlineData(0, "UPDATE directory.slot_map SET shard = 0 WHERE slot = 100")]
    public async Task Nothing_is_dropped_unless_destination_and_map_say_whose_it_is(short shard, string harm)
    {
        await using PostgresOperation operation = await _world.Begin();
        SlotMove move = await Dropping(operation);
        Harm(shard, harm);
        ArchiveConflictException e = await Assert.ThrowsAsync<ArchiveConflictException>(() => _world.Mover(operation).Run(move.Id, Cancel));
        Assert.Contains("nothing was removed", e.Message, StringComparison.Ordinal);
        Assert.Equal(Rooms.Length, await _world.RoomsIn(0));
    }

    [Fact]
    public async Task A_mover_that_has_lost_its_lock_removes_nothing()
    {
        await using (PostgresOperation operation = await _world.Begin())
        {
            SlotMove move = await Dropping(operation);
            Harm(
                0,
                $"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = {PostgresLocks.Operation} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
            await Assert.ThrowsAnyAsync<StorageUnavailableException>(() => _world.Mover(operation).Run(move.Id, Cancel));
            Assert.Equal(Rooms.Length, await _world.RoomsIn(0));
        }

        await using PostgresOperation next = await _world.Begin();
        await _world.Mover(next).Run(Assert.Single(await _world.Moves.ReadOpen(Cancel)).Id, Cancel);
        await _world.IsOnlyIn(1, Moved);
    }

    /// <summary>What the destination has beyond the source would become part of what people read.</summary>
    [Theory]
    [InlineData(false, "has more of room")]
    [InlineData(true, "which shard 0 (main) has not")]
    public async Task A_copy_with_something_of_its_own_is_never_given_the_slots(bool isStrangeRoom, string why)
    {
        LogPart own = isStrangeRoom ? await StrangeRoom() : await OneMore();
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation, reached: async point =>
        {
            if (point == SlotMovePoint.Copied)
            {
                await _world.Shards[1].Rooms.Write([own], Cancel);
            }
        });
        SlotMove move = await mover.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        Assert.Contains(why, (await Assert.ThrowsAsync<ArchiveConflictException>(() => mover.Run(move.Id, Cancel))).Message, StringComparison.Ordinal);
        await _world.Mover(operation).Revert(move.Id, Cancel);
        await _world.IsOnlyIn(0, Moved);
        await _world.IsWell();
    }

    [Fact]
    public async Task A_destination_that_has_rooms_of_the_slots_and_a_second_command_are_refused()
    {
        await using PostgresOperation operation = await _world.Begin();
        Assert.Null(await PostgresOperation.TryBegin(_world.Directory, Cancel));
        await _world.Shards[1].Rooms.Write([await StrangeRoom()], Cancel);
        SlotMoveRefusedException e = await Assert.ThrowsAsync<SlotMoveRefusedException>(() => _world.Mover(operation).Begin(Moved, 0, 1, TimeSpan.Zero, Cancel));
        Assert.Contains("already has a room", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_way_back_stays_open_for_as_long_as_was_asked()
    {
        List<long> steps = [];
        await using PostgresOperation operation = await _world.Begin();
        SlotMover mover = _world.Mover(operation, reached: point =>
        {
            if (point == SlotMovePoint.StepChanged)
            {
                steps.Add(TimeProvider.System.GetTimestamp());
            }

            return ValueTask.CompletedTask;
        });
        await mover.Run((await mover.Begin(Moved, 0, 1, TimeSpan.FromSeconds(1), Cancel)).Id, Cancel);
        Assert.Equal(4, steps.Count);
        Assert.InRange(TimeProvider.System.GetElapsedTime(steps[1], steps[2]), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(20));
    }

    /// <summary>Handed over, and about to remove what the source has.</summary>
    private async Task<SlotMove> Dropping(PostgresOperation operation)
    {
        SlotMover doomed = _world.Mover(operation, SlotMovePoint.StepChanged, nth: 2);
        SlotMove move = await doomed.Begin(Moved, 0, 1, TimeSpan.Zero, Cancel);
        await Assert.ThrowsAsync<MoverKilledException>(() => doomed.Run(move.Id, Cancel));
        Assert.Equal(SlotMoveStep.Dropping, Assert.Single(await _world.Moves.ReadOpen(Cancel)).Step);
        return move;
    }

    private void Harm(short shard, string? statement)
    {
        if (statement is not null)
        {
            PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[shard]), statement);
        }
    }

    private async Task<LogPart> OneMore()
    {
        IReadOnlyList<RoomEvent> log = await _world.Writer.Log(Rooms[0]);
        return new LogPart(Rooms[0], Tenant, 1, [log.First(e => e.Text == "first") with { Seq = log.Count + 1, ClientId = new ClientId(Id(9_999_999)) }]);
    }

    private async Task<LogPart> StrangeRoom()
    {
        RoomId room = Enumerable.Range(500, 100_000).Select(n => new RoomId(new Guid(n, 1, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 1))).First(room => Slot.Of(room) == Slot.Of(Rooms[0]));
        return new LogPart(room, Tenant, 1, [.. (await _world.Writer.Log(Rooms[0])).Take(3).Select(e => e with { Room = room })]);
    }
}
