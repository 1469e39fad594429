using Microsoft.AspNetCore.SignalR;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Feeds;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>
/// One live connection and its cursors. At most one frame is on its way into the send buffer at any time (the connection's <em>turn</em>). What comes while the turn is
/// taken is not queued: the room is marked as lagging, and when the buffer drains, the connection reads on from its cursor. So a slow client is a cursor that
/// lags, its memory is the send buffer plus a flag for each room, and nobody else notices.
/// </summary>
public sealed class ChatConnection : IThreadPoolWorkItem
{
    private readonly HubConnectionContext _hub;
    private readonly RoomFeeds _feeds;
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, RoomSubscription> _subscriptions = [];
    private readonly Queue<RoomSubscription> _lagging = new();
    private bool _busy;
    private bool _ended;
    private bool _roomsChanged;

    public ChatConnection(HubConnectionContext hub, Caller caller, RoomFeeds feeds, CallLimiter limiter, long connectedAt)
    {
        ArgumentNullException.ThrowIfNull(hub);
        _hub = hub;
        _feeds = feeds;
        Caller = caller;
        Limiter = limiter;
        ConnectedAt = connectedAt;
    }

    public string Id => _hub.ConnectionId;

    /// <summary>Who is at the other end; replaced by one that ends later when a connection token is refreshed.</summary>
    public Caller Caller { get; set; }

    public CallLimiter Limiter { get; }

    /// <summary>A timestamp of the time provider.</summary>
    public long ConnectedAt { get; }

    public bool SaidHello { get; set; }

    /// <summary>The user has as many connections as a user may have without this one.</summary>
    public bool IsOneTooMany { get; set; }

    /// <summary>Signed out: gets nothing more, and calls are refused.</summary>
    public bool IsEnded => Volatile.Read(ref _ended);

    public bool IsSubscribed(RoomId room)
    {
        lock (_gate)
        {
            return _subscriptions.ContainsKey(room);
        }
    }

    public int SubscriptionCount
    {
        get
        {
            lock (_gate)
            {
                return _subscriptions.Count;
            }
        }
    }

    /// <summary>Makes the connection live in the room from its cursor on; a subscription that it had there ends.</summary>
    public void Subscribe(RoomFeed feed, long epoch, long cursor)
    {
        ArgumentNullException.ThrowIfNull(feed);
        RoomSubscription subscription = new(this, feed, epoch, cursor);
        RoomSubscription? former;
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            if (_subscriptions.Remove(feed.Room, out former))
            {
                former.IsEnded = true;
            }

            _subscriptions.Add(feed.Room, subscription);
        }

        if (former is not null)
        {
            _feeds.Unsubscribe(former);
        }

