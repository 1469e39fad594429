namespace Monstera.Data.Sharding;

/// <summary>Where all servers look up which shard has which slots: the directory.</summary>
public interface IShardMap
{
    /// <summary>The whole map of one instant, unless it still has this version.</summary>
    /// <param name="version">0: none is known.</param>
    /// <returns>Null: nothing is new.</returns>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    ValueTask<SlotAssignments?> ReadNewer(long version, CancellationToken cancel);
}
