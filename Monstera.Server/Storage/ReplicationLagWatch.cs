using System.Diagnostics.Metrics;
using Monstera.Data;
using Monstera.Data.Postgres;

namespace Monstera.Server.Storage;

/// <summary>
/// Measures every few seconds how far the replicas are behind, for <c>db_replication_lag_seconds</c> and <c>db_replication_lag_bytes</c>, and says when one can be used no more
/// and when it can again. Nothing waits for it: a read of history compares for itself. A replica that cannot be measured has no value.
/// </summary>
internal sealed partial class ReplicationLagWatch : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly ShardReplicas _replicas;
    private readonly TimeProvider _time;
    private readonly ILogger<ReplicationLagWatch> _log;

    public ReplicationLagWatch(ShardReplicas replicas, IMeterFactory meters, TimeProvider time, ILogger<ReplicationLagWatch> log)
    {
        _replicas = replicas;
        _time = time;
        _log = log;
        Meter meter = meters.Create(StorageMeter.Name);
        meter.CreateObservableGauge("db_replication_lag_seconds", () => Read(lag => lag.Time.TotalSeconds), "s", "How old the newest state is that a replica surely shows.");
        meter.CreateObservableGauge("db_replication_lag_bytes", () => Read(lag => lag.Bytes), "By", "What a replica has not replayed of the primary's log.");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Every, _time);
        try
        {
            do
            {
                await Task.WhenAll(_replicas.All.Select(replica => Measure(replica, stoppingToken)));
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task Measure(ShardReplica replica, CancellationToken stoppingToken)
    {
        try
        {
            replica.Lag = await replica.Replica.MeasureLag(stoppingToken);
            if (replica.IsLost)
            {
                replica.IsLost = false;
                LogFound(replica.Replica.Place, replica.Shard);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            // Whatever it is: the primary serves, and it is tried again.
            replica.Lag = null;
            if (!replica.IsLost)
            {
                replica.IsLost = true;
                LogLost(e, replica.Replica.Place, replica.Shard);
            }
        }
    }

    private List<Measurement<T>> Read<T>(Func<ReplicationLag, T> value)
        where T : struct
    {
        List<Measurement<T>> measured = [];
        foreach (ShardReplica replica in _replicas.All)
        {
            if (replica.Lag is { } lag)
            {
                measured.Add(new Measurement<T>(value(lag), replica.Tags));
            }
        }

        return measured;
    }

    [LoggerMessage(1301, LogLevel.Warning, "The replica {Place} of shard {Shard} cannot be used, and its history is read from the primary; it is tried again every few seconds.")]
    private partial void LogLost(Exception e, string place, int shard);

    [LoggerMessage(1302, LogLevel.Information, "The replica {Place} of shard {Shard} can be used again.")]
    private partial void LogFound(string place, int shard);
}
