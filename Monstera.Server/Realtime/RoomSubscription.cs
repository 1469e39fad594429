using Monstera.Server.Delivery;
using Monstera.Server.Feeds;

namespace Monstera.Server.Realtime;

/// <summary>One connection's cursor over one room.</summary>
public sealed class RoomSubscription(ChatConnection connection, RoomFeed feed, long epoch, long cursor)
    : FeedSubscriber(feed, connection.Caller.User)
{
    public long Epoch { get; } = epoch;

    /// <summary>The last seq that was handed to the connection. Only who holds the connection's turn changes it.</summary>
    public long Cursor { get; set; } = cursor;

    /// <summary>Waits in the connection's queue of lagging rooms. Guarded by the connection's lock.</summary>
    public bool IsQueued { get; set; }

    /// <summary>No longer the connection's subscription to this room. Guarded by the connection's lock.</summary>
    public bool IsEnded { get; set; }

    public override void Offer(FeedFrame frame, FlushList flush) => connection.Offer(this, frame, flush);

    public override void Wake() => connection.Wake(this);
}
