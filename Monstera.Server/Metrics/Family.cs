namespace Monstera.Server.Metrics;

/// <summary>A metric with all its series. Instruments of one name and kind add to the same one.</summary>
internal sealed class Family
{
    /// <summary>Series of one metric. What is labelled with outsiders' choices is bounded where it is measured; this is for what was overlooked.</summary>
    public const int SeriesMax = 1_000;

    private readonly SeriesTable _table;

    /// <param name="isObserved">Its values are asked for at each exposition, and what is not told then is gone (<see cref="Forget"/>).</param>
    /// <param name="bounds">Of a histogram: ascending.</param>
    public Family(MetricName name, string meter, string? help, bool isObserved, double[]? bounds, int seriesMax = SeriesMax)
    {
        Name = name;
        Meter = meter;
        Help = string.IsNullOrWhiteSpace(help) ? "Not described." : help;
        IsObserved = isObserved;
        Bounds = bounds ?? [];

        // Where the others' values would overwrite each other there is no series for all of them.
        bool hasOther = name.Kind != MetricKind.Gauge && !isObserved;
        _table = new SeriesTable(
            seriesMax, name.Kind == MetricKind.Histogram ? "le" : null, hasOther, labels => name.Kind == MetricKind.Histogram ? new HistogramSeries(labels, Bounds) : new ScalarSeries(labels));
    }

    public MetricName Name { get; }

    /// <summary>Of the first of its instruments.</summary>
    public string Meter { get; }

    public string Help { get; }

    public bool IsObserved { get; }

    public double[] Bounds { get; }

    /// <summary>Measurements that were dropped, or counted under <c>other</c>, since there are too many series.</summary>
    public long Refused => _table.Refused;

    public IReadOnlyList<Series> Series => _table.Sorted();

    public void Add(long value, ReadOnlySpan<KeyValuePair<string, object?>> tags) => _table.Find(tags)?.Add(value);

    public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) => _table.Find(tags)?.Add(value);

    public void Set(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) => _table.Find(tags)?.Set(value);

    /// <summary>The value for the exposition of this number. Counters that several instruments tell are added up; of gauges the last counts.</summary>
    public void Observe(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, long exposition)
    {
        if (_table.Find(tags) is not { } series)
        {
            return;
        }

        bool isAnother = series.ObservedFor == exposition;
        series.ObservedFor = exposition;
        series.Set(isAnother && Name.Kind == MetricKind.Counter && series is ScalarSeries before ? before.Value + value : value);
    }

    /// <summary>Of what is asked for, drops the series that were not told for this exposition: they would take the place of those that come, as of rooms that were busy once.</summary>
    public void Forget(long exposition)
    {
        if (IsObserved)
        {
            _table.Keep(series => series.ObservedFor == exposition);
        }
    }
}
