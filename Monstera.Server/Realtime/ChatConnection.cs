using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Feeds;
using Monstera.Server.Realtime.Transports;

namespace Monstera.Server.Realtime;

/// <summary>
/// One live connection and its cursors. What is for it is gathered and written in one go; at most one write is on its way at any time (the connection's <em>turn</em>). Events
/// that come while the turn is taken are not queued: the room is marked as lagging, and when the buffer drains, the connection reads on from its cursor.
/// So a slow client is a cursor that lags, its memory is the send buffer plus a flag for each room, and nobody else notices.
/// </summary>
public sealed partial class ChatConnection(
    string id, Caller caller, FrameOutput output, Action stop, Action abort, RoomFeeds feeds, CallLimiter limiter, RealtimeMeter meter, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, RoomSubscription> _subscriptions = [];
    private bool _ended;
    private int _endNoted;

    public string Id { get; } = id;

    /// <summary>Who is at the other end; replaced by one that ends later when a connection token is refreshed.</summary>
    public Caller Caller { get; set; } = caller;

    public CallLimiter Limiter { get; } = limiter;

    /// <summary>A timestamp of the time provider.</summary>
    public long ConnectedAt { get; } = time.GetTimestamp();

    /// <summary>When bytes last came; a timestamp of the time provider.</summary>
    public long ReceivedAt { get; set; } = time.GetTimestamp();

    public bool SaidHello { get; set; }

    /// <summary>Signed out: gets nothing more, and calls are refused.</summary>
    public bool IsEnded => Volatile.Read(ref _ended);

    /// <summary>Something waits until the other side has taken what is on its way.</summary>
    public bool IsLagging
    {
        get
        {
            lock (_gate)
            {
                return _lagging is { Count: > 0 };
            }
        }
    }

    /// <summary>Why it ends, as far as this side has decided that.</summary>
    public ConnectionEnd EndNoted => (ConnectionEnd)Volatile.Read(ref _endNoted);

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

    public bool IsSubscribed(RoomId room)
    {
        lock (_gate)
        {
            return _subscriptions.ContainsKey(room);
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
            feeds.Unsubscribe(former);
        }

        feed.Subscribe(subscription, cursor);
        if (IsEnded)
        {
            // It ended meanwhile, and may have left the feed before it was in it.
            feeds.Unsubscribe(subscription);
        }
    }

    /// <summary>Sends a last message and takes nothing more; the caller then closes the connection.</summary>
    public void End(ReadOnlyMemory<byte> last)
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
            _lagging?.Clear();
            foreach (RoomSubscription subscription in subscriptions)
            {
                subscription.IsEnded = true;
            }
        }

        foreach (RoomSubscription subscription in subscriptions)
        {
            feeds.Unsubscribe(subscription);
        }

        if (!last.IsEmpty)
        {
            Send(last.Span);
        }
    }

    /// <summary>The first reason counts: what follows comes of it.</summary>
    public void Note(ConnectionEnd end) => Interlocked.CompareExchange(ref _endNoted, (int)end, (int)ConnectionEnd.None);

    /// <summary>Reads no further; the connection then says good-bye and ends.</summary>
    public void Stop() => stop();

    /// <summary>Cuts the connection.</summary>
    public void Abort(ConnectionEnd end)
    {
        Note(end);
        abort();
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

        feeds.Unsubscribe(subscription);
    }
}
