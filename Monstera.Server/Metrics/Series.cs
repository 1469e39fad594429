using System.Text;

namespace Monstera.Server.Metrics;

/// <summary>One line of a metric, or one histogram: what was measured with the same labels. Many threads add to it; none of them waits and nothing is allocated.</summary>
internal abstract class Series(string labels)
{
    /// <summary>As <see cref="Metrics.Labels"/> has it.</summary>
    public string Labels { get; } = labels;

    public byte[] LabelBytes { get; } = Encoding.UTF8.GetBytes(labels);

    /// <summary>The exposition for which it was last observed; see <see cref="Family.Forget"/>.</summary>
    public long ObservedFor { get; set; }

    public abstract void Add(long value);

    public abstract void Add(double value);

    public abstract void Set(double value);

    /// <summary>Adds to a double that others add to as well.</summary>
    protected static void AddTo(ref double sum, double value)
    {
        double before = Volatile.Read(ref sum);
        while (true)
        {
            double seen = Interlocked.CompareExchange(ref sum, before + value, before);

            // Compared as bits: what is not a number equals nothing, itself included.
            if (BitConverter.DoubleToInt64Bits(seen) == BitConverter.DoubleToInt64Bits(before))
            {
                return;
            }

            before = seen;
        }
    }
}

/// <summary>A counter or a gauge. Whole numbers are kept apart, so that they stay exact and cost one instruction.</summary>
internal sealed class ScalarSeries(string labels) : Series(labels)
{
    private long _whole;
    private double _rest;

    public double Value => Interlocked.Read(ref _whole) + Volatile.Read(ref _rest);

    public override void Add(long value) => Interlocked.Add(ref _whole, value);

    public override void Add(double value) => AddTo(ref _rest, value);

    public override void Set(double value) => Volatile.Write(ref _rest, value);
}

/// <summary>Observations by size: how many are at most each of the bounds, and their sum.</summary>
internal sealed class HistogramSeries(string labels, double[] bounds) : Series(labels)
{
    private readonly long[] _counts = new long[bounds.Length + 1];
    private double _sum;

    public double Sum => Volatile.Read(ref _sum);

    public override void Add(long value) => Add((double)value);

    public override void Add(double value)
    {
        // It is in no bucket and would spoil the sum for ever.
        if (double.IsNaN(value))
        {
            return;
        }

        int bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket])
        {
            bucket++;
        }

        Interlocked.Increment(ref _counts[bucket]);
        AddTo(ref _sum, value);
    }

    public override void Set(double value) => throw new NotSupportedException("A histogram is added to.");

    /// <summary>How many are at most each bound, and last how many there are: so the last of them and the count are always the same.</summary>
    public void Accumulate(Span<long> cumulative)
    {
        long sum = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            cumulative[i] = sum += Interlocked.Read(ref _counts[i]);
        }
    }
}
