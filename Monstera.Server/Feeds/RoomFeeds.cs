using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Delivery;
using Monstera.Server.Hosting;
using Monstera.Server.Rooms;

namespace Monstera.Server.Feeds;

/// <summary>
/// The feeds of the rooms that have members connected to this node, and what keeps them whole: events come from this node's write path and from the backplane; what is missing
/// between them is read from the log after a short wait; and since the last event of a room has no successor to reveal that it is missing, heads are compared with the
/// log every few seconds, and at once after the backplane was away.
/// </summary>
public sealed partial class RoomFeeds : BackgroundService
{
    private const int RepairEventsMax = 500;
    private const int RepairBytesMax = 1_048_576;
    private const int HeadsPerRead = 500;

    private readonly IRoomStore _store;
    private readonly IBackplane _backplane;
    private readonly TimeProvider _time;
    private readonly RealtimeOptions _options;
    private readonly ILogger<RoomFeeds> _log;
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, Entry> _feeds = [];
    private readonly Nudge _compareNow = new();
    private readonly JobMeter? _jobs;
    private long _repaired;

    // As many drafts wait here as were taken by the write path, whose queue bounds them.
    private readonly Channel<CommittedBatch> _committed = Channel.CreateUnbounded<CommittedBatch>(new UnboundedChannelOptions { SingleReader = true });

    public RoomFeeds(
        IRoomStore store,
        IBackplane backplane,
        RoomWriter writer,
        IOptions<MonsteraOptions> options,
        TimeProvider time,
        ILogger<RoomFeeds> log,
        IMeterFactory? meters = null,
        JobMeter? jobs = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(backplane);
        _store = store;
        _backplane = backplane;
        _time = time;
        _options = options.Value.Realtime;
        _log = log;
        _jobs = jobs;
        writer.Committed += Commit;
        backplane.Received += events => Receive(events with { KnownAt = time.GetTimestamp() }, flush: null);
        backplane.Missed += CompareNow;
        Meter? meter = meters?.Create(BackplaneMeter.Name);
        meter?.CreateObservableCounter("backplane_repaired_events", () => Repaired, "{event}", "Events that did not come by themselves and were read from the log.");
        meter?.CreateObservableGauge("rooms_live", () => Count, "{room}", "Rooms that have members connected to this node.");
    }

    /// <summary>
    /// Raised when a live room gains or loses a member, whichever node wrote it: once each, in the order of the log, under the feed's lock. Handlers must be quick, must not throw, and must
    /// not come back to feeds.
    /// </summary>
    public event Action<TenantId, RoomEvent>? MemberChanged;

    /// <summary>The room's feed, kept for at least as long as the lease. Not started before its caller has read the log.</summary>
    public FeedLease Acquire(TenantId tenant, RoomId room)
    {
        lock (_gate)
        {
            if (!_feeds.TryGetValue(room, out Entry? entry))
            {
                entry = new Entry(new RoomFeed(tenant, room, _options.TailEventsMax, _options.TailBytesMax, RepairSoon, (of, e) => MemberChanged?.Invoke(of, e)));
                _feeds.Add(room, entry);
                _backplane.Listen(BackplanePartition.Of(room));
            }

            entry.Leases++;
            return new FeedLease(this, entry.Feed);
        }
    }

    /// <summary>Ends a subscription, and the feed when it was the last.</summary>
    public void Unsubscribe(FeedSubscriber subscriber)
    {
        ArgumentNullException.ThrowIfNull(subscriber);
        subscriber.Feed.Unsubscribe(subscriber);
        DropIfUnused(subscriber.Feed.Room, release: 0);
    }

    public override void Dispose()
    {
        _compareNow.Dispose();
        base.Dispose();
    }

    /// <summary>Events that did not come by themselves and were read from the log.</summary>
    public long Repaired => Interlocked.Read(ref _repaired);

