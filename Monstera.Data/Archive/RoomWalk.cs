using System.Runtime.CompilerServices;
using Monstera.Data.Ids;

namespace Monstera.Data.Archive;

/// <summary>The rooms of an installation by id, page by page, over all its shards.</summary>
internal static class RoomWalk
{
    private const int PageRooms = 5_000;

    /// <summary>
    /// Reads ahead in a shard only when its last room was taken: rooms that are written below the last one given are never met.
    /// </summary>
    public static async IAsyncEnumerable<ArchivedRoom> Of(IReadOnlyList<ShardArchive> shards, [EnumeratorCancellation] CancellationToken cancel)
    {
        List<IAsyncEnumerator<ArchivedRoom>> walks = [];
        try
        {
            foreach (ShardArchive shard in shards)
            {
                IAsyncEnumerator<ArchivedRoom> walk = Of(shard, cancel).GetAsyncEnumerator(cancel);
                walks.Add(walk);
                await Advance(walks, walk);
            }

            while (walks.Count > 0)
            {
                IAsyncEnumerator<ArchivedRoom> next = walks.MinBy(walk => walk.Current.Id.Value)!;
                ArchivedRoom room = next.Current;
                await Advance(walks, next);
                yield return room;
            }
        }
        finally
        {
            foreach (IAsyncEnumerator<ArchivedRoom> walk in walks)
            {
                await walk.DisposeAsync();
            }
        }
    }

    /// <summary>Both sides of a copy by id: a room that one of them lacks is null there.</summary>
    public static async IAsyncEnumerable<(ArchivedRoom? Source, ArchivedRoom? Destination)> OfBoth(
        IReadOnlyList<ShardArchive> source, IReadOnlyList<ShardArchive> destination, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using IAsyncEnumerator<ArchivedRoom> left = Of(source, cancel).GetAsyncEnumerator(cancel);
        await using IAsyncEnumerator<ArchivedRoom> right = Of(destination, cancel).GetAsyncEnumerator(cancel);
        ArchivedRoom? from = await Next(left);
        ArchivedRoom? to = await Next(right);
        while (from is not null || to is not null)
        {
            int order = from is null ? 1 : to is null ? -1 : from.Id.Value.CompareTo(to.Id.Value);
            (ArchivedRoom? Source, ArchivedRoom? Destination) pair = (order <= 0 ? from : null, order >= 0 ? to : null);

            // Before the pair is given away: what becomes of it is not met again.
            from = order <= 0 ? await Next(left) : from;
            to = order >= 0 ? await Next(right) : to;
            yield return pair;
        }
    }

    private static async ValueTask<ArchivedRoom?> Next(IAsyncEnumerator<ArchivedRoom> walk) => await walk.MoveNextAsync() ? walk.Current : null;

    private static async ValueTask Advance(List<IAsyncEnumerator<ArchivedRoom>> walks, IAsyncEnumerator<ArchivedRoom> walk)
    {
        if (!await walk.MoveNextAsync())
        {
            walks.Remove(walk);
            await walk.DisposeAsync();
        }
    }

    private static async IAsyncEnumerable<ArchivedRoom> Of(ShardArchive shard, [EnumeratorCancellation] CancellationToken cancel)
    {
        RoomId? after = null;
        while (true)
        {
            IReadOnlyList<ArchivedRoom> page = await shard.Rooms.ReadRooms(shard.Slots, after, PageRooms, cancel);
            foreach (ArchivedRoom room in page)
            {
                yield return room;
            }

            if (page.Count < PageRooms)
            {
                yield break;
            }

            after = page[^1].Id;
        }
    }
}
