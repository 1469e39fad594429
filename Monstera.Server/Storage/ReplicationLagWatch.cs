using System.Diagnostics.Metrics;
using Monstera.Data;
using Monstera.Data.Postgres;

namespace Monstera.Server.Storage;

/// <summary>A shard's replica for history.</summary>
internal sealed record ShardReplica(int Shard, PostgresReplica Replica);

/// <summary>
/// Measures every few seconds how far the replicas are behind, for <c>db_replication_lag_seconds</c> and <c>db_replication_lag_bytes</c>, and says when one can be used no more
/// and when it can again. Nothing waits for it: a read of history compares for itself. A replica that cannot be measured has no value.
/// </summary>
internal sealed partial class ReplicationLagWatch : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly Watched[] _watched;
    private readonly TimeProvider _time;
    private readonly ILogger<ReplicationLagWatch> _log;

    public ReplicationLagWatch(IReadOnlyList<ShardReplica> replicas, IMeterFactory meters, TimeProvider time, ILogger<ReplicationLagWatch> log)
    {
        _watched = [.. replicas.Select(replica => new Watched(replica))];
        _time = time;
        _log = log;
        if (_watched.Length > 0)
        {
            Meter meter = meters.Create(StorageMeter.Name);
            meter.CreateObservableGauge("db_replication_lag_seconds", () => Read(lag => lag.Time.TotalSeconds), "s", "How old the newest state is that a replica surely shows.");
            meter.CreateObservableGauge("db_replication_lag_bytes", () => Read(lag => lag.Bytes), "By", "What a replica has not replayed of the primary's log.");
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_watched.Length == 0)
        {
            return;
        }

        using PeriodicTimer timer = new(Every, _time);
        try
        {
            do
            {
                await Task.WhenAll(_watched.Select(watched => Measure(watched, stoppingToken)));
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task Measure(Watched watched, CancellationToken stoppingToken)
    {
        try
        {
            watched.Lag = await watched.Replica.Replica.MeasureLag(stoppingToken);
            if (watched.IsLost)
            {
                watched.IsLost = false;
                LogFound(watched.Replica.Replica.Place, watched.Replica.Shard);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            // Whatever it is: the primary serves, and it is tried again.
            watched.Lag = null;
            if (!watched.IsLost)
            {
                watched.IsLost = true;
                LogLost(e, watched.Replica.Replica.Place, watched.Replica.Shard);
            }
        }
    }

    private List<Measurement<T>> Read<T>(Func<ReplicationLag, T> value)
        where T : struct
    {
        List<Measurement<T>> measured = [];
        foreach (Watched watched in _watched)
        {
            if (watched.Lag is { } lag)
            {
                measured.Add(new Measurement<T>(value(lag), watched.Tags));
            }
        }

        return measured;
    }

    [LoggerMessage(1301, LogLevel.Warning, "The replica {Place} of shard {Shard} cannot be used, and its history is read from the primary; it is tried again every few seconds.")]
    private partial void LogLost(Exception e, string place, int shard);

    [LoggerMessage(1302, LogLevel.Information, "The replica {Place} of shard {Shard} can be used again.")]
    private partial void LogFound(string place, int shard);

    private sealed class Watched(ShardReplica replica)
    {
        private readonly Lock _gate = new();
        private ReplicationLag? _lag;

        public ShardReplica Replica { get; } = replica;

        public KeyValuePair<string, object?>[] Tags { get; } = [new("shard", replica.Shard), new("replica", replica.Replica.Place)];

        public bool IsLost { get; set; }

        public ReplicationLag? Lag
        {
            get
            {
                lock (_gate)
                {
                    return _lag;
                }
            }

            set
            {
                lock (_gate)
                {
                    _lag = value;
                }
            }
        }
    }
}
