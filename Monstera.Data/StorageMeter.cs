using System.Diagnostics.Metrics;

namespace Monstera.Data;

/// <summary>
/// The figures of one database: how long its calls take, from the caller's point of view (waiting for a connection or a turn included), and which failed. A call is one of
/// <see cref="Rooms.IRoomStore"/> or <see cref="Directory.IDirectory"/>, whose names are the types of query.
/// </summary>
public sealed class StorageMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Storage";

    private static readonly InstrumentAdvice<double> Buckets = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] };

    private readonly Histogram<double> _durations;
    private readonly Counter<long> _errors;
    private readonly TimeProvider _time;
    private readonly KeyValuePair<string, object?> _shard;

    /// <param name="meter">The one with the <see cref="Name"/>.</param>
    /// <param name="shard">The label: a shard's number, or <c>directory</c>.</param>
    public StorageMeter(Meter meter, string shard, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meter);
        _time = time;
        _shard = new KeyValuePair<string, object?>("shard", shard);
        _durations = meter.CreateHistogram("db_query_duration_seconds", "s", "How long calls of the storage take, waiting for a connection included.", null, Buckets);
        _errors = meter.CreateCounter<long>("db_errors", "{call}", "Calls of the storage that failed, by kind: unavailable, timeout, deadlock, race, bug.");
    }

    /// <summary>When a call begins.</summary>
    internal long Now => _time.GetTimestamp();

    /// <summary>Passes a call on and measures it, failed ones too.</summary>
    internal ValueTask<T> Measure<T>(string query, long begun, ValueTask<T> call)
    {
        if (!call.IsCompletedSuccessfully)
        {
            return Wait(query, begun, call);
        }

        Record(query, begun);
        return call;
    }

    internal async ValueTask Measure(string query, long begun, ValueTask call)
    {
        try
        {
            await call;
        }
        catch (Exception e) when (Fails(query, e))
        {
            throw;
        }
        finally
        {
            Record(query, begun);
        }
    }

    private async ValueTask<T> Wait<T>(string query, long begun, ValueTask<T> call)
    {
        try
        {
            return await call;
        }
        catch (Exception e) when (Fails(query, e))
        {
            throw;
        }
        finally
        {
            Record(query, begun);
        }
    }

    private void Record(string query, long begun) =>
        _durations.Record(_time.GetElapsedTime(begun).TotalSeconds, new KeyValuePair<string, object?>("query_type", query), _shard);

    /// <returns>False, so that the exception goes on as it came.</returns>
    private bool Fails(string query, Exception e)
    {
        string? kind = e switch
        {
            // An answer, and one that was given up, are no failures of the storage.
            Rooms.RoomMovedException or OperationCanceledException or ArgumentException or FormatException => null,
            StorageUnavailableException unavailable => unavailable.Kind switch
            {
                StorageFaultKind.Timeout => "timeout",
                StorageFaultKind.Deadlock => "deadlock",
                StorageFaultKind.Race => "race",
                _ => "unavailable",
            },
            _ => "bug",
        };
        if (kind is not null)
        {
            _errors.Add(1, new KeyValuePair<string, object?>("query_type", query), _shard, new KeyValuePair<string, object?>("kind", kind));
        }

        return false;
    }
}
