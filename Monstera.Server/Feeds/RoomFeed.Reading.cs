using Monstera.Server.Wire;

namespace Monstera.Server.Feeds;

/// <summary>What a subscriber finds after its cursor.</summary>
public enum FeedReadStatus
{
    /// <summary>Nothing: it has everything it may have.</summary>
    UpToDate,

    /// <summary>A frame with the events that follow.</summary>
    Frame,

    /// <summary>The tail does not reach back to the cursor (or the epoch changed): it must resume from the log.</summary>
    Gap,
}

public sealed partial class RoomFeed
{
    /// <summary>What follows a subscriber's cursor, for one that lags.</summary>
    public FeedReadStatus ReadAfter(long epoch, long cursor, long until, out FeedFrame? frame)
    {
        frame = null;
        ReadOnlyMemory<byte>[] events;
        lock (_gate)
        {
            if (epoch != Epoch)
            {
                return FeedReadStatus.Gap;
            }

            if (cursor >= Math.Min(_tail.Last, until))
            {
                return FeedReadStatus.UpToDate;
            }

            if (cursor < _tail.First - 1)
            {
                return FeedReadStatus.Gap;
            }

            if (_lagFrame is { } shared && shared.Epoch == epoch && shared.From == cursor + 1 && shared.To == _tail.Last && until >= shared.To)
            {
                frame = shared;
                return FeedReadStatus.Frame;
            }

            events = _tail.After(cursor, until, FrameBytesMax);
        }

        frame = new FeedFrame(epoch, cursor + 1, cursor + events.Length, HubFrames.Events(Room, epoch, events));

        // Those who lag often lag together.
        _lagFrame = frame;
        return FeedReadStatus.Frame;
    }

    /// <summary>Whether the tail has everything after the cursor, as far as this node knows.</summary>
    public bool Reaches(long cursor)
    {
        lock (_gate)
        {
            return _started && cursor >= _tail.First - 1 && cursor <= _tail.Last;
        }
    }

    /// <summary>
    /// The events after <paramref name="after"/> up to <paramref name="to"/> as JSON, as many as fit, at least one. Null: the tail does not have them all, or is of another epoch.
    /// </summary>
    public ReadOnlyMemory<byte>[]? ReadTail(long epoch, long after, long to, int eventsMax, int bytesMax)
    {
        lock (_gate)
        {
            return _started && epoch == Epoch && after >= _tail.First - 1 && after < to && to <= _tail.Last
                ? _tail.After(after, Math.Min(to, after + eventsMax), bytesMax)
                : null;
        }
    }
}
