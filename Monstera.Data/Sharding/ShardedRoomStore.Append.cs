using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

public sealed partial class ShardedRoomStore
{
    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(drafts);
        SlotAssignments map = _map.Present;
        int first = drafts.Count == 0 ? 0 : PartitionOf(map, Slot.Of(drafts[0].Room));
        for (int i = 1; i < drafts.Count; i++)
        {
            if (PartitionOf(map, Slot.Of(drafts[i].Room)) != first)
            {
                return AppendToSeveral(drafts, now, cancel);
            }
        }

        return AppendToOne(first, drafts, now, cancel);
    }

    /// <summary>Also what no configured shard has: to whoever is asked such a slot is none of its own.</summary>
    private async ValueTask<IReadOnlyList<AppendOutcome>> AppendToOne(int shard, IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        try
        {
            return await _shards[shard].Call(store => store.Append(drafts, now, cancel));
        }
        catch (RoomMovedException)
        {
            _map.RefreshSoon();
            throw;
        }
    }

    /// <summary>
    /// Side by side, each shard's drafts in their order. Slots that move meanwhile are followed, as reads do. When a part fails for good, nobody knows what became of the others:
    /// it is no <see cref="RoomMovedException"/> then.
    /// </summary>
    private async ValueTask<IReadOnlyList<AppendOutcome>> AppendToSeveral(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        AppendOutcome[] outcomes = new AppendOutcome[drafts.Count];
        int[] left = [.. Enumerable.Range(0, drafts.Count)];
        long begun = _time.GetTimestamp();
        while (left.Length > 0)
        {
            SlotAssignments map = _map.Present;
            int[][] parts = await Task.WhenAll(left.GroupBy(i => PartitionOf(map, Slot.Of(drafts[i].Room))).Select(async part =>
            {
                int[] some = [.. part];
                try
                {
                    IReadOnlyList<AppendOutcome> done = await AppendToOne(part.Key, [.. some.Select(i => drafts[i])], now, cancel);
                    for (int i = 0; i < some.Length; i++)
                    {
                        outcomes[some[i]] = done[i];
                    }

                    return [];
                }
                catch (RoomMovedException e)
                {
                    return _time.GetElapsedTime(begun) < FollowFor
                        ? some
                        : throw new StorageUnavailableException("Slots of a batch of several shards are being moved.", e);
                }
            }));
            left = [.. parts.SelectMany(part => part).Order()];
            if (left.Length > 0)
            {
                await _map.Renew(map, FollowFor, cancel);
            }
        }

        return outcomes;
    }
}
