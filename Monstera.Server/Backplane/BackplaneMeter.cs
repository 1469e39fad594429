using System.Diagnostics.Metrics;
using Monstera.Server.Metrics;
using Monstera.Server.Redis;

namespace Monstera.Server.Backplane;

/// <summary>What goes over the backplane, for operators. Labels are few and fixed.</summary>
public sealed class BackplaneMeter : IDisposable
{
    public const string Name = "Monstera.Backplane";

    private static readonly KeyValuePair<string, object?> Events = new("kind", "event");
    private static readonly KeyValuePair<string, object?> Signals = new("kind", "signal");

    private readonly Meter _meter;
    private readonly Counter<long> _published;
    private readonly Counter<long> _received;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _frames;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _skipped;
    private readonly Histogram<double> _lag;

    public BackplaneMeter(IMeterFactory meters, RedisClient redis)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(redis);
        _meter = meters.Create(Name);
        _published = _meter.CreateCounter<long>("backplane_published", "{item}", "Events and signals that Redis has taken, by kind.");
        _received = _meter.CreateCounter<long>("backplane_received", "{item}", "Events and signals of other nodes, by kind.");
        _dropped = _meter.CreateCounter<long>("backplane_dropped", "{item}", "Events and signals that were not published, by kind and reason (away, queue): other nodes read the events from the log.");
        _frames = _meter.CreateCounter<long>("backplane_frames", "{frame}", "Frames that were published: several events and signals each.");
        _bytes = _meter.CreateCounter<long>("backplane_bytes", "By", "Bytes of these frames.");
        _skipped = _meter.CreateCounter<long>("backplane_skipped_frames", "{frame}", "Frames of another version, or with parts that this version does not understand.");
        _lag = _meter.CreateHistogram("backplane_lag_seconds", "s", "From the publishing of a frame on one node to its coming on another, by their clocks.", null, Buckets.OfDelivery);
        _meter.CreateObservableGauge("backplane_away", () => redis.IsAway ? 1 : 0, null, "1 while Redis, or a part of it, cannot be reached.");
        _meter.CreateObservableCounter("backplane_away_seconds", () => redis.AwayFor.TotalSeconds, "s", "For how long that was so.");
        _meter.CreateObservableCounter("backplane_reconnects", () => redis.Reconnects, "{return}", "How often Redis was away and came back.");
    }

    internal void CountPublished(int events, int signals, int bytes)
    {
        Count(_published, events, signals);
        _frames.Add(1);
        _bytes.Add(bytes);
    }

    internal void CountDropped(int events, int signals, string reason)
    {
        if (events > 0)
        {
            _dropped.Add(events, Events, new("reason", reason));
        }

        if (signals > 0)
        {
            _dropped.Add(signals, Signals, new("reason", reason));
        }
    }

    internal void CountReceived(int events, int signals, TimeSpan lag)
    {
        Count(_received, events, signals);
        _lag.Record(Math.Max(0, lag.TotalSeconds));
    }

    internal void CountSkipped() => _skipped.Add(1);

    public void Dispose() => _meter.Dispose();

    private static void Count(Counter<long> counter, int events, int signals)
    {
        if (events > 0)
        {
            counter.Add(events, Events);
        }

        if (signals > 0)
        {
            counter.Add(signals, Signals);
        }
    }
}
