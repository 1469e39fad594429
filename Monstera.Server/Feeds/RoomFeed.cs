using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Delivery;
using Monstera.Server.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Feeds;

/// <summary>
/// One room's live events on this node: puts what arrives in order, keeps a bounded tail of it as JSON, and fans it out. What arrives is a hint: the feed
/// applies only the event after its head, drops what it has, and holds what is early until <see cref="RoomFeeds"/> has read the events between from the log.
/// </summary>
/// <remarks>
/// Fan-out never waits for a subscriber. One pass takes all events since the last pass, makes one frame of them, and offers the same bytes to everybody. Under load a frame
/// carries many events: one write, flush and system call for a connection instead of one for each message.
/// </remarks>
public sealed partial class RoomFeed(
    TenantId tenant, RoomId room, int tailEventsMax, int tailBytesMax, Action<RoomFeed> early, Action<TenantId, RoomEvent>? memberChanged = null) : IThreadPoolWorkItem
{
    /// <summary>Frames stop here, so that one connection's share of memory and of a pass is bounded. One larger event is still a frame.</summary>
    private const int FrameBytesMax = 65_536;

    private const int EarlyEventsMax = 1_024;

    private readonly Lock _gate = new();
    private readonly FeedTail _tail = new(tailEventsMax, tailBytesMax);
    private readonly SortedDictionary<long, RoomEvent> _early = [];
    private readonly HashSet<FeedSubscriber> _subscribers = [];
    private FeedSubscriber[]? _snapshot;
    private FeedFrame? _lagFrame;
    private bool _started;
    private bool _passing;
    private bool _earlyTold;
    private long _offered;
    private long _knownAt;
    private FeedTrace? _trace;

    public TenantId Tenant { get; } = tenant;

    public RoomId Room { get; } = room;

    public long Epoch { get; private set; }

    /// <summary>The last event that was applied.</summary>
    public long Head
    {
        get
        {
            lock (_gate)
            {
                return _tail.Last;
            }
        }
    }

    public bool Started
    {
        get
        {
            lock (_gate)
            {
                return _started;
            }
        }
    }

    public bool HasEarly
    {
        get
        {
            lock (_gate)
            {
                return _early.Count > 0;
            }
        }
    }

    /// <summary>Who was told of early events asks again, and is told of the next ones once this has said that there are none.</summary>
    public bool StillHasEarly()
    {
        lock (_gate)
        {
            _earlyTold = _early.Count > 0;
            return _earlyTold;
        }
    }

    /// <summary>The early events that are there are given up for now: whoever brings more of them tells of it anew.</summary>
    public void LeaveEarly()
    {
        lock (_gate)
        {
            _earlyTold = false;
        }
    }

    public int SubscriberCount
    {
        get
        {
            lock (_gate)
            {
                return _subscribers.Count;
            }
        }
    }

    /// <summary>Says where the log stands; the first word of an epoch counts. Until then everything that arrives is held.</summary>
    /// <param name="last">The events up to the head as far as somebody has read them: then whoever comes next with a cursor among them needs not read them again.</param>
    public void Start(long epoch, long head, IReadOnlyList<RoomEvent>? last = null)
    {
        bool waiting;
        lock (_gate)
        {
            if (_started)
            {
                if (epoch > Epoch)
                {
                    BeginEpoch(epoch, head);
                }

                return;
            }

            _started = true;
            Epoch = epoch;
            _offered = head;
            _tail.Clear(head - (last?.Count ?? 0));
            foreach (RoomEvent e in last ?? [])
            {
                _tail.Add(TailEntry.Of(e), _offered);
            }

            ApplyEarly();
            SchedulePass();
            waiting = ShouldTellOfEarly();
        }

        if (waiting)
        {
            early(this);
        }
    }

    /// <summary>Takes committed events from the write path, the backplane or the log, in any order and any number of times.</summary>
    /// <param name="flush">Given: they are offered at once, to be sent with the rest of that delivery. Otherwise soon, on the thread pool.</param>
    public void Receive(CommittedEvents committed, FlushList? flush = null)
    {
        ArgumentNullException.ThrowIfNull(committed);
        var trace = FeedTrace.Begin(committed);
        bool waiting;
        bool pass = false;
        lock (_gate)
        {
            if (_started && committed.Epoch != Epoch)
            {
                if (committed.Epoch > Epoch && committed.Events.Count > 0)
                {
                    BeginEpoch(committed.Epoch, committed.Events[^1].Seq);
                }

                trace?.End();
                return;
            }

            foreach (RoomEvent e in committed.Events)
            {
                if (_started && e.Seq == _tail.Last + 1)
                {
                    Apply(e);
                }
                else if ((!_started || e.Seq > _tail.Last) && _early.Count < EarlyEventsMax)
                {
                    _early[e.Seq] = e;
                }
            }

            if (_started)
            {
                ApplyEarly();

                // Nothing new: whatever comes next is not as old as this.
                _knownAt = _tail.Last == _offered ? 0 : _knownAt == 0 ? committed.KnownAt : _knownAt;
                if (trace is not null && _tail.Last > _offered)
                {
                    (_trace, trace) = (trace.Before(_trace), null);
                }

                pass = flush is not null && !_passing;
                if (pass)
                {
                    _passing = true;
                }
                else
                {
                    SchedulePass();
                }
            }

            waiting = ShouldTellOfEarly();
        }

        // Nothing of it is to be offered now.
        trace?.End();
        if (waiting)
        {
            early(this);
        }

        if (pass)
        {
            Pass(flush!);
        }
    }

    /// <summary>From now on the subscriber is offered what follows <paramref name="cursor"/>. The feed has been started.</summary>
    public void Subscribe(FeedSubscriber subscriber, long cursor)
    {
        ArgumentNullException.ThrowIfNull(subscriber);
        bool behind;
        lock (_gate)
        {
            subscriber.BeginAt(cursor);

            // The membership may have ended between the reading of the log and this moment.
            if (_tail.LeftAfter(cursor, subscriber.User) is { } left)
            {
                subscriber.EndAt(left);
            }

            _subscribers.Add(subscriber);
            _snapshot = null;
            behind = _tail.Last > cursor;
        }

        if (behind)
        {
            subscriber.Wake();
        }
    }

    public void Unsubscribe(FeedSubscriber subscriber)
    {
        lock (_gate)
        {
            if (_subscribers.Remove(subscriber))
            {
                _snapshot = null;
            }
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        FlushList flush = new();
        Pass(flush);
        flush.FlushAll();
    }

    /// <summary>One pass after another until everything has been offered. Only who has set <c>_passing</c>.</summary>
    private void Pass(FlushList flush)
    {
        while (true)
        {
            long epoch;
            long from;
            ReadOnlyMemory<byte>[] events;
            FeedSubscriber[] subscribers;
            long knownAt;
            FeedTrace? trace;

            // 1. Take all events since the last pass.
            lock (_gate)
            {
                from = Math.Max(_offered + 1, _tail.First);
                if (from > _tail.Last)
                {
                    _passing = false;
                    _knownAt = 0;
                    return;
                }

                epoch = Epoch;
                events = _tail.After(from - 1, long.MaxValue, FrameBytesMax);
                _offered = from + events.Length - 1;
                subscribers = _snapshot ??= [.. _subscribers];
                knownAt = _knownAt;
                (trace, _trace) = (_trace, null);
            }

            // 2. Make one frame of them.
            FeedFrame frame = new(epoch, from, from + events.Length - 1, HubFrames.Events(Room, epoch, events)) { KnownAt = knownAt, Trace = trace };

            // 3. Offer it to everybody; nobody is waited for.
            foreach (FeedSubscriber subscriber in subscribers)
            {
                subscriber.Offer(frame, flush);
            }

            trace?.End();
        }
    }

    private void Apply(RoomEvent e)
    {
        if (e.Type is EventType.MemberJoined or EventType.MemberLeft)
        {
            memberChanged?.Invoke(Tenant, e);
        }

        TailEntry entry = TailEntry.Of(e);
        _tail.Add(entry, _offered);
        if (e.Type == EventType.MessageDeleted)
        {
            _tail.Erase(e.Target ?? 0);
            _lagFrame = null;
        }

        if (entry.Left is { } user)
        {
            foreach (FeedSubscriber subscriber in _subscribers)
            {
                if (subscriber.User == user)
                {
                    subscriber.EndAt(e.Seq);
                }
            }
        }
    }

    private bool ShouldTellOfEarly()
    {
        bool tells = _started && _early.Count > 0 && !_earlyTold;
        _earlyTold |= tells;
        return tells;
    }

    private void ApplyEarly()
    {
        while (_early.Count > 0)
        {
            (long seq, RoomEvent e) = _early.First();
            if (seq > _tail.Last + 1)
            {
                return;
            }

            _early.Remove(seq);
            if (seq == _tail.Last + 1)
            {
                Apply(e);
            }
        }
    }

    /// <summary>History was lost and begins a new epoch: every cursor is of the old one, so everybody finds a gap.</summary>
    private void BeginEpoch(long epoch, long head)
    {
        Epoch = epoch;
        _early.Clear();
        _tail.Clear(head);
        _offered = head;
        _lagFrame = null;
        foreach (FeedSubscriber subscriber in _subscribers)
        {
            subscriber.Wake();
        }
    }

    private void SchedulePass()
    {
        if (!_passing && _tail.Last > _offered)
        {
            _passing = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }
}
