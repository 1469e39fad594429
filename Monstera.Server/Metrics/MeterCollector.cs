using System.Buffers;
using System.Diagnostics.Metrics;

namespace Monstera.Server.Metrics;

/// <summary>
/// Gathers what the instruments of this process measure: the server's own meters and those of the framework that say something about it. Recording neither waits nor allocates.
/// </summary>
public sealed partial class MeterCollector : IDisposable
{
    /// <summary>Meters by the beginnings of their names.</summary>
    private static readonly string[] Wanted =
    [
        "Monstera.",
        "Microsoft.AspNetCore.Hosting",
        "Microsoft.AspNetCore.Server.Kestrel",
        "Microsoft.AspNetCore.Http.Connections",
        "Microsoft.AspNetCore.RateLimiting",
        "System.Net.",
        "System.Runtime",
        "Npgsql",
    ];

    private readonly Lock _gate = new();
    private readonly Lock _exposing = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly IMeterFactory _meters;
    private readonly ILogger<MeterCollector> _log;
    private long _exposition;
    private long _failures;

    public MeterCollector(IMeterFactory meters, ILogger<MeterCollector> log)
    {
        _meters = meters;
        _log = log;
        _listener.InstrumentPublished = Publish;
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, to) => ((Receiver)to!).Take(value, tags));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, to) => ((Receiver)to!).Take(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, to) => ((Receiver)to!).Take(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, to) => ((Receiver)to!).Take(value, tags));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, to) => ((Receiver)to!).Take((double)value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, to) => ((Receiver)to!).Take(value, tags));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, to) => ((Receiver)to!).Take((double)value, tags));
        _listener.Start();
    }

    /// <summary>What there is to be measured by meters whose names begin so, whether it was measured yet or not.</summary>
    public IReadOnlyList<MetricName> Metrics(string meters)
    {
        lock (_gate)
        {
            return [.. _families.Values.Where(family => family.Meter.StartsWith(meters, StringComparison.Ordinal)).Select(family => family.Name)];
        }
    }

    /// <summary>Measurements that have no series of their own because there are too many, by metric; those of which there are any.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> Refused
    {
        get
        {
            lock (_gate)
            {
                return [.. _families.Values.Where(family => family.Refused > 0).Select(family => KeyValuePair.Create(family.Name.Full, family.Refused))];
            }
        }
    }

    /// <summary>Expositions for which an instrument could not say its value.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>Asks what is to be asked for and writes all metrics, by name. One exposition at a time.</summary>
    public void Write(IBufferWriter<byte> to, MetricsFormat format)
    {
        ArgumentNullException.ThrowIfNull(to);
        lock (_exposing)
        {
            Interlocked.Increment(ref _exposition);
            try
            {
                _listener.RecordObservableInstruments();
            }
            catch (AggregateException e)
            {
                // All others were asked, and are shown.
                if (Interlocked.Increment(ref _failures) == 1)
                {
                    LogFailed(e);
                }
            }

            Family[] families;
            lock (_gate)
            {
                families = [.. _families.Values];
            }

            Exposition exposition = new(to, format);
            foreach (Family family in families)
            {
                family.Forget(_exposition);
                exposition.Write(family, family.Series);
            }

            exposition.End();
        }
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>Meters of this server, and those that are the process's. Several servers in a process (tests) do not see each other.</summary>
    private bool IsWanted(Meter meter) =>
        (meter.Scope is null || ReferenceEquals(meter.Scope, _meters)) && Array.Exists(Wanted, name => meter.Name.StartsWith(name, StringComparison.Ordinal));

    private void Publish(Instrument instrument, MeterListener listener)
    {
        if (!IsWanted(instrument.Meter))
        {
            return;
        }

        MetricName name = MetricName.Of(instrument);
        Receiver? receiver = null;
        lock (_gate)
        {
            if (!_families.TryGetValue(name.Full, out Family? family))
            {
                _families.Add(name.Full, family = new Family(name, instrument.Meter.Name, instrument.Description, instrument.IsObservable, Buckets.Of(instrument)));
            }

            if (family.Name == name && family.IsObserved == instrument.IsObservable)
            {
                receiver = new Receiver(this, family, IsLast: IsGauge(instrument));
            }
        }

        if (receiver is null)
        {
            LogTwice(instrument.Meter.Name, instrument.Name);
            return;
        }

        listener.EnableMeasurementEvents(instrument, receiver);
    }

    private static bool IsGauge(Instrument instrument) => instrument.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Gauge<>);

    [LoggerMessage(2090, LogLevel.Warning, "The instrument {Instrument} of the meter {Meter} is not shown: another one of another kind has its name")]
    private partial void LogTwice(string meter, string instrument);

    [LoggerMessage(2091, LogLevel.Warning, "Some instruments could not say their values; they are missing in the metrics. This is said once")]
    private partial void LogFailed(Exception e);

    /// <summary>Where an instrument's measurements go.</summary>
    /// <param name="IsLast">The last measurement counts, rather than their sum.</param>
    private sealed record Receiver(MeterCollector Collector, Family Family, bool IsLast)
    {
        public void Take(long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Family.IsObserved || IsLast)
            {
                Take((double)value, tags);
            }
            else
            {
                Family.Add(value, tags);
            }
        }

        public void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Family.IsObserved)
            {
                Family.Observe(value, tags, Collector._exposition);
            }
            else if (IsLast)
            {
                Family.Set(value, tags);
            }
            else
            {
                Family.Add(value, tags);
            }
        }
    }
}