    /// <summary>How many rooms are live on this node.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _feeds.Count;
            }
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(DeliverAll(), CompareRegularly(stoppingToken));

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _committed.Writer.TryComplete();
        await base.StopAsync(cancellationToken);
    }

    /// <summary>Hands over what was committed, batch by batch, while the write path commits the next.</summary>
    private async Task DeliverAll()
    {
        FlushList flush = new();
        while (await _committed.Reader.WaitToReadAsync())
        {
            while (_committed.Reader.TryRead(out CommittedBatch? batch))
            {
                Deliver(batch, flush);
            }
        }
    }

    private void Commit(CommittedBatch batch)
    {
        if (!_committed.Writer.TryWrite(batch))
        {
            // The node stops and nobody listens any more, but whoever writes still waits.
            batch.Answer(flush: null);
        }
    }

    private void Deliver(CommittedBatch batch, FlushList flush)
    {
        try
        {
            // 1. Events to the rooms' members and to the other nodes.
            foreach (CommittedEvents events in batch.Rooms)
            {
                _backplane.Publish(events);
                Receive(events, flush);
            }

            // 2. Answers to the senders.
            batch.Answer(flush);
        }
        catch (Exception e)
        {
            LogDeliveryBroken(e);
        }

        // 3. One write for each connection.
        flush.FlushAll();
    }

    private void Receive(CommittedEvents events, FlushList? flush)
    {
        RoomFeed? feed;
        lock (_gate)
        {
            feed = _feeds.TryGetValue(events.Room, out Entry? entry) ? entry.Feed : null;
        }

        if (feed is not null && feed.Tenant == events.Tenant)
        {
            feed.Receive(events, flush);
        }
    }

    /// <summary>An event came too early. Those before it are probably on their way: wait a little, then read them.</summary>
    private void RepairSoon(RoomFeed feed) => _ = RepairAfterWait(feed);

    /// <summary>Nodes that write to one room overtake each other all the time, so the gap after the wait may be another one than before it: that has its own wait.</summary>
    private async Task RepairAfterWait(RoomFeed feed)
    {
        try
        {
            do
            {
                long head = feed.Head;
                await Task.Delay(TimeSpan.FromMilliseconds(_options.EarlyEventMs), _time);
                if (feed.Head == head && feed.HasEarly)
                {
                    await Repair(feed, CancellationToken.None);
                    if (feed.Head == head)
                    {
                        feed.LeaveEarly();
                        return;
                    }
                }
            }
            while (feed.StillHasEarly());
        }
        catch (Exception e)
        {
            // The next comparison of heads tries again.
            feed.LeaveEarly();
            LogRepairFailed(e, feed.Room);
        }
    }

    /// <summary>A room that cannot be read now keeps no other from being repaired.</summary>
    private async Task RepairIfItCanBeRead(RoomFeed feed, CancellationToken cancel)
    {
        try
        {
            await Repair(feed, cancel);
        }
        catch (StorageUnavailableException e)
        {
            LogRepairFailed(e, feed.Room);
        }
    }

    private async Task Repair(RoomFeed feed, CancellationToken cancel)
    {
        while (true)
        {
            LogPage? page = await _store.ReadAfter(feed.Tenant, feed.Room, null, feed.Head, RepairEventsMax, RepairBytesMax, cancel);
            if (page is null)
            {
                return;
            }

            if (page.Epoch > feed.Epoch)
            {
                feed.Start(page.Epoch, page.Head);
                return;
            }

            Interlocked.Add(ref _repaired, page.Events.Count);
            feed.Receive(new CommittedEvents(feed.Tenant, feed.Room, page.Epoch, page.Events));
            if (page.Events.Count == 0 || feed.Head >= page.Head)
            {
                return;
            }
        }
    }

    private void DropIfUnused(RoomId room, int release)
    {
        lock (_gate)
        {
            if (_feeds.TryGetValue(room, out Entry? entry))
            {
                entry.Leases -= release;
                if (entry.Leases == 0 && entry.Feed.SubscriberCount == 0)
                {
                    _feeds.Remove(room);
                    _backplane.Unlisten(BackplanePartition.Of(room));
                }
            }
        }
    }

    [LoggerMessage(1100, LogLevel.Critical, "A committed batch could not be handed over whole; its members find it in the log")]
    private partial void LogDeliveryBroken(Exception e);

    [LoggerMessage(1101, LogLevel.Warning, "The heads of live rooms could not be compared with the log; tried again in a few seconds")]
    private partial void LogCompareFailed(Exception e);

    [LoggerMessage(1102, LogLevel.Warning, "Missing events of room {Room} could not be read; tried again in a few seconds")]
    private partial void LogRepairFailed(Exception e, RoomId room);

    private sealed class Entry(RoomFeed feed)
    {
        public RoomFeed Feed { get; } = feed;

        public int Leases { get; set; }
    }

    /// <summary>Keeps a feed while somebody is about to subscribe to it.</summary>
    public readonly struct FeedLease(RoomFeeds feeds, RoomFeed feed) : IDisposable
    {
        public RoomFeed Feed { get; } = feed;

        public void Dispose() => feeds.DropIfUnused(Feed.Room, release: 1);
    }
}
