using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using Monstera.Server.Metrics;

namespace Monstera.Tests.Metrics;

/// <summary>
/// Kestrel's writer has blocks, and one that is exactly full has no room for whoever asks for none: an exposition whose parts came to lie so was once answered with 500. Here they lie in every way.
/// </summary>
public sealed class FullBlockTests
{
    [Fact]
    public void Wherever_a_block_ends_the_answer_is_the_same()
    {
        using CollectedMeters meters = new();
        Counter<long> counter = meters.Meter.CreateCounter<long>("test.things", null, "Things.");
        counter.Add(1);
        counter.Add(2, KeyValuePair.Create<string, object?>("kind", "long enough to be cut"));
        meters.Meter.CreateHistogram<double>("test.sizes").Record(3, KeyValuePair.Create<string, object?>("kind", "a"));
        string expected = Of(meters, new Blocks(1 << 20));
        Assert.Contains("test_things_total{kind=\"long enough to be cut\"} 2\n", expected, StringComparison.Ordinal);
        for (int size = 1; size <= 300; size++)
        {
            Assert.Equal(expected, Of(meters, new Blocks(size)));
        }
    }

    /// <summary>Only the lines of the test's own: the others change from one exposition to the next.</summary>
    private static string Of(CollectedMeters meters, Blocks to)
    {
        meters.Collector.Write(to, MetricsFormat.OpenMetrics);
        return string.Concat(to.Text.Split('\n').Where(line => line.Contains("test_", StringComparison.Ordinal)).Select(line => line + '\n'));
    }

    /// <summary>As a chunked answer of Kestrel: what is left of the block is given when it is enough for what was asked, even when nothing is left and nothing was asked for.</summary>
    private sealed class Blocks(int size) : IBufferWriter<byte>
    {
        private readonly MemoryStream _written = new();
        private byte[] _block = new byte[size];
        private int _used;

        public string Text
        {
            get
            {
                Flush();
                return Encoding.UTF8.GetString(_written.ToArray());
            }
        }

        public void Advance(int count)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _block.Length - _used);
            _used += count;
        }

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (_block.Length - _used < sizeHint)
            {
                Flush();
                _block = new byte[Math.Max(size, sizeHint)];
            }

            return _block.AsMemory(_used);
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        private void Flush()
        {
            _written.Write(_block.AsSpan(0, _used));
            _used = 0;
        }
    }
}
