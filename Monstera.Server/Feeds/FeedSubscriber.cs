using Monstera.Data.Ids;
using Monstera.Server.Delivery;

namespace Monstera.Server.Feeds;

/// <summary>The events <paramref name="From"/>..<paramref name="To"/> of a room, made into one frame that all subscribers share.</summary>
public sealed record FeedFrame(long Epoch, long From, long To, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>A timestamp: since when this node has known of the oldest of the events; 0: they are told late, and nobody measures.</summary>
    public long KnownAt { get; init; }

    /// <summary>What led to them, if that is traced.</summary>
    internal FeedTrace? Trace { get; init; }

    /// <summary>How many events there are.</summary>
    public int Count => (int)(To - From + 1);
}

/// <summary>One connection's cursor over one room's feed.</summary>
public abstract class FeedSubscriber(RoomFeed feed, UserId user)
{
    public RoomFeed Feed { get; } = feed;

    public UserId User { get; } = user;

    /// <summary>The last seq that this subscriber may see: that of the event that ended the membership.</summary>
    public long Until => Volatile.Read(ref _until);

    private long _until = long.MaxValue;
    private long _since;

    /// <summary>
    /// Here are the newest events, to be sent when <paramref name="flush"/> is flushed. Must neither wait nor throw: who cannot take them now reads them later with
    /// <see cref="RoomFeed.ReadAfter"/>.
    /// </summary>
    public abstract void Offer(FeedFrame frame, FlushList flush);

    /// <summary>Something changed that is in no shared frame: read after the cursor. Must neither wait nor throw.</summary>
    public abstract void Wake();

    /// <summary>Under the feed's lock: the subscriber was a member at <paramref name="cursor"/>.</summary>
    internal void BeginAt(long cursor) => _since = cursor;

    /// <summary>Under the feed's lock. The end of an earlier membership, of which this node hears late, ends nothing: the user has come back since.</summary>
    internal void EndAt(long seq)
    {
        if (seq > _since)
        {
            Volatile.Write(ref _until, Math.Min(seq, _until));
        }
    }
}
