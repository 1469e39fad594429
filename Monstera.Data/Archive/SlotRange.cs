namespace Monstera.Data.Archive;

/// <summary>Consecutive slots that one shard has, at one epoch.</summary>
public sealed record SlotRange(short First, short Last, short Shard, long Epoch);
