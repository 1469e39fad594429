using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Monstera.Server.Metrics;

/// <summary>Writes metrics as text: Prometheus' format 0.0.4, or OpenMetrics 1.0.0. The families come one after another, each once.</summary>
internal sealed class Exposition(IBufferWriter<byte> to, MetricsFormat format)
{
    private const int NumberCharsMax = 32;

    /// <summary>Endings that readers take for parts of a histogram or summary. In the text format what has one of them and is none is not typed; the names are the framework's.</summary>
    private static readonly string[] PartEndings = ["_count", "_sum", "_bucket"];

    private readonly bool _isOpen = format == MetricsFormat.OpenMetrics;

    /// <summary>The family with its help and type. Without a series nothing is written.</summary>
    public void Write(Family family, IEnumerable<Series> series)
    {
        byte[]? name = null;
        byte[][] bounds = [];
        foreach (Series one in series)
        {
            if (name is null)
            {
                WriteHead(family);
                name = Encoding.UTF8.GetBytes(family.Name.Kind == MetricKind.Histogram ? family.Name.Stem : family.Name.Full);
                bounds = [.. family.Bounds.Select(BoundOf), "+Inf"u8.ToArray()];
            }

            if (one is HistogramSeries histogram)
            {
                Write(name, histogram, bounds);
            }
            else
            {
                WriteSample(name, default, one, default);
                Write(((ScalarSeries)one).Value);
                Write("\n"u8);
            }
        }
    }

    /// <summary>Nothing follows.</summary>
    public void End()
    {
        if (_isOpen)
        {
            Write("# EOF\n"u8);
        }
    }

    private void WriteHead(Family family)
    {
        MetricName name = family.Name;
        string type = name.Kind switch
        {
            MetricKind.Counter => "counter",
            MetricKind.Histogram => "histogram",
            _ when !_isOpen && Array.Exists(PartEndings, ending => name.Full.EndsWith(ending, StringComparison.Ordinal)) => "untyped",
            _ => "gauge",
        };
        string help = family.Help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        if (!_isOpen)
        {
            Write($"# HELP {name.Full} {help}\n# TYPE {name.Full} {type}\n");
            return;
        }

        Write($"# TYPE {name.Stem} {type}\n");
        if (name.Unit is "seconds" or "bytes" or "ratio" && name.Stem.EndsWith("_" + name.Unit, StringComparison.Ordinal))
        {
            Write($"# UNIT {name.Stem} {name.Unit}\n");
        }

        Write($"# HELP {name.Stem} {help.Replace("\"", "\\\"", StringComparison.Ordinal)}\n");
    }

    private void Write(byte[] name, HistogramSeries series, byte[][] bounds)
    {
        Span<long> counts = stackalloc long[Math.Min(bounds.Length, 256)];
        counts = bounds.Length > counts.Length ? new long[bounds.Length] : counts;
        double sum = series.Sum;
        series.Accumulate(counts);
        for (int i = 0; i < bounds.Length; i++)
        {
            WriteSample(name, "_bucket"u8, series, bounds[i]);
            Write(counts[i]);
            Write("\n"u8);
        }

        WriteSample(name, "_sum"u8, series, default);
        Write(sum);
        Write("\n"u8);
        WriteSample(name, "_count"u8, series, default);
        Write(counts[^1]);
        Write("\n"u8);
    }

    /// <summary>The sample's name and labels, and the space before its value.</summary>
    private void WriteSample(byte[] name, ReadOnlySpan<byte> ending, Series series, ReadOnlySpan<byte> bound)
    {
        Write(name);
        Write(ending);
        if (series.LabelBytes.Length > 0 || !bound.IsEmpty)
        {
            Write("{"u8);
            Write(series.LabelBytes);
            if (!bound.IsEmpty)
            {
                Write(series.LabelBytes.Length > 0 ? ",le=\""u8 : "le=\""u8);
                Write(bound);
                Write("\""u8);
            }

            Write("}"u8);
        }

        Write(" "u8);
    }

    /// <summary>A bound of a bucket; OpenMetrics has whole ones with a point, so that they are the same whoever writes them.</summary>
    private byte[] BoundOf(double bound)
    {
        string text = bound.ToString(CultureInfo.InvariantCulture);
        return Encoding.UTF8.GetBytes(_isOpen && text.All(letter => char.IsAsciiDigit(letter) || letter == '-') ? text + ".0" : text);
    }

    private void Write(double value)
    {
        if (!double.IsFinite(value))
        {
            Write(double.IsNaN(value) ? "NaN"u8 : value > 0 ? "+Inf"u8 : "-Inf"u8);
            return;
        }

        value.TryFormat(to.GetSpan(NumberCharsMax), out int written, default, CultureInfo.InvariantCulture);
        to.Advance(written);
    }

    private void Write(long value)
    {
        Utf8Formatter.TryFormat(value, to.GetSpan(NumberCharsMax), out int written);
        to.Advance(written);
    }

    private void Write(string text) => Encoding.UTF8.GetBytes(text, to);

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            bytes.CopyTo(to.GetSpan(bytes.Length));
            to.Advance(bytes.Length);
        }
    }
}
