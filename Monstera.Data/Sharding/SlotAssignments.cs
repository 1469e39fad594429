using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

/// <summary>Which shard has each slot, and since which epoch, as one version of the map has it. A hint: whether a slot may be written or read is decided in the shard.</summary>
public sealed class SlotAssignments
{
    private readonly short[] _shards;
    private readonly long[] _epochs;

    /// <param name="shards">Of slots 0 … 4,095.</param>
    /// <param name="epochs">The same.</param>
    public SlotAssignments(long version, short[] shards, long[] epochs)
    {
        ArgumentNullException.ThrowIfNull(shards);
        ArgumentNullException.ThrowIfNull(epochs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(shards.Length, Slot.Count, nameof(shards));
        ArgumentOutOfRangeException.ThrowIfNotEqual(epochs.Length, Slot.Count, nameof(epochs));
        (Version, _shards, _epochs) = (version, shards, epochs);
        Shards = [.. shards.Distinct().Order()];
    }

    public long Version { get; }

    /// <summary>All that have a slot, ascending.</summary>
    public IReadOnlyList<short> Shards { get; }

    public short ShardOf(short slot) => _shards[slot];

    /// <summary>The epoch at which the shard owns the slot. 0, at which nobody owns anything: it does not.</summary>
    public long EpochIn(short shard, short slot) => _shards[slot] == shard ? _epochs[slot] : 0;
}
