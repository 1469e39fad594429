using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

// Reads that span rooms: all shards that are concerned are asked at once, each one time for all of its rooms.
public sealed partial class ShardedRoomStore
{
    /// <summary>A shard that takes longer is missing from the answer: the others' rooms do not wait for its timeout.</summary>
    private static readonly TimeSpan ShardPatience = TimeSpan.FromSeconds(3);

    /// <inheritdoc/>
    public ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rooms.Count, 1_000, nameof(rooms));
        return Gather(rooms, room => room, (store, some) => store.ReadHeads(tenant, some, cancel), cancel);
    }

    /// <inheritdoc/>
    public async ValueTask<Gathered<RoomSummary>> Summarize(TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rooms.Count, 100, nameof(rooms));
        Gathered<RoomSummary> gathered = await Gather(rooms, marker => marker.Room, (store, some) => store.Summarize(tenant, user, some, cancel), cancel);
        Dictionary<RoomId, int> places = [];
        for (int i = 0; i < rooms.Count; i++)
        {
            places.TryAdd(rooms[i].Room, i);
        }

        return gathered with { Items = [.. gathered.Items.OrderBy(summary => places[summary.Room.Id])] };
    }

    /// <inheritdoc/>
    public async ValueTask<PublicRoomPage> ReadPublicRooms(TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel)
    {
        StorageUnavailableException? failure = null;
        SlotAssignments map = _map.Present;
        PublicRoomPage?[] pages = await Task.WhenAll(_shards.Select(async (shard, number) =>
        {
            try
            {
                return await shard.Call(store => store.ReadPublicRooms(tenant, user, query, after, limit, cancel)).AsTask().WaitAsync(ShardPatience, _time, cancel);
            }
            catch (Exception e) when (e is StorageUnavailableException or TimeoutException)
            {
                // One without slots has no rooms that could be missing.
                failure = map.Shards.Contains((short)number) ? Unavailable(e) : failure;
                return null;
            }
        }));
        if (failure is not null && pages.All(page => page is null))
        {
            throw failure;
        }

        return Merge([.. pages.OfType<PublicRoomPage>()], limit, isIncomplete: failure is not null || UnknownShards.Any());
    }

    /// <summary>The first of what comes first in each. A slot that moved between two answers shows its rooms in both: once is enough.</summary>
    private static PublicRoomPage Merge(IReadOnlyList<PublicRoomPage> pages, int limit, bool isIncomplete)
    {
        bool goesOn = pages.Any(page => page.Next is not null);
        List<(string Folded, PublicRoom Room)> rooms =
        [
            .. pages.SelectMany(page => page.Items).DistinctBy(room => room.Id)
                .Select(room => (FoldedText.Of(room.Name), room))
                .Order(ByNameThenId),
        ];
        if (rooms.Count > limit)
        {
            goesOn = true;
            rooms.RemoveRange(limit, rooms.Count - limit);
        }

        string? next = goesOn && rooms.Count > 0 ? PageCursor.Of(rooms[^1].Room.Id.Value, rooms[^1].Folded) : null;
        return new PublicRoomPage([.. rooms.Select(one => one.Room)], next, isIncomplete || pages.Any(page => page.Incomplete));
    }

    private static readonly Comparer<(string Folded, PublicRoom Room)> ByNameThenId = Comparer<(string Folded, PublicRoom Room)>.Create(static (a, b) =>
    {
        int byName = CompareCodePoints(a.Folded, b.Folded);
        return byName != 0 ? byName : a.Room.Id.Value.CompareTo(b.Room.Id.Value);
    });

    /// <summary>As the databases sort. UTF-16 sorts what is beyond U+FFFF (as surrogates) before U+E000 … U+FFFF.</summary>
    private static int CompareCodePoints(string a, string b)
    {
        int same = a.AsSpan().CommonPrefixLength(b);
        return same == a.Length || same == b.Length
            ? a.Length.CompareTo(b.Length)
            : (char.IsSurrogate(a[same]), char.IsSurrogate(b[same])) is var (left, right) && left != right
                ? left.CompareTo(right)
                : a[same].CompareTo(b[same]);
    }

    private static StorageUnavailableException Unavailable(Exception e) =>
        e as StorageUnavailableException ?? new StorageUnavailableException("A shard does not answer in time.", e) { IsAway = true };

    private async ValueTask<Gathered<TItem>> Gather<TKey, TItem>(
        IReadOnlyCollection<TKey> keys, Func<TKey, RoomId> roomOf, Func<IRoomStore, IReadOnlyList<TKey>, ValueTask<Gathered<TItem>>> read, CancellationToken cancel)
    {
        List<TItem> items = [];
        List<RoomId> missing = [];
        StorageUnavailableException? failure = null;
        bool answered = false;
        long begun = _time.GetTimestamp();
        IReadOnlyCollection<TKey> left = keys;
        while (left.Count > 0)
        {
            SlotAssignments map = _map.Present;
            ShardAnswer<TKey, TItem>[] answers = await Task.WhenAll(
                left.GroupBy(key => map.ShardOf(Slot.Of(roomOf(key)))).Select(some => Ask(some.Key, [.. some], roomOf, read, cancel)));
            bool isLast = _time.GetElapsedTime(begun) >= FollowFor;
            List<TKey> moved = [];
            foreach (ShardAnswer<TKey, TItem> answer in answers)
            {
                items.AddRange(answer.Items);
                missing.AddRange(answer.Missing);
                answered |= answer.Failure is null;
                failure ??= answer.Failure;
                moved.AddRange(answer.Moved);
            }

            left = moved;
            if (left.Count > 0 && isLast)
            {
                missing.AddRange(left.Select(roomOf));
                break;
            }

            if (left.Count > 0)
            {
                await _map.Renew(map, FollowFor, cancel);
            }
        }

        return answered || failure is null ? new Gathered<TItem>(items, missing) : throw failure;
    }

    /// <summary>One shard's rooms. Those that it does not own do not keep the others from being answered.</summary>
    private async Task<ShardAnswer<TKey, TItem>> Ask<TKey, TItem>(
        short shard, List<TKey> keys, Func<TKey, RoomId> roomOf, Func<IRoomStore, IReadOnlyList<TKey>, ValueTask<Gathered<TItem>>> read, CancellationToken cancel)
    {
        List<TKey> moved = [];
        try
        {
            if (shard >= _shards.Length)
            {
                throw new StorageUnavailableException($"Shard {shard} is not configured here.") { IsAway = true };
            }

            while (keys.Count > 0)
            {
                List<TKey> asked = keys;
                try
                {
                    Gathered<TItem> answer = await _shards[shard].Call(store => read(store, asked)).AsTask().WaitAsync(ShardPatience, _time, cancel);
                    return new ShardAnswer<TKey, TItem>(answer.Items, answer.Missing, moved, null);
                }
                catch (RoomMovedException e)
                {
                    ILookup<bool, TKey> split = keys.ToLookup(key => e.Slots.Contains(Slot.Of(roomOf(key))));
                    moved.AddRange(split[true]);
                    keys = [.. split[false]];
                    if (keys.Count == asked.Count)
                    {
                        throw;
                    }
                }
            }

            return new ShardAnswer<TKey, TItem>([], [], moved, null);
        }
        catch (Exception e) when (e is StorageUnavailableException or TimeoutException)
        {
            return new ShardAnswer<TKey, TItem>([], [.. keys.Select(roomOf)], moved, Unavailable(e));
        }
    }

    /// <param name="Moved">Not owned by the shard: to be asked elsewhere.</param>
    /// <param name="Failure">Null: it answered.</param>
    private sealed record ShardAnswer<TKey, TItem>(IReadOnlyList<TItem> Items, IReadOnlyList<RoomId> Missing, IReadOnlyList<TKey> Moved, StorageUnavailableException? Failure);
}
