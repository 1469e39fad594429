using Monstera.Data.Postgres.Directory;

namespace Monstera.Data.Postgres.Slots;

/// <param name="Slots">Ascending.</param>
public sealed record PlannedMove(short From, short To, IReadOnlyList<short> Slots);

/// <summary>
/// Which slots go where, so that all active shards have the same number, give or take one, and the others none, with as few slots moved as possible.
/// </summary>
public static class RebalancePlan
{
    /// <param name="owners">Of each slot, its shard.</param>
    /// <returns>By source, then destination; none when all is as it should be.</returns>
    /// <exception cref="SlotMoveRefusedException">There is no active shard, or a slot belongs to a shard that is not registered.</exception>
    public static IReadOnlyList<PlannedMove> Of(IReadOnlyCollection<Shard> shards, IReadOnlyList<short> owners)
    {
        ArgumentNullException.ThrowIfNull(shards);
        ArgumentNullException.ThrowIfNull(owners);
        Dictionary<short, List<short>> slots = shards.ToDictionary(shard => shard.Id, _ => new List<short>());
        for (short slot = 0; slot < owners.Count; slot++)
        {
            if (!slots.TryGetValue(owners[slot], out List<short>? own))
            {
                throw new SlotMoveRefusedException($"Slot {slot} belongs to shard {owners[slot]}, which is not registered.");
            }

            own.Add(slot);
        }

        short[] active = [.. shards.Where(shard => shard.State == ShardState.Active).Select(shard => shard.Id).Order()];
        if (active.Length == 0)
        {
            throw new SlotMoveRefusedException("No shard takes slots: all are being emptied or gone.");
        }

        // Those that have most keep the one that does not divide.
        (int share, int rest) = (owners.Count / active.Length, owners.Count % active.Length);
        Dictionary<short, int> targets = slots.Keys.ToDictionary(shard => shard, _ => 0);
        foreach ((short shard, int place) in active.OrderByDescending(shard => slots[shard].Count).ThenBy(shard => shard).Select((shard, place) => (shard, place)))
        {
            targets[shard] = share + (place < rest ? 1 : 0);
        }

        // What each has too much, from its end; and places for it.
        Queue<(short From, short Slot)> spare = new(slots.OrderBy(own => own.Key).SelectMany(own => own.Value.Skip(targets[own.Key]).Select(slot => (own.Key, slot))));
        return [.. active.SelectMany(shard => Enumerable.Range(0, Math.Max(targets[shard] - slots[shard].Count, 0)).Select(_ => shard))
            .Select(to => (Spare: spare.Dequeue(), To: to))
            .GroupBy(move => (move.Spare.From, move.To), move => move.Spare.Slot)
            .Select(move => new PlannedMove(move.Key.From, move.Key.To, [.. move.Order()]))
            .OrderBy(move => move.From).ThenBy(move => move.To)];
    }
}
