using System.Collections.Concurrent;
using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres.Slots;

/// <summary>What was found wrong.</summary>
/// <param name="Problems">Sentences for people; of each kind the first hundred. Empty: all is well.</param>
public sealed record ShardsReport(IReadOnlyList<string> Problems, long RoomsChecked, long EventsChecked);

/// <summary>
/// Checks a whole installation while it is served: 1. each slot is owned by one shard, the one that the map names, at the same epoch; 2. rooms lie in their slot's shard; 3. each log goes from 1
/// to its head; 4. all that is projected from a log agrees with it, by making it anew (<see cref="RoomReplay"/>). Slots and rooms in a move that is not finished may be in two shards.
/// </summary>
/// <param name="shards">Those that can be reached.</param>
public sealed class ShardsVerifier(PostgresDatabase directory, IReadOnlyDictionary<short, SlotShard> shards, SlotMoverOptions? options = null)
{
    private const int NamedMax = 100;
    private const int AttemptsMax = 5;

    private static readonly short[] AllSlots = [.. Enumerable.Range(0, Slot.Count).Select(slot => (short)slot)];

    private readonly int _readers = (options ?? new SlotMoverOptions()).Readers;
    private readonly ConcurrentQueue<string> _problems = [];
    private long _rooms;
    private long _events;

    /// <summary>Told after each room: rooms so far, events so far, rooms of the shard in question and its name.</summary>
    public Action<long, long, long, SlotShard>? Progress { get; init; }

    /// <param name="only">The rooms of this shard alone; the map is compared with all. Null: all.</param>
    public async Task<ShardsReport> Verify(short? only, CancellationToken cancel)
    {
        var map = new PostgresShardMap(directory);
        List<Shard> registered = await map.ReadShards(cancel);
        List<SlotMove> moves = await new PostgresSlotMoves(directory).ReadOpen(cancel);
        foreach (Shard shard in registered.Where(shard => shard.State != ShardState.Gone && !shards.ContainsKey(shard.Id)))
        {
            _problems.Enqueue($"shard {shard.Id} ({shard.Name}) could not be asked.");
        }

        // 1. A hand-over between two reads looks wrong: what is wrong stays so.
        List<string> fences = await FindFenceProblems(map, moves, cancel);
        for (int attempt = 1; fences.Count > 0 && attempt < AttemptsMax; attempt++)
        {
            fences = [.. (await FindFenceProblems(map, moves, cancel)).Intersect(fences)];
        }

        Note(fences);
        foreach (SlotShard shard in shards.Values.Where(shard => only is null || shard.Id == only).OrderBy(shard => shard.Id))
        {
            await VerifyRooms(shard, moves, cancel);
        }

        return new ShardsReport([.. _problems], _rooms, _events);
    }

    private void Note(IReadOnlyCollection<string> problems)
    {
        foreach (string problem in problems.Take(NamedMax))
        {
            _problems.Enqueue(problem);
        }

        if (problems.Count > NamedMax)
        {
            _problems.Enqueue($"and {problems.Count - NamedMax} more like these.");
        }
    }

    private async Task<List<string>> FindFenceProblems(PostgresShardMap map, List<SlotMove> moves, CancellationToken cancel)
    {
        Dictionary<short, IReadOnlyDictionary<short, SlotFence>> fences = [];
        foreach (SlotShard shard in shards.Values)
        {
            fences.Add(shard.Id, await shard.ReadFences(AllSlots, cancel));
        }

        SlotMap named = await map.Read(cancel);
        HashSet<short> moving = [.. moves.SelectMany(move => move.Slots)];
        List<string> problems = [];
        foreach (short slot in AllSlots)
        {
            SlotOwner owner = named.Slots[slot];
            short[] owners = [.. fences.Where(shard => shard.Value.TryGetValue(slot, out SlotFence fence) && fence.Owned).Select(shard => shard.Key).Order()];
            if (owners.Length > 1)
            {
                problems.Add($"slot {slot} is owned by {owners.Length} shards at once: {string.Join(", ", owners)}.");
            }
            else if (owners.Length == 0)
            {
                // A shard that cannot be asked was named above.
                if (shards.ContainsKey(owner.Shard))
                {
                    problems.Add($"slot {slot} is owned by no shard; the map says {owner.Shard} at epoch {owner.Epoch}{(moving.Contains(slot) ? ", and a move is open: resume or revert it" : "")}.");
                }
            }
            else if (owners[0] != owner.Shard || fences[owners[0]][slot].Epoch != owner.Epoch)
            {
                problems.Add($"slot {slot} is owned by shard {owners[0]} at epoch {fences[owners[0]][slot].Epoch}, but the map says shard {owner.Shard} at epoch {owner.Epoch}.");
            }
            else if (fences.FirstOrDefault(shard => shard.Value.TryGetValue(slot, out SlotFence fence) && fence.Epoch > owner.Epoch) is { Value: not null } other)
            {
                // Who gave it away earlier remembers that for ever.
                problems.Add($"slot {slot} is owned by shard {owners[0]} at epoch {owner.Epoch}, but shard {other.Key} gave it away at epoch {other.Value[slot].Epoch}, which is later.");
            }
        }

        return problems;
    }

    private async Task VerifyRooms(SlotShard shard, List<SlotMove> moves, CancellationToken cancel)
    {
        IReadOnlyDictionary<short, SlotFence> fences = await shard.ReadFences(AllSlots, cancel);
        HashSet<short> copies = [.. moves.Where(move => move.From == shard.Id || move.To == shard.Id).SelectMany(move => move.Slots)];
        List<ArchivedRoom> rooms = await shard.ReadRooms(slots: null, cancel);

        // 2.
        List<string> misplaced = [.. (await shard.FindWrongSlots(cancel)).Select(problem => $"{shard}: {problem}")];
        misplaced.AddRange(rooms.Where(room => !(fences.TryGetValue(Slot.Of(room.Id), out SlotFence fence) && fence.Owned) && !copies.Contains(Slot.Of(room.Id)))
            .Select(room => $"{shard}: room {room.Id} lies here, but its slot {Slot.Of(room.Id)} is not owned here, and no move is open."));
        Note(misplaced);

        // 3.
        Note([.. (await shard.FindGaps(rooms, cancel)).Select(gap => $"{shard}: the log has a gap: {gap}.")]);

        // 4.
        ConcurrentQueue<string> differing = [];
        await Parallel.ForEachAsync(rooms, new ParallelOptions { MaxDegreeOfParallelism = _readers, CancellationToken = cancel }, async (room, stop) =>
        {
            if (await FindDifference(shard, room.Tenant, room.Id, stop) is { } difference)
            {
                differing.Enqueue($"{shard}: {difference}");
            }

            Progress?.Invoke(Interlocked.Increment(ref _rooms), Interlocked.Add(ref _events, room.Head), rooms.Count, shard);
        });
        Note(differing);
    }

    private static async Task<string?> FindDifference(SlotShard shard, TenantId tenant, RoomId room, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            RoomDigest? stored = await shard.Rooms.Digest(tenant, room, cancel);
            if (stored is null || await RoomReplay.Digest(shard.Rooms, tenant, room, stored.Head, cancel) == stored.Sha256)
            {
                // Moved away meanwhile, or equal.
                return null;
            }

            // A text that was erased in between makes them differ, and comes with a further event.
            if (await shard.Rooms.Digest(tenant, room, cancel) == stored)
            {
                return $"what is stored of room {room} beside its log does not agree with the log.";
            }

            if (attempt >= AttemptsMax)
            {
                return $"room {room} is written so often that it could not be compared; it may be well.";
            }
        }
    }
}
