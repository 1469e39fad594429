using Monstera.Data.Archive;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres.Slots;

/// <summary>
/// Moves slots from one shard to another while they are read and written. Keeps nothing of its own: the step stands in the directory's journal, whose a slot is in the shards, and what was copied
/// in the copies; so that another mover goes on where this one was killed. docs/decisions/0008-moving-slots.md has the reasons for the order.
/// </summary>
/// <remarks>
/// Until the rooms are dropped in the source, <see cref="Revert"/> brings everything back, with what was written meanwhile. At no instant do two shards own a slot.
/// </remarks>
/// <param name="directory">Opened as the owner.</param>
/// <param name="operation">Held by the caller; nobody else moves while it is.</param>
/// <param name="shards">All registered shards that can be reached, by number. They stay the caller's.</param>
/// <param name="reached">Tests let the mover die there.</param>
public sealed partial class SlotMover(
    PostgresDatabase directory, PostgresOperation operation, IReadOnlyDictionary<short, SlotShard> shards, TimeProvider time, SlotMoverOptions? options = null,
    Func<SlotMovePoint, ValueTask>? reached = null)
{
    private readonly PostgresOperation _operation = operation;
    private readonly TimeProvider _time = time;
    private readonly SlotMoverOptions _options = options ?? new SlotMoverOptions();
    private readonly PostgresShardMap _map = new(directory);
    private readonly PostgresSlotMoves _moves = new(directory);
    private readonly Func<SlotMovePoint, ValueTask> _reached = reached ?? (_ => ValueTask.CompletedTask);

    /// <summary>Called now and then, from any thread, one call at a time.</summary>
    public Action<SlotMoveProgress>? Progress { get; init; }

    /// <summary>Told what goes wrong and is tried again.</summary>
    public Action<string>? Trouble { get; init; }

    /// <summary>Writes a move into the journal, which does nothing yet: <see cref="Run"/> does.</summary>
    /// <param name="slots">Owned by <paramref name="from"/>.</param>
    /// <param name="soak">For how long the way back is kept open after the hand-over; whole seconds, 30 days at most.</param>
    /// <exception cref="SlotMoveRefusedException">Not safe. Nothing was written.</exception>
    public async Task<SlotMove> Begin(IReadOnlyCollection<short> slots, short from, short to, TimeSpan soak, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(slots);
        ArgumentOutOfRangeException.ThrowIfLessThan(soak, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(soak, TimeSpan.FromDays(30));
        await Check(slots, from, to, cancel);
        await _operation.EnsureHeld(cancel);
        SlotMove move = await _moves.TryBegin(slots, from, to, soak, _time.GetUtcNow(), cancel)
            ?? throw new SlotMoveRefusedException("Some of the slots are in another move that is not finished: resume or revert that one first.");
        await _reached(SlotMovePoint.Begun);
        return move;
    }

    /// <summary>What <see cref="Begin"/> asks, without beginning.</summary>
    /// <exception cref="SlotMoveRefusedException">Not safe. The message says why.</exception>
    public async Task Check(IReadOnlyCollection<short> slots, short from, short to, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(slots);
        Refuse(slots.Count == 0, "There are no slots to move.");
        Refuse(slots.Any(slot => slot is < 0 or >= Slot.Count), $"Slots are 0 to {Slot.Count - 1}.");
        Refuse(from == to, $"Source and destination are both shard {from}.");
        List<Shard> registered = await _map.ReadShards(cancel);
        Refuse(registered.All(shard => shard.Id != from), $"Shard {from} is not registered.");
        Refuse(registered.All(shard => shard.Id != to), $"Shard {to} is not registered: add it first.");
        Shard destination = registered.Single(shard => shard.Id == to);
        Refuse(destination.State != ShardState.Active, $"Shard {to} ({destination.Name}) takes no slots: it is {(destination.State == ShardState.Draining ? "being emptied" : "gone")}.");
        SlotMap map = await _map.Read(cancel);
        short[] foreign = [.. slots.Where(slot => map.Slots[slot].Shard != from).Order()];
        Refuse(foreign.Length > 0, $"Shard {from} does not own slot {(foreign.Length > 0 ? foreign[0] : 0)} ({foreign.Length} of those named): the map has it in shard {(foreign.Length > 0 ? map.Slots[foreign[0]].Shard : 0)}.");
        HashSet<short> moving = [.. (await _moves.ReadOpen(cancel)).SelectMany(move => move.Slots)];
        Refuse(slots.Any(moving.Contains), "Some of the slots are in another move that is not finished: resume or revert that one first.");

        (SlotShard source, SlotShard target) = (Reachable(from), Reachable(to));
        IReadOnlyDictionary<short, SlotFence> fences = await source.ReadFences(slots, cancel);
        short[] unowned = [.. slots.Where(slot => !fences.TryGetValue(slot, out SlotFence fence) || fence != new SlotFence(map.Slots[slot].Epoch, Owned: true)).Order()];
        Refuse(unowned.Length > 0, $"{source} itself does not own slot {(unowned.Length > 0 ? unowned[0] : 0)} as the map says: run `monstera shards verify`.");
        IReadOnlyDictionary<short, SlotFence> left = await target.ReadFences(slots, cancel);
        short[] later = [.. slots.Where(slot => left.TryGetValue(slot, out SlotFence fence) && (fence.Owned || fence.Epoch > map.Slots[slot].Epoch)).Order()];
        Refuse(later.Length > 0, $"{target} says that it owns slot {(later.Length > 0 ? later[0] : 0)}, or gave it away later than the map says: run `monstera shards verify`.");
        IReadOnlyList<ArchivedRoom> rooms = await target.Rooms.ReadRooms(slots, after: null, limit: 1, cancel);
        Refuse(rooms.Count > 0, $"{target} already has a room of these slots, {(rooms.Count > 0 ? rooms[0].Id : default)}: run `monstera shards verify`.");
    }

    /// <summary>
    /// Takes the move from where it stands to its end, also one that is being reverted. Soaks as long as the move says. <paramref name="cancel"/> stops between two steps, never in the middle
    /// of a hand-over.
    /// </summary>
    /// <exception cref="SlotMoveRefusedException">There is no such move, or it is finished; or one of its shards cannot be reached.</exception>
    /// <exception cref="SlotMoveStoppedException">Cannot go on now.</exception>
    /// <exception cref="ArchiveConflictException">A copy differs from what it is a copy of, or shards and map say what cannot be.</exception>
    /// <exception cref="StorageUnavailableException">A database does not answer.</exception>
    public async Task Run(Guid id, CancellationToken cancel)
    {
        while (true)
        {
            SlotMove move = await Find(id, cancel);
            var work = new MoveWork(this, move, Reachable(move.From), Reachable(move.To));
            SlotMoveStep next = move.Step switch
            {
                SlotMoveStep.Copying => await work.Copy(cancel),
                SlotMoveStep.HandingOver => await work.HandOver(cancel),
                SlotMoveStep.Soaking => await work.Soak(cancel),
                SlotMoveStep.Dropping => await work.Drop(work.Source, work.Target, SlotMoveStep.Done, cancel),
                SlotMoveStep.Reverting => await work.HandBack(cancel),
                SlotMoveStep.RemovingCopy => await work.Drop(work.Target, work.Source, SlotMoveStep.Reverted, cancel),
                _ => throw new SlotMoveStoppedException($"Move {id} stands at step {(short)move.Step}, which this version does not know."),
            };
            await _operation.EnsureHeld(cancel);
            bool isLast = next is SlotMoveStep.Done or SlotMoveStep.Reverted;
            bool changed = isLast
                ? await _moves.TryFinish(id, move.Step, next, _time.GetUtcNow(), CancellationToken.None)
                : await _moves.TryAdvance(id, move.Step, next, _time.GetUtcNow(), CancellationToken.None);
            if (!changed)
            {
                throw new SlotMoveStoppedException($"Somebody else goes on with move {id}.");
            }

            await _reached(SlotMovePoint.StepChanged);
            if (isLast)
            {
                return;
            }
        }
    }

    /// <summary>Turns the move round, and takes it to the end: the source has all slots again, with all that was written since, and the destination nothing of them.</summary>
    /// <exception cref="SlotMoveRefusedException">As <see cref="Run"/>; or rooms of the source are being dropped already.</exception>
    /// <inheritdoc cref="Run" path="/exception"/>
    public async Task Revert(Guid id, CancellationToken cancel)
    {
        SlotMove move = await Find(id, cancel);
        Refuse(
            move.Step == SlotMoveStep.Dropping, $"Move {id} is beyond the way back: rooms of shard {move.From} are being removed. Resume it, and then move the slots back with a move of their own.");
        if (move.Step is SlotMoveStep.Copying or SlotMoveStep.HandingOver or SlotMoveStep.Soaking)
        {
            _ = (Reachable(move.From), Reachable(move.To));
            await _operation.EnsureHeld(cancel);
            if (!await _moves.TryAdvance(id, move.Step, SlotMoveStep.Reverting, _time.GetUtcNow(), cancel))
            {
                throw new SlotMoveStoppedException($"Somebody else goes on with move {id}.");
            }

            await _reached(SlotMovePoint.StepChanged);
        }

        await Run(id, cancel);
    }

    private static void Refuse(bool when, string why)
    {
        if (when)
        {
            throw new SlotMoveRefusedException(why);
        }
    }

    private async Task<SlotMove> Find(Guid id, CancellationToken cancel) =>
        (await _moves.ReadOpen(cancel)).SingleOrDefault(move => move.Id == id) ?? throw new SlotMoveRefusedException($"There is no move {id} that is not finished.");

    private SlotShard Reachable(short shard) =>
        shards.TryGetValue(shard, out SlotShard? found) ? found : throw new SlotMoveRefusedException($"Shard {shard} cannot be reached, or has no connection string of its owner here.");
}
