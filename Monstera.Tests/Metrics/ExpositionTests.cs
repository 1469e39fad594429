using System.Diagnostics.Metrics;
using Monstera.Server.Metrics;

namespace Monstera.Tests.Metrics;

/// <summary>What is measured comes out as the formats have it: Prometheus' text 0.0.4 and OpenMetrics 1.0.0.</summary>
public sealed class ExpositionTests : IDisposable
{
    private readonly CollectedMeters _meters = new();

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void A_counter_has_its_help_and_type_once_and_its_series_by_their_labels()
    {
        Counter<long> counter = _meters.Meter.CreateCounter<long>("test.things", "{thing}", "Things.");
        counter.Add(2, Tag("kind", "b"));
        counter.Add(3, Tag("kind", "a"));
        counter.Add(4, Tag("kind", "b"));

        Assert.Equal(
            ["# HELP test_things_total Things.", "# TYPE test_things_total counter", "test_things_total{kind=\"a\"} 3", "test_things_total{kind=\"b\"} 6"], _meters.Lines());
        Assert.Equal(
            ["# TYPE test_things counter", "# HELP test_things Things.", "test_things_total{kind=\"a\"} 3", "test_things_total{kind=\"b\"} 6"], _meters.Lines(MetricsFormat.OpenMetrics));
    }

    [Fact]
    public void Families_come_by_name_and_each_once()
    {
        foreach (string name in new[] { "test_c", "test_a", "test_b" })
        {
            _meters.Meter.CreateCounter<int>(name).Add(1);
            _meters.Meters.Create("Monstera.Other").CreateCounter<int>(name).Add(2);
        }

        Assert.Equal(["test_a_total 3", "test_b_total 3", "test_c_total 3"], _meters.Lines().Where(line => line[0] != '#'));
        Assert.Equal(3, _meters.Lines().Count(line => line.StartsWith("# TYPE", StringComparison.Ordinal)));
    }

    [Fact]
    public void Values_and_help_are_escaped_and_names_are_made_fit()
    {
        _meters.Meter.CreateCounter<int>("test.a-b/c", null, "One \\ line\nand \"another\".").Add(1, Tag("a.b", "x\"y\\z\nw"), Tag("__reserved", 1.5), Tag("is", true), Tag("none", null));

        Assert.Equal(
            [
                "# HELP test_a_b_c_total One \\\\ line\\nand \"another\".",
                "# TYPE test_a_b_c_total counter",
                "test_a_b_c_total{_reserved=\"1.5\",a_b=\"x\\\"y\\\\z\\nw\",is=\"true\"} 1",
            ],
            _meters.Lines());
        Assert.Contains("# HELP test_a_b_c One \\\\ line\\nand \\\"another\\\".", _meters.Lines(MetricsFormat.OpenMetrics));
    }

    [Fact]
    public void Tags_in_another_order_are_the_same_series()
    {
        Counter<int> counter = _meters.Meter.CreateCounter<int>("test");
        counter.Add(1, Tag("a", 1), Tag("b", 2));
        counter.Add(1, Tag("b", 2), Tag("a", 1));
        Assert.Contains("test_total{a=\"1\",b=\"2\"} 2", _meters.Lines());
    }

