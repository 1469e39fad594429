using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>What several shards answered together.</summary>
/// <param name="Missing">Rooms that were asked for and whose shard did not answer: whether they are there is unknown. Empty when all answered.</param>
public sealed record Gathered<T>(IReadOnlyList<T> Items, IReadOnlyList<RoomId> Missing);
