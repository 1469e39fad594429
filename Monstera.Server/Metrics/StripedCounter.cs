using System.Runtime.InteropServices;

namespace Monstera.Server.Metrics;

/// <summary>Counts what several processors count all the time: each has a place of its own, so that they do not take it from each other. Read now and then.</summary>
public sealed class StripedCounter
{
    private readonly Stripe[] _stripes = new Stripe[Math.Min(64, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount))];

    public long Value
    {
        get
        {
            long sum = 0;
            for (int i = 0; i < _stripes.Length; i++)
            {
                sum += Interlocked.Read(ref _stripes[i].Count);
            }

            return sum;
        }
    }

    public void Add(long count) => Interlocked.Add(ref _stripes[Thread.GetCurrentProcessorId() & (_stripes.Length - 1)].Count, count);

    /// <summary>As long as two lines of a processor's cache, which are fetched together.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Stripe
    {
        [FieldOffset(0)]
        public long Count;
    }
}
