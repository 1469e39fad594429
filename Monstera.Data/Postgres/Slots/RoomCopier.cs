using System.Text;
using System.Threading.Channels;
using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres.Slots;

/// <summary>
/// Copies what one shard has of some slots and another lacks. The log only grows, so that catching up is the same again, and so is going on where somebody was killed: what is
/// already there is found by comparing heads.
/// </summary>
internal sealed class RoomCopier(SlotShard from, SlotShard to, SlotMoverOptions options, Func<SlotMovePoint, ValueTask> reached)
{
    /// <summary>Told after each write: rooms that are complete now, events.</summary>
    public Action<int, int>? Copied { get; init; }

    /// <summary>One pass: all that <paramref name="slots"/> had in the source when it began.</summary>
    /// <returns>What was found: the rooms of the source, and whether all of them were equal without copying.</returns>
    /// <exception cref="ArchiveConflictException">A copy is ahead of what it is a copy of.</exception>
    public async Task<(List<ArchivedRoom> Rooms, bool WereEqual)> CatchUp(IReadOnlyCollection<short> slots, CancellationToken cancel)
    {
        Task<List<ArchivedRoom>> listing = to.ReadRooms(slots, cancel);
        List<ArchivedRoom> rooms = await from.ReadRooms(slots, cancel);
        Dictionary<RoomId, ArchivedRoom> copies = (await listing).ToDictionary(room => room.Id);
        List<(ArchivedRoom Room, long After)> behind = [];
        foreach (ArchivedRoom room in rooms)
        {
            long head = copies.TryGetValue(room.Id, out ArchivedRoom? copy) ? copy.Head : 0;
            if (copy is not null && copy.Tenant != room.Tenant)
            {
                throw new ArchiveConflictException($"Room {room.Id} belongs to another tenant in {to} than in {from}.");
            }

            if (head < room.Head)
            {
                behind.Add((room, head));
            }
        }

        // The copies were listed at the same time as the source, and nobody but this mover writes them. One that is ahead was listed after a write that is not ours.
        List<RoomId> ahead = [.. rooms.Where(room => copies.TryGetValue(room.Id, out ArchivedRoom? copy) && copy.Head > room.Head).Select(room => room.Id)];
        if (ahead.Count > 0)
        {
            throw new ArchiveConflictException($"{to} has more of room {ahead[0]} than {from}, of which it should be a copy ({ahead.Count} such rooms).");
        }

        List<RoomId> strange = [.. copies.Keys.Except(rooms.Select(room => room.Id))];
        if (strange.Count > 0)
        {
            throw new ArchiveConflictException($"{to} has room {strange[0]}, which {from} has not, although it should be a copy of it ({strange.Count} such rooms).");
        }

        await Copy(behind, cancel);
        return (rooms, behind.Count == 0);
    }

    /// <summary>One room, as far as its log goes now.</summary>
    public Task CatchUp(ArchivedRoom room, long after, CancellationToken cancel) => Copy([(room with { Head = long.MaxValue }, after)], cancel);

    private async Task Copy(IReadOnlyList<(ArchivedRoom Room, long After)> rooms, CancellationToken cancel)
    {
        if (rooms.Count == 0)
        {
            return;
        }

        var parts = Channel.CreateBounded<LogPart>(options.Readers * 4);
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task reading = Read(rooms, parts.Writer, failed.Token);
        try
        {
            await Write(parts.Reader, rooms.ToDictionary(room => room.Room.Id, room => room.Room.Head), failed.Token);
        }
        catch
        {
            // The readers wait for room in the channel.
            await failed.CancelAsync();
            await reading.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw;
        }

        await reading;
    }

    private async Task Read(IReadOnlyList<(ArchivedRoom Room, long After)> rooms, ChannelWriter<LogPart> parts, CancellationToken cancel)
    {
        try
        {
            await Parallel.ForEachAsync(rooms, new ParallelOptions { MaxDegreeOfParallelism = options.Readers, CancellationToken = cancel }, async (behind, stop) =>
            {
                (ArchivedRoom room, long after) = behind;
                while (after < room.Head)
                {
                    IReadOnlyList<RoomEvent> events = await from.Rooms.ReadLog(room.Tenant, room.Id, after, options.BatchEventsMax, options.BatchBytesMax, stop);
                    if (events.Count == 0)
                    {
                        return;
                    }

                    after = events[^1].Seq;
                    await parts.WriteAsync(new LogPart(room.Id, room.Tenant, room.Epoch, events), stop);
                }
            });
            parts.Complete();
        }
        catch (Exception e)
        {
            parts.Complete(e);
        }
    }

    /// <summary>Small rooms go together into one transaction; parts of a room come in their order.</summary>
    private async Task Write(ChannelReader<LogPart> parts, Dictionary<RoomId, long> heads, CancellationToken cancel)
    {
        Dictionary<RoomId, LogPart> batch = [];
        int events = 0, bytes = 0;
        while (await parts.WaitToReadAsync(cancel))
        {
            while (parts.TryRead(out LogPart? part))
            {
                batch[part.Room] = batch.TryGetValue(part.Room, out LogPart? before) ? before with { Events = [.. before.Events, .. part.Events] } : part;
                events += part.Events.Count;
                bytes += part.Events.Sum(e => e.Text is null ? 0 : Encoding.UTF8.GetByteCount(e.Text));
                if (events >= options.BatchEventsMax || bytes >= options.BatchBytesMax)
                {
                    await Flush();
                }
            }
        }

        await Flush();
        await parts.Completion;

        async Task Flush()
        {
            if (batch.Count == 0)
            {
                return;
            }

            cancel.ThrowIfCancellationRequested();
            await to.Rooms.Write([.. batch.Values], cancel);
            await reached(SlotMovePoint.BatchCopied);
            Copied?.Invoke(batch.Values.Count(part => part.Events[^1].Seq >= heads[part.Room]), events);
            batch.Clear();
            (events, bytes) = (0, 0);
        }
    }
}
