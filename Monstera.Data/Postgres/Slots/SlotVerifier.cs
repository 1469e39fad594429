using System.Collections.Concurrent;
using Monstera.Data.Archive;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres.Slots;

/// <summary>
/// Compares rooms with their copies: digests of all that is stored of each, client ids and projections included. Rooms that are written all the while, so that the two never stand at the
/// same event, are compared event by event up to where the copy goes.
/// </summary>
internal sealed class SlotVerifier(SlotShard from, SlotShard to, SlotMoverOptions options)
{
    private const int AttemptsMax = 5;

    /// <summary>Told after each room.</summary>
    public Action<ArchivedRoom>? Verified { get; init; }

    /// <returns>Rooms that are too busy to stand still: their logs agree, but their digests were not compared.</returns>
    /// <exception cref="ArchiveConflictException">A room and its copy differ. The message names the first of them.</exception>
    public async Task<IReadOnlyCollection<ArchivedRoom>> Verify(IReadOnlyList<ArchivedRoom> rooms, RoomCopier copier, CancellationToken cancel)
    {
        ConcurrentBag<ArchivedRoom> busy = [];
        await Parallel.ForEachAsync(rooms, new ParallelOptions { MaxDegreeOfParallelism = options.Readers, CancellationToken = cancel }, async (room, stop) =>
        {
            if (!await DigestsAgree(room, copier, stop))
            {
                await CompareLogs(room, stop);
                busy.Add(room);
            }

            Verified?.Invoke(room);
        });
        return busy;
    }

    /// <summary>For rooms that nobody writes.</summary>
    /// <exception cref="ArchiveConflictException">A room and its copy differ.</exception>
    public async Task VerifyAtRest(IEnumerable<ArchivedRoom> rooms, CancellationToken cancel) =>
        await Parallel.ForEachAsync(rooms, new ParallelOptions { MaxDegreeOfParallelism = options.Readers, CancellationToken = cancel }, async (room, stop) =>
        {
            (RoomDigest? one, RoomDigest? other) = await Digests(room, stop);
            if (one is null || !AreEqual(one, other))
            {
                throw Differ(room, one, other);
            }
        });

    private static bool AreEqual(RoomDigest one, RoomDigest? other) => other is not null && (one.Tenant, one.Epoch, one.Head, one.Sha256) == (other.Tenant, other.Epoch, other.Head, other.Sha256);

    private async Task<bool> DigestsAgree(ArchivedRoom room, RoomCopier copier, CancellationToken cancel)
    {
        for (int attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            (RoomDigest? one, RoomDigest? other) = await Digests(room, cancel);
            if (one is not null && AreEqual(one, other))
            {
                return true;
            }

            // Different at the same event: that is not the writers' doing.
            if (one is null || one.Head <= other?.Head)
            {
                throw Differ(room, one, other);
            }

            await copier.CatchUp(room, other?.Head ?? 0, cancel);
        }

        return false;
    }

    private async Task<(RoomDigest? One, RoomDigest? Other)> Digests(ArchivedRoom room, CancellationToken cancel)
    {
        ValueTask<RoomDigest?> other = to.Rooms.Digest(room.Tenant, room.Id, cancel);
        RoomDigest? one = await from.Rooms.Digest(room.Tenant, room.Id, cancel);
        return (one, await other);
    }

    /// <summary>Texts that one of them has not were erased since they were copied, or are about to be.</summary>
    private async Task CompareLogs(ArchivedRoom room, CancellationToken cancel)
    {
        for (long after = 0; ;)
        {
            IReadOnlyList<RoomEvent> copied = await to.Rooms.ReadLog(room.Tenant, room.Id, after, options.BatchEventsMax, options.BatchBytesMax, cancel);
            if (copied.Count == 0)
            {
                return;
            }

            int matched = 0;
            while (matched < copied.Count)
            {
                IReadOnlyList<RoomEvent> events = await from.Rooms.ReadLog(room.Tenant, room.Id, after, copied.Count - matched, options.BatchBytesMax, cancel);
                if (events.Count == 0)
                {
                    throw new ArchiveConflictException($"The copy of room {room.Id} in {to} goes beyond {from}: seq {after + 1}.");
                }

                foreach (RoomEvent e in events)
                {
                    RoomEvent copy = copied[matched++];
                    if (copy != (copy.Text is null || e.Text is null ? e with { Text = copy.Text } : e))
                    {
                        throw new ArchiveConflictException($"The copy of room {room.Id} in {to} differs from {from} at seq {e.Seq}.");
                    }
                }

                after = events[^1].Seq;
            }
        }
    }

    private ArchiveConflictException Differ(ArchivedRoom room, RoomDigest? one, RoomDigest? other) => new(
        $"Room {room.Id} differs: {from} has {Say(one)}, {to} has {Say(other)}. Nothing was handed over.");

    private static string Say(RoomDigest? digest) => digest is null ? "none" : $"{digest.Head} events, epoch {digest.Epoch}, digest {digest.Sha256[..12]}";
}
