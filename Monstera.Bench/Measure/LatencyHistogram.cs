using System.Diagnostics;
using System.Numerics;

namespace Monstera.Bench.Measure;

/// <summary>
/// Counts latencies in buckets whose width grows with the value: 128 to each power of two, so a percentile is right to within 0.8 %, in 64 KiB and a few
/// nanoseconds a value, whatever the number of values.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBucketBits = 7;
    private const int SubBuckets = 1 << SubBucketBits;

    private static readonly double MillisecondsPerTick = 1000.0 / Stopwatch.Frequency;

    private readonly long[] _counts = new long[(64 - SubBucketBits) * SubBuckets];

    public long Count { get; private set; }

    public long MaxTicks { get; private set; }

    /// <summary>Records a time in ticks of <see cref="Stopwatch"/>.</summary>
    public void Record(long ticks)
    {
        ulong value = (ulong)Math.Max(ticks, 0);
        int exponent = Math.Max(0, BitOperations.Log2(value | 1) - SubBucketBits);
        _counts[(exponent << SubBucketBits) + (int)(value >> exponent)]++;
        Count++;
        MaxTicks = Math.Max(MaxTicks, ticks);
    }

    /// <summary>Takes over what another one has counted.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
        MaxTicks = Math.Max(MaxTicks, other.MaxTicks);
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
        MaxTicks = 0;
    }

    /// <summary>The time within which the given share of all values lies, in milliseconds; NaN without values.</summary>
    public double Milliseconds(double percentile)
    {
        long wanted = (long)Math.Ceiling(Count * percentile / 100);
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted && seen > 0)
            {
                return Math.Min(UpperBound(i), MaxTicks) * MillisecondsPerTick;
            }
        }

        return double.NaN;
    }

    private static double UpperBound(int bucket)
    {
        // The first two powers share exponent 0: [0, 256) is exact.
        int exponent = bucket < 2 * SubBuckets ? 0 : (bucket >> SubBucketBits) - 1;
        long low = (long)(bucket - (exponent << SubBucketBits)) << exponent;
        return low + (1L << exponent) - 1;
    }
}
