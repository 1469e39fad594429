using System.Diagnostics.Metrics;

namespace Monstera.Server.Metrics;

/// <summary>Bounds of histograms.</summary>
public static class Buckets
{
    /// <summary>In seconds, for queries: 1 ms to 5 s.</summary>
    public static InstrumentAdvice<double> OfQueries { get; } = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] };

    /// <summary>In seconds, for what takes less: 0.5 ms to 5 s.</summary>
    public static InstrumentAdvice<double> OfDelivery { get; } = new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5] };

    /// <summary>In seconds, for what runs now and then: 10 ms to an hour.</summary>
    public static InstrumentAdvice<double> OfJobs { get; } = new() { HistogramBucketBoundaries = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600] };

    /// <summary>Powers of two up to 1,024, for batches.</summary>
    public static InstrumentAdvice<int> OfBatches { get; } = new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024] };

    /// <summary>Those that OpenTelemetry names for durations.</summary>
    private static readonly double[] Durations = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    /// <summary>Those that OpenTelemetry names for everything else.</summary>
    private static readonly double[] Usual = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];

    /// <summary>What the instrument asks for, or the usual ones; null: it is no histogram.</summary>
    internal static double[]? Of(Instrument instrument)
    {
        IEnumerable<double>? advised = instrument switch
        {
            Histogram<double> histogram => histogram.Advice?.HistogramBucketBoundaries,
            Histogram<float> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<long> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<int> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            _ => null,
        };
        return MetricName.KindOf(instrument) != MetricKind.Histogram ? null
            : advised is not null ? [.. advised.Where(double.IsFinite)]
            : instrument.Unit == "s" ? Durations : Usual;
    }
}
