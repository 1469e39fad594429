using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Monstera.Server.Metrics;

namespace Monstera.Tests.Metrics;

/// <summary>Meters of a test's own, and what is exposed of them. Lines of the process's own meters are left out.</summary>
internal sealed class CollectedMeters : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public CollectedMeters()
    {
        Meters = _services.GetRequiredService<IMeterFactory>();
        Collector = new MeterCollector(Meters, NullLogger<MeterCollector>.Instance);
        Meter = Meters.Create("Monstera.Test");
    }

    public IMeterFactory Meters { get; }

    public MeterCollector Collector { get; }

    /// <summary>Name its instruments <c>test…</c>.</summary>
    public Meter Meter { get; }

    public string Expose(MetricsFormat format = MetricsFormat.Text)
    {
        ArrayBufferWriter<byte> written = new();
        Collector.Write(written, format);
        return Encoding.UTF8.GetString(written.WrittenSpan);
    }

    /// <summary>The lines that are about the test's instruments, in order.</summary>
    public string[] Lines(MetricsFormat format = MetricsFormat.Text) =>
        [.. Expose(format).Split('\n').Where(line => line.StartsWith("test", StringComparison.Ordinal) || (line.StartsWith('#') && line.Split(' ') is [_, _, ['t', 'e', 's', 't', ..], ..]))];

    public void Dispose()
    {
        Collector.Dispose();
        _services.Dispose();
    }
}