    [Fact]
    public void A_histogram_counts_up_to_each_bound_and_its_count_is_that_of_the_last_bucket()
    {
        Histogram<double> histogram = _meters.Meter.CreateHistogram("test.lasts", "s", "How long.", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.25, 1, 10] });
        foreach (double value in new[] { 0.25, 0.375, 0.5, 10, 11, double.NaN })
        {
            histogram.Record(value, Tag("le", "mine"));
        }

        Assert.Equal(
            [
                "# HELP test_lasts_seconds How long.",
                "# TYPE test_lasts_seconds histogram",
                "test_lasts_seconds_bucket{le_=\"mine\",le=\"0.25\"} 1",
                "test_lasts_seconds_bucket{le_=\"mine\",le=\"1\"} 3",
                "test_lasts_seconds_bucket{le_=\"mine\",le=\"10\"} 4",
                "test_lasts_seconds_bucket{le_=\"mine\",le=\"+Inf\"} 5",
                "test_lasts_seconds_sum{le_=\"mine\"} 22.125",
                "test_lasts_seconds_count{le_=\"mine\"} 5",
            ],
            _meters.Lines());
        Assert.Contains("test_lasts_seconds_bucket{le_=\"mine\",le=\"1.0\"} 3", _meters.Lines(MetricsFormat.OpenMetrics));
        Assert.Contains("# UNIT test_lasts_seconds seconds", _meters.Lines(MetricsFormat.OpenMetrics));
    }

    [Fact]
    public void What_goes_up_and_down_may_be_negative_and_what_is_no_number_is_shown_as_such()
    {
        UpDownCounter<int> level = _meters.Meter.CreateUpDownCounter<int>("test.level");
        level.Add(2);
        level.Add(-5);
        Gauge<double> last = _meters.Meter.CreateGauge<double>("test.last");
        last.Record(7, Tag("is", "number"));
        last.Record(double.NaN, Tag("is", "none"));
        last.Record(double.PositiveInfinity, Tag("is", "up"));
        last.Record(double.NegativeInfinity, Tag("is", "down"));
        last.Record(8.25, Tag("is", "number"));

        Assert.Equal(
            [
                "# HELP test_last Not described.", "# TYPE test_last gauge",
                "test_last{is=\"down\"} -Inf", "test_last{is=\"none\"} NaN", "test_last{is=\"number\"} 8.25", "test_last{is=\"up\"} +Inf",
                "# HELP test_level Not described.", "# TYPE test_level gauge", "test_level -3",
            ],
            _meters.Lines());
    }

    [Fact]
    public void Of_what_is_asked_for_only_the_present_answer_is_shown()
    {
        Measurement<long>[] now = [new(5, Tag("who", "a")), new(6, Tag("who", "b"))];
        _meters.Meter.CreateObservableGauge("test.now", () => now);
        _meters.Meters.Create("Monstera.Twin").CreateObservableCounter("test.sum", () => 10);
        _meters.Meters.Create("Monstera.Other").CreateObservableCounter("test.sum", () => 20);
        Assert.Equal(["test_now{who=\"a\"} 5", "test_now{who=\"b\"} 6", "test_sum_total 30"], Samples());

        now = [new(1, Tag("who", "b"))];
        Assert.Equal(["test_now{who=\"b\"} 1", "test_sum_total 30"], Samples());

        now = [];
        Assert.Equal(["test_sum_total 30"], Samples());
        Assert.DoesNotContain(_meters.Lines(), line => line.Contains("test_now", StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_say_its_value_is_missing_and_the_rest_is_there()
    {
        _meters.Meter.CreateObservableGauge("test.broken", int () => throw new InvalidOperationException("broken"));
        _meters.Meter.CreateObservableGauge("test.well", () => 1);
        Assert.Equal(["test_well 1"], Samples());
        Assert.Equal(1, _meters.Collector.Failures);
    }

    [Fact]
    public void Too_many_series_are_counted_as_others_and_said()
    {
        Counter<int> counter = _meters.Meter.CreateCounter<int>("test.many");
        Gauge<int> gauge = _meters.Meter.CreateGauge<int>("test.gauges");
        for (int i = 0; i < 1_500; i++)
        {
            counter.Add(1, Tag("i", i), Tag("same", "x"));
            gauge.Record(1, Tag("i", i));
        }

        string[] samples = Samples();
        Assert.Contains("test_many_total{i=\"other\",same=\"other\"} 500", samples);
        Assert.Equal(1_001, samples.Count(line => line.StartsWith("test_many", StringComparison.Ordinal)));
        Assert.Equal(1_000, samples.Count(line => line.StartsWith("test_gauges", StringComparison.Ordinal)));
        Assert.Equal([KeyValuePair.Create("test_gauges", 500L), KeyValuePair.Create("test_many_total", 500L)], _meters.Collector.Refused);
    }

    [Fact]
    public void An_instrument_whose_name_is_another_kinds_is_left_out()
    {
        _meters.Meter.CreateCounter<int>("test").Add(1);
        _meters.Meters.Create("Monstera.Other").CreateObservableCounter("test", () => 7);
        Assert.Equal(["test_total 1"], Samples());
    }

    /// <summary>A reader would take it for a part of a histogram, and complains; the framework calls some so.</summary>
    [Fact]
    public void What_is_called_as_a_part_of_a_histogram_is_not_typed_in_the_text_format()
    {
        _meters.Meter.CreateObservableUpDownCounter("test.thread.count", () => 3, "{thread}");
        Assert.Contains("# TYPE test_thread_count untyped", _meters.Lines());
        Assert.Contains("# TYPE test_thread_count gauge", _meters.Lines(MetricsFormat.OpenMetrics));
    }

    [Fact]
    public void OpenMetrics_has_an_end_and_the_text_format_has_none()
    {
        Assert.EndsWith("\n# EOF\n", _meters.Expose(MetricsFormat.OpenMetrics), StringComparison.Ordinal);
        Assert.DoesNotContain("# EOF", _meters.Expose(), StringComparison.Ordinal);
        Assert.EndsWith("\n", _meters.Expose(), StringComparison.Ordinal);
    }

    [Fact]
    public void Meters_of_another_server_in_the_process_are_not_seen()
    {
        using CollectedMeters other = new();
        other.Meter.CreateCounter<int>("test.others").Add(1);
        using Meter unwanted = new("Somebody.Else");
        unwanted.CreateCounter<int>("test.unwanted").Add(1);
        Assert.Empty(_meters.Lines());
        Assert.NotEmpty(other.Lines());
    }

    [Fact]
    public async Task Many_threads_count_exactly()
    {
        Counter<long> whole = _meters.Meter.CreateCounter<long>("test.whole");
        Counter<double> halves = _meters.Meter.CreateCounter<double>("test.halves");
        Histogram<double> histogram = _meters.Meter.CreateHistogram<double>("test.sizes");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(
            () =>
            {
                for (int i = 0; i < 20_000; i++)
                {
                    whole.Add(1, Tag("i", i % 50));
                    halves.Add(0.5);
                    histogram.Record(2);
                }
            },
            TestContext.Current.CancellationToken)));

        string[] samples = Samples();
        Assert.Equal(50, samples.Count(line => line.StartsWith("test_whole", StringComparison.Ordinal) && line.EndsWith("} 1600", StringComparison.Ordinal)));
        Assert.Contains("test_halves_total 40000", samples);
        Assert.Contains("test_sizes_count 80000", samples);
        Assert.Contains("test_sizes_sum 160000", samples);
    }

    /// <summary>The path of every delivery and every call leads through here.</summary>
    [Fact]
    public void Recording_allocates_nothing()
    {
        Counter<long> bare = _meters.Meter.CreateCounter<long>("test.bare");
        Counter<long> tagged = _meters.Meter.CreateCounter<long>("test.tagged");
        Histogram<double> histogram = _meters.Meter.CreateHistogram<double>("test.sizes");
        KeyValuePair<string, object?>[] three = [Tag("a", "x"), Tag("b", 2), Tag("c", true)];
        void Record(int times)
        {
            for (int i = 0; i < times; i++)
            {
                bare.Add(1);
                tagged.Add(1, three);
                tagged.Add(1, three[0], three[1]);
                histogram.Record(i, three[0]);
            }
        }

        Record(1_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Record(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static KeyValuePair<string, object?> Tag(string name, object? value) => new(name, value);

    private string[] Samples() => [.. _meters.Lines().Where(line => line[0] != '#')];
}
