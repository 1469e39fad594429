using System.Diagnostics.Metrics;

namespace Monstera.Server.Growth;

/// <summary>
/// Hears what the server measures for its metrics of writes and deliveries, and keeps a small histogram of each, so that an hour has a p95. Called on the hot path: it takes one of eight
/// observations, which is enough for a p95 and spares the processors a common counter.
/// </summary>
internal sealed class LatencyListener : IDisposable
{
    private const string WriteName = "write_duration";
    private const string DeliveryName = "delivery_latency";
    private const int OneOf = 8;

    private readonly MeterListener _listener;

    public LatencyListener(IMeterFactory meters)
    {
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                // Several servers may run in a process, as in tests: each hears itself.
                if (ReferenceEquals(instrument.Meter.Scope, meters) && HistogramOf(instrument) is { } histogram)
                {
                    listener.EnableMeasurementEvents(instrument, histogram);
                }
            },
        };
        _listener.SetMeasurementEventCallback<double>(static (_, seconds, _, state) =>
        {
            // By chance: what comes in a rhythm would be met by every eighth always or never.
            if (Random.Shared.Next(OneOf) == 0)
            {
                ((LatencyHistogram)state!).Add(seconds * 1000);
            }
        });
        _listener.Start();
    }

    public LatencyHistogram Writes { get; } = new();

    public LatencyHistogram Deliveries { get; } = new();

    public void Dispose() => _listener.Dispose();

    /// <summary>Metrics' names may have their unit at the end.</summary>
    private LatencyHistogram? HistogramOf(Instrument instrument)
    {
        string name = instrument.Name.Replace('.', '_');
        return name.StartsWith(WriteName, StringComparison.Ordinal) ? Writes : name.StartsWith(DeliveryName, StringComparison.Ordinal) ? Deliveries : null;
    }
}

/// <summary>Counts in steps of 15 %, from 0.1 ms to two minutes. Safe for threads.</summary>
internal sealed class LatencyHistogram
{
    private const double FirstMs = 0.1;
    private const int Steps = 100;
    private static readonly double Step = Math.Log(1.15);

    private long[] _counts = new long[Steps];

    public void Add(double ms)
    {
        int step = ms <= FirstMs ? 0 : Math.Min(Steps - 1, (int)Math.Ceiling(Math.Log(ms / FirstMs) / Step));
        Interlocked.Increment(ref Volatile.Read(ref _counts)[step]);
    }

    /// <returns>The upper end of the step that has it; null: nothing was counted.</returns>
    public double? Percentile(double percent)
    {
        long[] counts = Volatile.Read(ref _counts);
        long total = counts.Sum();
        long wanted = (long)Math.Ceiling(total * percent / 100);
        for (int step = 0; step < Steps && total > 0; step++)
        {
            wanted -= counts[step];
            if (wanted <= 0)
            {
                return FirstMs * Math.Exp(step * Step);
            }
        }

        return null;
    }

    /// <summary>Begins anew.</summary>
    public void Clear() => Volatile.Write(ref _counts, new long[Steps]);
}
