using System.Diagnostics.Metrics;

namespace Monstera.Data.Sharding;

/// <summary>Who answered a read of history, and why not the replica.</summary>
public enum HistorySource
{
    /// <summary>The replica, which was not behind.</summary>
    Replica,

    /// <summary>The primary: the replica has not yet seen what the primary has, the room's coming to this shard included.</summary>
    Behind,

    /// <summary>The primary: the replica knows what the primary does not show yet.</summary>
    Ahead,

    /// <summary>The primary: to the replica there is no such room or member.</summary>
    Unknown,

    /// <summary>The primary: the replica took too long.</summary>
    Slow,

    /// <summary>The primary: the replica cannot be reached, is none of this primary, or could not do it.</summary>
    Failed,

    /// <summary>The primary: the replica failed a moment ago and is left alone.</summary>
    Resting,
}

/// <summary>Counts the reads of a shard's history: <c>db_history_reads</c>, by shard, source (replica, primary) and reason.</summary>
public sealed class HistoryReads
{
    private static readonly HistorySource[] Sources = Enum.GetValues<HistorySource>();

    private readonly Counter<long> _counter;
    private readonly KeyValuePair<string, object?>[][] _tags;
    private readonly long[] _counts = new long[Sources.Length];

    /// <param name="meter">The one named <see cref="StorageMeter.Name"/>.</param>
    public HistoryReads(Meter meter, int shard)
    {
        ArgumentNullException.ThrowIfNull(meter);
        _counter = meter.CreateCounter<long>("db_history_reads", "{read}", "Reads of history, by who answered them and why.");
        _tags =
        [
            .. Sources.Select(source => new KeyValuePair<string, object?>[]
            {
                new("shard", shard),
                new("source", source == HistorySource.Replica ? "replica" : "primary"),
                new("reason", Reason(source)),
            }),
        ];
    }

    /// <summary>How many there were since the start.</summary>
    public long Of(HistorySource source) => Interlocked.Read(ref _counts[(int)source]);

    internal void Count(HistorySource source)
    {
        Interlocked.Increment(ref _counts[(int)source]);
        _counter.Add(1, _tags[(int)source]);
    }

    private static string Reason(HistorySource source) => source switch
    {
        HistorySource.Replica => "current",
        HistorySource.Behind => "behind",
        HistorySource.Ahead => "ahead",
        HistorySource.Unknown => "unknown",
        HistorySource.Slow => "slow",
        HistorySource.Failed => "failed",
        _ => "resting",
    };
}
