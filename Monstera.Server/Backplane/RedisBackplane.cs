using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Nodes;
using Monstera.Server.Redis;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;

namespace Monstera.Server.Backplane;

/// <summary>
/// The backplane of nodes that share a Redis. Each partition is a channel, <c>prefix:{p17}:events</c>, and so lies on one server of a cluster; what is for all nodes has one of its own. While a
/// frame is under way what comes for the same channel gathers, and goes out as the next one. Nothing waits for Redis: what it cannot take is dropped, and counted.
/// </summary>
public sealed class RedisBackplane : IBackplane, IDisposable
{
    /// <summary>What cannot be read because it is of another version is read from the log; this often at most for each partition.</summary>
    private static readonly TimeSpan UnknownEvery = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly int[] _listeners = new int[BackplanePartition.Count];
    private readonly bool[] _compareSoon = new bool[BackplanePartition.Count];
    private readonly RedisOutgoing[] _outgoing;
    private readonly RedisOutgoing _toAll;
    private readonly RedisClient _redis;
    private readonly Guid _self;
    private readonly TimeProvider _time;
    private readonly BackplaneMeter _meter;
    private readonly CancellationTokenSource _stop = new();

    public RedisBackplane(RedisClient redis, Node node, BackplaneMeter meter, IOptions<MonsteraOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(redis);
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(options);
        (_redis, _self, _time, _meter) = (redis, node.Id, time, meter);
        RedisOutgoingBound bound = new(options.Value.Redis.QueueBytesMax);
        _outgoing = [.. Enumerable.Range(0, BackplanePartition.Count).Select(partition => new RedisOutgoing(redis, Channel(partition), _self, bound, meter, time))];
        string toAll = redis.Key("all", "signals");
        _toAll = new RedisOutgoing(redis, toAll, _self, bound, meter, time);
        redis.Subscribe(toAll, frame => Take(null, frame), null);
        redis.Restored += Restore;
    }

    public event Action<CommittedEvents>? Received;

    public event Action<NodeSignal>? Told;

    public event Action<int?>? Missed;

    public bool IsAway => _redis.IsAway;

    public void Publish(CommittedEvents events)
    {
        ArgumentNullException.ThrowIfNull(events);
        Activity? span = events.Trace is { } trace ? Spans.Begin("backplane publish", ActivityKind.Producer, trace.Context) : null;
        _outgoing[BackplanePartition.Of(events.Room)].Add(span is null ? events : events with { Trace = new TraceParent(span.Context) }, span);
    }

    public void Tell(NodeSignal signal)
    {
        ArgumentNullException.ThrowIfNull(signal);
        (signal.About is { } room ? _outgoing[BackplanePartition.Of(room)] : _toAll).Add(signal);
    }

    public void Listen(int partition)
    {
        lock (_gate)
        {
            if (_listeners[partition]++ == 0)
            {
                _redis.Subscribe(Channel(partition), frame => Take(partition, frame), () => Missed?.Invoke(partition));
            }
        }
    }

    public void Unlisten(int partition)
    {
        lock (_gate)
        {
            if (_listeners[partition] > 0 && --_listeners[partition] == 0)
            {
                _redis.Unsubscribe(Channel(partition));
            }
        }
    }

    public void Dispose()
    {
        _redis.Restored -= Restore;
        _stop.Cancel();
        _stop.Dispose();
    }

    private string Channel(int partition) => _redis.Key(string.Create(CultureInfo.InvariantCulture, $"p{partition}"), "events");

    private void Restore()
    {
        Missed?.Invoke(null);
        foreach (RedisOutgoing outgoing in _outgoing)
        {
            outgoing.TellLost();
        }
    }

    private void Take(int? partition, ReadOnlyMemory<byte> frame)
    {
        FrameContent content = BackplaneFrame.Read(frame.Span, _self);
        if (content.IsOwn)
        {
            return;
        }

        int events = 0;
        foreach (CommittedEvents some in content.Events)
        {
            // A room has one partition. Nobody else's word counts for it.
            if (partition == BackplanePartition.Of(some.Room))
            {
                events += some.Events.Count;
                Received?.Invoke(some);
            }
        }

        foreach (NodeSignal signal in content.Signals)
        {
            Told?.Invoke(signal);
        }

        if (content.HasUnknown)
        {
            _meter.CountSkipped();
        }

        if (content.LacksEvents && partition is { } lacking)
        {
            CompareSoon(lacking);
        }

        if (events + content.Signals.Count > 0)
        {
            _meter.CountReceived(events, content.Signals.Count, TimeSpan.FromMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds() - (double)content.SentAtMs));
        }
    }

    private void CompareSoon(int partition)
    {
        lock (_gate)
        {
            if (_compareSoon[partition] || _stop.IsCancellationRequested)
            {
                return;
            }

            _compareSoon[partition] = true;
        }

        _ = CompareAfterWait(partition);
    }

    private async Task CompareAfterWait(int partition)
    {
        await Task.Delay(UnknownEvery, _time, CancellationToken.None);
        lock (_gate)
        {
            _compareSoon[partition] = false;
        }

        Missed?.Invoke(partition);
    }
}
