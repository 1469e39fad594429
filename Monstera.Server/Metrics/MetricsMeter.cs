using System.Diagnostics.Metrics;

namespace Monstera.Server.Metrics;

/// <summary>What the metrics themselves cost, and what is missing in them.</summary>
public sealed class MetricsMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Metrics";

    private readonly TimeProvider _time;
    private double _lastSeconds;

    public MetricsMeter(IMeterFactory meters, MeterCollector collector, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(collector);
        _time = time;
        Meter meter = meters.Create(Name);
        meter.CreateObservableGauge("metrics_scrape_duration_seconds", () => Volatile.Read(ref _lastSeconds), "s", "How long it took to gather and write the metrics the last time.");
        meter.CreateObservableCounter(
            "metrics_refused_measurements",
            () => collector.Refused.Select(one => new Measurement<long>(one.Value, new KeyValuePair<string, object?>("metric", one.Key))),
            "{measurement}",
            "Measurements without a series of their own because the metric has too many: dropped, or counted under the label value other.");
        meter.CreateObservableCounter("metrics_failed_scrapes", () => collector.Failures, "{scrape}", "Expositions in which a value is missing because it could not be read.");
    }

    /// <summary>Runs the writing of the metrics and notes how long it took.</summary>
    internal void Measure(Action write)
    {
        long begun = _time.GetTimestamp();
        write();
        Volatile.Write(ref _lastSeconds, _time.GetElapsedTime(begun).TotalSeconds);
    }
}
