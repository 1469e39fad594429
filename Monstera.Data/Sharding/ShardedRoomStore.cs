using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

/// <summary>
/// Rooms in several databases: partition n is shard n. Calls go where the kept map has the room's slot. A shard that does not own it says so, in the transaction that would have
/// read or written; then the map is looked up again, and who reads is sent on, for about two seconds in all. Writes are not sent on: whoever keeps their order does that.
/// </summary>
public sealed partial class ShardedRoomStore : IRoomStore
{
    /// <summary>For so long a read follows a slot that is being moved.</summary>
    private static readonly TimeSpan FollowFor = TimeSpan.FromSeconds(2);

    private readonly ShardLink[] _shards;
    private readonly KeptShardMap _map;
    private readonly TimeProvider _time;

    private ShardedRoomStore(KeptShardMap map, ShardLink[] shards, TimeProvider time)
    {
        (_map, _shards, _time) = (map, shards, time);
        Outboxes = [.. shards.Select(shard => new ShardOutbox(shard))];
    }

    /// <inheritdoc/>
    public int Partitions => _shards.Length;

    /// <inheritdoc/>
    public IReadOnlyList<IMembershipOutbox> Outboxes { get; }

    /// <summary>The version of the map that is kept.</summary>
    public long MapVersion => _map.Present.Version;

    /// <summary>Shards that have slots according to the map, and that this store does not know: their rooms are unavailable.</summary>
    public IEnumerable<short> UnknownShards => _map.Present.Shards.Where(shard => shard >= _shards.Length);

    /// <summary>Reads the map and opens the shards, side by side. Those that are away are opened when they are back.</summary>
    /// <param name="shards">How many, from 1.</param>
    /// <param name="open">
    /// Opens a shard's store, given its number and the epochs at which it is believed to own slots. May block; called again after it failed with a <see cref="StorageUnavailableException"/>.
    /// </param>
    /// <exception cref="StorageUnavailableException">The map cannot be read.</exception>
    /// <exception cref="StorageRefusedException">A shard that has slots must not be used as it is.</exception>
    public static async Task<ShardedRoomStore> Open(IShardMap source, int shards, Func<int, Func<short, long>, IRoomStore> open, TimeProvider time, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(open);
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        SlotAssignments first = await source.ReadNewer(0, cancel) ?? throw new StorageUnavailableException("The directory has no map of slots.");
        KeptShardMap map = new(source, first, time);
        ShardLink[] links = [.. Enumerable.Range(0, shards).Select(shard => new ShardLink(shard, () => open(shard, slot => map.Present.EpochIn((short)shard, slot)), time))];
        await Task.WhenAll(links.Select((link, shard) => link.Open(isNeeded: first.Shards.Contains((short)shard))));
        return new ShardedRoomStore(map, links, time);
    }

    /// <summary>Looks whether slots moved. To be called every few seconds, so that a move is noticed before a call fails.</summary>
    /// <exception cref="StorageUnavailableException">The directory does not answer; the map stays what it was.</exception>
    public Task RefreshMap() => _map.Refresh();

    /// <summary>Why a shard is away; null when it answers.</summary>
    public StorageUnavailableException? FailureOf(int shard) => _shards[shard].Failure;

    /// <inheritdoc/>
    public int PartitionOf(RoomId room) => PartitionOf(_map.Present, Slot.Of(room));

    /// <inheritdoc/>
    public ValueTask<LogPage?> ReadAfter(TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel) =>
        Follow(room, store => store.ReadAfter(tenant, room, reader, after, eventsMax, bytesMax, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<TimelinePage?> ReadTimeline(TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel) =>
        Follow(room, store => store.ReadTimeline(tenant, room, reader, query, limit, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) =>
        Follow(room, store => store.FindMessage(tenant, room, reader, seq, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) =>
        Follow(room, store => store.ReadPins(tenant, room, reader, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) => Follow(room, store => store.FindRoom(tenant, room, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) =>
        Follow(room, store => store.FindMember(tenant, room, user, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel) =>
        Follow(room, store => store.FindMembers(tenant, room, users, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<Page<RoomMember>?> ReadMembers(TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel) =>
        Follow(room, store => store.ReadMembers(tenant, room, reader, after, limit, cancel), cancel);

    /// <inheritdoc/>
    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) =>
        Follow(room, store => store.CountUnread(tenant, room, user, readSeq, cancel), cancel);

    /// <summary>Asks the shard that has the room, also when that is another one than a moment ago.</summary>
    private async ValueTask<T> Follow<T>(RoomId room, Func<IRoomStore, ValueTask<T>> read, CancellationToken cancel)
    {
        short slot = Slot.Of(room);
        long begun = _time.GetTimestamp();
        while (true)
        {
            SlotAssignments map = _map.Present;
            try
            {
                return await ShardOf(map, slot).Call(read);
            }
            catch (RoomMovedException) when (_time.GetElapsedTime(begun) < FollowFor)
            {
                // Where is it now?
            }

            await _map.Renew(map, FollowFor, cancel);
        }
    }

    private ShardLink ShardOf(SlotAssignments map, short slot) =>
        map.ShardOf(slot) is var shard && shard < _shards.Length
            ? _shards[shard]
            : throw new StorageUnavailableException($"Slot {slot} is in shard {shard}, which is not configured here.") { IsAway = true };

    private int PartitionOf(SlotAssignments map, short slot) => map.ShardOf(slot) is var shard && shard < _shards.Length ? shard : 0;
}
