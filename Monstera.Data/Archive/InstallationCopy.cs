using System.Text;
using System.Threading.Channels;
using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>
/// Copies an installation into another storage: rooms by their logs, the directory by its rows. Any number of passes; each copies what the destination lacks, so that whatever
/// is killed is simply run again, and all but the last pass may run while the source is served.
/// </summary>
/// <param name="progress">Called as things go on.</param>
/// <param name="epochOf">The epoch in the copy of a room that the destination lacks. Null: that of the source, and rooms of another epoch do not belong together.</param>
/// <param name="replace">Rooms of the destination that are no beginning of the source's are removed and copied anew, instead of being refused.</param>
public sealed partial class InstallationCopy(
    IInstallationArchive source, IInstallationArchive destination, Action<CopyProgress>? progress = null, Func<long, long>? epochOf = null, bool replace = false)
{
    public const int DifferencesMax = 20;

    // One write: large enough that its commit does not count, small enough for memory and for a lock's patience.
    private const int WriteEventsMax = 2_000;
    private const int WriteBytesMax = 4 << 20;
    private const int WriteRoomsMax = 500;

    // More than any one event has: a read that came so close to its bound may have stopped at it.
    private const int EventBytesMax = 64 << 10;

    private readonly Lock _gate = new();
    private CopyProgress _progress;
    private long? _rooms;

    /// <summary>
    /// One pass over the rooms: copies the log of each after the destination's head, to its end. A room whose heads are equal costs nothing.
    /// </summary>
    /// <exception cref="ArchiveConflictException">A room of the destination is no beginning of the source's, and is not to be replaced. Names it.</exception>
    public async Task<RoomPass> CopyRooms(CancellationToken cancel)
    {
        // Counted for the first pass, which is the long one.
        Begin(CopyPhase.Rooms, total: progress is not null && _rooms is null ? await CountBehind(cancel) : 0);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Channel<LogBatch> ready = Channel.CreateBounded<LogBatch>(new BoundedChannelOptions(2) { SingleReader = true, SingleWriter = true });
        Task writing = Write(ready.Reader, stop);
        long rooms = 0;
        long copied = 0;
        try
        {
            Dictionary<IRoomArchive, LogBatch> open = [];
            await foreach ((ArchivedRoom? from, ArchivedRoom? to) in RoomWalk.OfBoth(source.Shards, destination.Shards, stop.Token))
            {
                rooms += from is null ? 0 : 1;
                Tell(rooms: rooms);
                if (await Compare(from, to, stop.Token) is { } start)
                {
                    copied++;
                    await Read(from!, start, open, ready.Writer, stop.Token);
                }
            }

            foreach (LogBatch rest in open.Values.Where(batch => batch.Parts.Count > 0))
            {
                await ready.Writer.WriteAsync(rest, stop.Token);
            }

            ready.Writer.Complete();
        }
        catch (Exception e)
        {
            ready.Writer.TryComplete(e is OperationCanceledException ? null : e);

            // When the writing failed, that is what is to be told.
            await writing;
            throw;
        }

        await writing;
        _rooms = rooms;
        return new RoomPass(rooms, copied, _progress.Events, _progress.Bytes);
    }

    /// <summary>How much there is.</summary>
    public static async Task<InstallationSize> Measure(IInstallationArchive installation, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(installation);
        long rooms = 0;
        long events = 0;
        await foreach (ArchivedRoom room in RoomWalk.Of(installation.Shards, cancel))
        {
            rooms++;
            events += room.Head;
        }

        Dictionary<DirectoryTable, long> rows = await CountRows(installation.Directory, cancel);
        return new InstallationSize(
            rooms, events, rows[DirectoryTable.Tenants], rows[DirectoryTable.Accounts], rows[DirectoryTable.Sessions], rows[DirectoryTable.Invites],
            rows[DirectoryTable.UserRooms]);
    }

    /// <summary>How many events of the source the destination lacks. What is to be replaced counts as lacking.</summary>
    public async Task<long> CountBehind(CancellationToken cancel)
    {
        long events = 0;
        await foreach ((ArchivedRoom? from, ArchivedRoom? to) in RoomWalk.OfBoth(source.Shards, destination.Shards, cancel))
        {
            events += from is null ? 0 : Fault(from, to) is null ? from.Head - (to?.Head ?? 0) : from.Head;
        }

        return events;
    }

    /// <returns>Where to copy on from; null: there is nothing to do.</returns>
    private async ValueTask<(long After, long Epoch)?> Compare(ArchivedRoom? from, ArchivedRoom? to, CancellationToken cancel)
    {
        if (to is not null && Fault(from, to) is { } fault)
        {
            if (!replace)
            {
                throw new ArchiveConflictException(fault);
            }

            await destination.RoomsOf(to.Id).Remove(to.Tenant, [to.Id], cancel);
            to = null;
        }

        if (from is null || from.Head == to?.Head)
        {
            return null;
        }

        return (to?.Head ?? 0, to?.Epoch ?? epochOf?.Invoke(from.Epoch) ?? from.Epoch);
    }

    /// <summary>Why what the destination has cannot be the beginning of the source's room.</summary>
    private string? Fault(ArchivedRoom? from, ArchivedRoom? to)
    {
        if (to is null)
        {
            return null;
        }

        string room = $"Room {to.Id} of {destination.Place}";
        return from is null ? $"{room} is not in {source.Place}."
            : from.Tenant != to.Tenant ? $"{room} belongs to another tenant than in {source.Place}."
            : epochOf is null && from.Epoch != to.Epoch ? $"{room} has epoch {to.Epoch}, and {from.Epoch} in {source.Place}: one of them was restored from a backup."
            : epochOf is not null && from.Epoch >= to.Epoch ? $"{room} has epoch {to.Epoch}, which was not given by a restore."
            : from.Head < to.Head ? $"{room} has events up to {to.Head}, and only up to {from.Head} in {source.Place}."
            : null;
    }

    /// <summary>Reads to the log's end as it is at one instant: whatever an event before had undone, what undid it is there too.</summary>
    private async ValueTask Read(
        ArchivedRoom room, (long After, long Epoch) start, Dictionary<IRoomArchive, LogBatch> open, ChannelWriter<LogBatch> ready, CancellationToken cancel)
    {
        IRoomArchive from = source.RoomsOf(room.Id);
        IRoomArchive to = destination.RoomsOf(room.Id);
        long after = start.After;
        while (true)
        {
            LogBatch batch = open.TryGetValue(to, out LogBatch? known) ? known : open[to] = new LogBatch(to);
            int eventsMax = WriteEventsMax - batch.Events;
            int bytesMax = WriteBytesMax - batch.Bytes;
            IReadOnlyList<RoomEvent> events = await from.ReadLog(room.Tenant, room.Id, after, eventsMax, bytesMax, cancel);
            int bytes = events.Sum(Size);
            bool isEnd = events.Count < eventsMax && bytes + EventBytesMax < bytesMax;
            if (events.Count > 0)
            {
                after = events[^1].Seq;
                batch.Parts.Add(new LogPart(room.Id, room.Tenant, start.Epoch, events));
                batch.Events += events.Count;
                batch.Bytes += bytes;
            }

            if (!isEnd || batch.Parts.Count == WriteRoomsMax)
            {
                open.Remove(to);
                await ready.WriteAsync(batch, cancel);
            }

            if (isEnd || events.Count == 0)
            {
                return;
            }
        }
    }

    private async Task Write(ChannelReader<LogBatch> ready, CancellationTokenSource stop)
    {
        try
        {
            await foreach (LogBatch batch in ready.ReadAllAsync(stop.Token))
            {
                await batch.To.Write(batch.Parts, stop.Token);
                Tell(events: batch.Events, bytes: batch.Bytes);
            }
        }
        catch
        {
            // The reading would wait for room in the channel for ever.
            await stop.CancelAsync();
            throw;
        }
    }

    // As ReadAfter counts.
    private static int Size(RoomEvent e) => 128 + Bytes(e.Text) + Bytes(e.Emoji) + Bytes(e.Name) + Bytes(e.Topic);

    private static int Bytes(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);

    private void Begin(CopyPhase phase, long total = 0)
    {
        lock (_gate)
        {
            _progress = new CopyProgress(phase, 0, 0, 0, total);
            progress?.Invoke(_progress);
        }
    }

    private void Tell(long? rooms = null, long events = 0, long bytes = 0)
    {
        lock (_gate)
        {
            _progress = _progress with { Rooms = rooms ?? _progress.Rooms, Events = _progress.Events + events, Bytes = _progress.Bytes + bytes };
            progress?.Invoke(_progress);
        }
    }

    /// <summary>Parts for one write.</summary>
    private sealed class LogBatch(IRoomArchive to)
    {
        public IRoomArchive To { get; } = to;

        public List<LogPart> Parts { get; } = [];

        public int Events { get; set; }

        public int Bytes { get; set; }
    }
}