        feed.Subscribe(subscription, cursor);
        if (IsEnded)
        {
            // It ended meanwhile, and may have left the feed before it was in it.
            _feeds.Unsubscribe(subscription);
        }
    }

    /// <summary>A pass of a room offers its frame. Neither waits nor throws.</summary>
    internal void Offer(RoomSubscription subscription, FeedFrame frame)
    {
        lock (_gate)
        {
            if (_ended || subscription.IsEnded || subscription.Cursor >= frame.To)
            {
                return;
            }

            // Not the very next events for this cursor, or not all of them are for these eyes: leave the shared frame, read on one's own.
            bool fits = subscription.Cursor + 1 == frame.From && subscription.Epoch == frame.Epoch && subscription.Until == long.MaxValue;
            if (_busy || !fits)
            {
                Enqueue(subscription);
                return;
            }

            _busy = true;
            subscription.Cursor = frame.To;
        }

        ValueTask write = _hub.WriteAsync(frame.Message);
        if (write.IsCompletedSuccessfully)
        {
            EndTurn();
        }
        else
        {
            _ = EndTurnSlow(write);
        }
    }

    internal void Wake(RoomSubscription subscription)
    {
        lock (_gate)
        {
            if (!_ended && !subscription.IsEnded)
            {
                Enqueue(subscription);
            }
        }
    }

    /// <summary>Sends a signal if the connection is free; otherwise it is lost, as signals may be.</summary>
    public void TrySignal(SerializedHubMessage signal)
    {
        lock (_gate)
        {
            if (_busy || _ended)
            {
                return;
            }

            _busy = true;
        }

        ValueTask write = _hub.WriteAsync(signal);
        if (write.IsCompletedSuccessfully)
        {
            EndTurn();
        }
        else
        {
            _ = EndTurnSlow(write);
        }
    }

    /// <summary>Tells that the list of rooms changed; once, however often it did, and not lost when the connection is busy.</summary>
    public void SignalRooms()
    {
        lock (_gate)
        {
            _roomsChanged = true;
            StartCatchUp();
        }
    }

    /// <summary>Sends a last message and takes nothing more; the caller then closes the connection.</summary>
    public async Task End(SerializedHubMessage? last)
    {
        RoomSubscription[] subscriptions;
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            subscriptions = [.. _subscriptions.Values];
            _subscriptions.Clear();
            _lagging.Clear();
            foreach (RoomSubscription subscription in subscriptions)
            {
                subscription.IsEnded = true;
            }
        }

        foreach (RoomSubscription subscription in subscriptions)
        {
            _feeds.Unsubscribe(subscription);
        }

        if (last is not null)
        {
            await _hub.WriteAsync(last);
        }
    }

    public void Abort() => _hub.Abort();

    void IThreadPoolWorkItem.Execute() => _ = CatchUp();

    /// <summary>Under the lock: the room is read on its own when the connection is free.</summary>
    private void Enqueue(RoomSubscription subscription)
    {
        if (!subscription.IsQueued)
        {
            subscription.IsQueued = true;
            _lagging.Enqueue(subscription);
        }

        StartCatchUp();
    }

    /// <summary>Under the lock: takes the turn if it is free. Off this thread, so that a pass is not slowed by those who lag.</summary>
    private void StartCatchUp()
    {
        if (!_busy && !_ended)
        {
            _busy = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void EndTurn()
    {
        lock (_gate)
        {
            _busy = false;
            if (_lagging.Count > 0 || _roomsChanged)
            {
                StartCatchUp();
            }
        }
    }

    private async Task EndTurnSlow(ValueTask write)
    {
        try
        {
            await write;
        }
        finally
        {
            EndTurn();
        }
    }

    /// <summary>Has the turn: reads every lagging room from its cursor on, one frame at a time, waiting for the buffer between them.</summary>
    private async Task CatchUp()
    {
        try
        {
            while (true)
            {
                RoomSubscription? subscription = null;
                lock (_gate)
                {
                    if (_ended)
                    {
                        return;
                    }

                    if (_roomsChanged)
                    {
                        _roomsChanged = false;
                    }
                    else if (_lagging.TryDequeue(out subscription))
                    {
                        subscription.IsQueued = false;
                    }
                    else
                    {
                        return;
                    }
                }

                await (subscription is null ? _hub.WriteAsync(SignalFrames.Rooms) : ReadOn(subscription));
            }
        }
        finally
        {
            EndTurn();
        }
    }

    private async ValueTask ReadOn(RoomSubscription subscription)
    {
        FeedReadStatus status = subscription.Feed.ReadAfter(subscription.Epoch, subscription.Cursor, subscription.Until, out FeedFrame? frame);
        switch (status)
        {
            case FeedReadStatus.Frame:
                subscription.Cursor = frame!.To;
                lock (_gate)
                {
                    // There may be more. Other rooms have their turn first.
                    Requeue(subscription);
                }

                await _hub.WriteAsync(frame.Message);
                break;

            case FeedReadStatus.Gap:
                Unsubscribe(subscription);
                await _hub.WriteAsync(HubFrames.Gap(subscription.Feed.Room, subscription.Feed.Epoch, subscription.Feed.Head));
                break;

            case FeedReadStatus.UpToDate when subscription.Cursor >= subscription.Until:
                // The membership has ended, and its end was the last thing to be seen.
                Unsubscribe(subscription);
                break;

            default:
                break;
        }
    }

    private void Requeue(RoomSubscription subscription)
    {
        if (!subscription.IsQueued && !subscription.IsEnded)
        {
            subscription.IsQueued = true;
            _lagging.Enqueue(subscription);
        }
    }

    private void Unsubscribe(RoomSubscription subscription)
    {
        lock (_gate)
        {
            subscription.IsEnded = true;
            if (_subscriptions.TryGetValue(subscription.Feed.Room, out RoomSubscription? current) && current == subscription)
            {
                _subscriptions.Remove(subscription.Feed.Room);
            }
        }

        _feeds.Unsubscribe(subscription);
    }
}
