using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Metrics;
using Monstera.Server.Nodes;

namespace Monstera.Server.Realtime;

/// <summary>What carries a connection.</summary>
public enum HubTransport
{
    WebSockets,
    ServerSentEvents,
    LongPolling,
}

/// <summary>Why a connection ended.</summary>
public enum ConnectionEnd
{
    /// <summary>Nothing was noted.</summary>
    None,

    /// <summary>The client said good-bye.</summary>
    Closed,

    /// <summary>It was gone without a good-bye.</summary>
    Broken,

    /// <summary>It broke the protocol.</summary>
    Protocol,

    /// <summary>It sent nothing for too long.</summary>
    Silent,

    /// <summary>It took nothing for too long.</summary>
    Slow,

    /// <summary>It never said Hello.</summary>
    NoHello,

    /// <summary>It was sent to another node.</summary>
    Drained,

    SignedOut,

    /// <summary>The server stopped.</summary>
    Stopped,
}

/// <summary>The live connections and what is delivered to them, in figures.</summary>
public sealed class RealtimeMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Realtime";

    private static readonly KeyValuePair<string, object?>[] Transports = [new("transport", "websockets"), new("transport", "server_sent_events"), new("transport", "long_polling")];

    // In the order of the enum.
    private static readonly KeyValuePair<string, object?>[] Ends =
        [.. new[] { "broken", "closed", "broken", "protocol", "silent", "slow", "no_hello", "drained", "signed_out", "stopped" }.Select(end => new KeyValuePair<string, object?>("reason", end))];

    private readonly TimeProvider _time;
    private readonly int[] _open = new int[Transports.Length];
    private readonly StripedCounter _deliveries = new();
    private readonly Counter<long> _opened;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _gaps;
    private readonly Histogram<double> _latency;

    public RealtimeMeter(IMeterFactory meters, Node node, ConnectionRegistry registry, IOptions<MonsteraOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(options);
        _time = time;
        Meter meter = meters.Create(Name);
        KeyValuePair<string, object?> server = new("server_id", node.Name);
        int max = options.Value.Limits.ConnectionsPerNode;
        meter.CreateObservableGauge(
            "websocket_active_connections", () => new Measurement<int>(registry.Count, server), "{connection}", "Live connections at the hub, whatever carries them.");
        meter.CreateObservableGauge(
            "connections_by_transport",
            () => Transports.Select((transport, i) => new Measurement<int>(Volatile.Read(ref _open[i]), transport)),
            "{connection}",
            "The same by what carries them.");
        meter.CreateObservableGauge("connections_max", () => max, "{connection}", "How many there may be on this node (Limits:ConnectionsPerNode); 0: as many as there are files for.");
        meter.CreateObservableGauge(
            "connections_lagging",
            () => registry.All.Count(connection => connection.IsLagging),
            "{connection}",
            "Connections that have not been sent all that there is for them, since they take it too slowly.");
        _opened = meter.CreateCounter<long>("connections_opened", "{connection}", "Connections that were let in, by what carries them.");
        _closed = meter.CreateCounter<long>("connections_closed", "{connection}", "Connections that ended, by reason.");
        _refused = meter.CreateCounter<long>("connections_refused", "{connection}", "Connections that were not let in, by reason: rate, address, user, node_full, draining.");
        _gaps = meter.CreateCounter<long>("gaps_told", "{gap}", "How often a connection lagged so far behind in a room that it has to read the log.");
        meter.CreateObservableCounter("deliveries", () => _deliveries.Value, "{event}", "Events that were handed to connections: one for each event and connection.");
        _latency = meter.CreateHistogram(
            "delivery_latency_seconds",
            "s",
            "From this node's knowing of a commit to the write to a connection's socket, for connections that keep up. Every eighth write of a connection is measured.",
            null,
            Buckets.OfDelivery);
    }

    internal void Opened(HubTransport transport)
    {
        Interlocked.Increment(ref _open[(int)transport]);
        _opened.Add(1, Transports[(int)transport]);
    }

    internal void Closed(HubTransport transport, ConnectionEnd end)
    {
        Interlocked.Decrement(ref _open[(int)transport]);
        _closed.Add(1, Ends[(int)end]);
    }

    internal void Refused(string reason) => _refused.Add(1, new KeyValuePair<string, object?>("reason", reason));

    internal void ToldGap() => _gaps.Add(1);

    internal void Delivered(int events) => _deliveries.Add(events);

    /// <param name="knownAt">A timestamp: since when this node has known of the events.</param>
    internal void Wrote(long knownAt) => _latency.Record(_time.GetElapsedTime(knownAt).TotalSeconds);
}
