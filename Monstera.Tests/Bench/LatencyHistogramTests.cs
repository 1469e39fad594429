using System.Diagnostics;
using Monstera.Bench.Measure;

namespace Monstera.Tests.Bench;

/// <summary>Percentiles are exact to 0.8 %, as docs/performance.md says.</summary>
public sealed class LatencyHistogramTests
{
    private const double Exact = 0.008;
    private static readonly double MillisecondsPerTick = 1000.0 / Stopwatch.Frequency;

    [Fact]
    public void Without_values_there_is_no_percentile()
    {
        LatencyHistogram histogram = new();
        Assert.True(double.IsNaN(histogram.Milliseconds(50)));
        histogram.Record(7);
        histogram.Clear();
        Assert.True(double.IsNaN(histogram.Milliseconds(99)));
        Assert.Equal((0, 0), (histogram.Count, histogram.MaxTicks));
    }

    [Fact]
    public void Every_value_is_found_again_to_within_its_error()
    {
        Random random = new(1);
        long[] values =
        [
            .. Enumerable.Range(0, 2_048).Select(i => (long)i),
            .. Enumerable.Range(1, 62).SelectMany(bit => new[] { (1L << bit) - 1, 1L << bit, (1L << bit) + 1 }),
            .. Enumerable.Range(0, 5_000).Select(_ => random.NextInt64() >> random.Next(63)),
            long.MaxValue,
        ];
        Assert.All(values, value =>
        {
            // The largest is known exactly, so the value is looked at from below a larger one.
            LatencyHistogram histogram = new();
            histogram.Record(value);
            histogram.Record(long.MaxValue);
            double found = histogram.Milliseconds(50) / MillisecondsPerTick;
            Assert.InRange(found, value * (1 - 1e-9), (value * (1 + Exact)) + (value < 256 ? 1e-6 : 0));
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Percentiles_are_those_of_the_sorted_values(int seed)
    {
        Random random = new(seed);
        LatencyHistogram histogram = new();
        long[] values = [.. Enumerable.Range(0, random.Next(1, 20_000)).Select(_ => random.NextInt64(1, 1L << random.Next(1, 40)))];
        foreach (long value in values)
        {
            histogram.Record(value);
        }

        Array.Sort(values);
        Assert.All([1, 10, 50, 90, 95, 99, 99.9m, 99.99m, 100], percentile =>
        {
            // The nearest rank.
            long expected = values[(int)Math.Ceiling(values.Length * percentile / 100) - 1];
            Assert.InRange(histogram.Milliseconds((double)percentile) / MillisecondsPerTick, expected * (1 - 1e-9), (expected * (1 + Exact)) + 1e-6);
        });
        Assert.Equal(values[^1], histogram.MaxTicks);
        Assert.Equal(values.Length, histogram.Count);
    }

    [Fact]
    public void One_in_a_thousand_shows_at_p99_9_and_not_before()
    {
        LatencyHistogram histogram = new();
        for (int i = 0; i < 9_989; i++)
        {
            histogram.Record(1);
        }

        for (int i = 0; i < 11; i++)
        {
            histogram.Record(1_000_000);
        }

        Assert.Equal(MillisecondsPerTick, histogram.Milliseconds(99), 12);
        Assert.Equal(1_000_000 * MillisecondsPerTick, histogram.Milliseconds(99.9), 6);
    }

    [Fact]
    public void Nothing_is_reported_above_the_largest_value()
    {
        LatencyHistogram histogram = new();
        histogram.Record(1_000_001);
        Assert.Equal(1_000_001 * MillisecondsPerTick, histogram.Milliseconds(100), 9);
    }

    [Fact]
    public void A_clock_that_went_backwards_counts_as_no_time()
    {
        LatencyHistogram histogram = new();
        histogram.Record(-5);
        Assert.Equal((1, 0.0), (histogram.Count, histogram.Milliseconds(100)));
    }
}
