using System.Diagnostics;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;

namespace Monstera.Server.Feeds;

/// <summary>
/// Traced events on their way through a room's feed: from their coming until all subscribers were offered them. Of the writes to sockets that follow only one is watched, the first
/// subscriber's that takes them: a span for each of a thousand connections would say nothing more.
/// </summary>
internal sealed class FeedTrace
{
    private readonly Activity _feed;
    private FeedTrace? _next;
    private int _watched;

    private FeedTrace(Activity feed) => _feed = feed;

    /// <returns>Null: what led here is not traced.</returns>
    public static FeedTrace? Begin(CommittedEvents committed)
    {
        if (committed.Trace is not { } parent)
        {
            return null;
        }

        ActivityKind kind = parent.Context.IsRemote ? ActivityKind.Consumer : ActivityKind.Internal;
        Activity? feed = Spans.Begin("feed", kind, parent.Context);
        feed?.SetTag("monstera.room", committed.Room.ToString()).SetTag("monstera.events", committed.Events.Count);
        return feed is null ? null : new FeedTrace(feed);
    }

    /// <summary>Joined with those that wait for the same pass.</summary>
    public FeedTrace Before(FeedTrace? waiting)
    {
        _next = waiting;
        return this;
    }

    /// <summary>The first who comes gets the spans that end when it has written.</summary>
    /// <param name="others">What its next write is watched for already.</param>
    public Activity[]? Watch(Activity[]? others)
    {
        if (Interlocked.Exchange(ref _watched, 1) != 0)
        {
            return others;
        }

        List<Activity> spans = [.. others ?? []];
        for (FeedTrace? trace = this; trace is not null; trace = trace._next)
        {
            if (Spans.Begin("socket write", ActivityKind.Internal, trace._feed.Context) is { } span)
            {
                spans.Add(span);
            }
        }

        return [.. spans];
    }

    /// <summary>All were offered what there is of it.</summary>
    public void End()
    {
        for (FeedTrace? trace = this; trace is not null; trace = trace._next)
        {
            Spans.End(trace._feed);
        }
    }
}
