using System.Diagnostics.Metrics;
using Monstera.Data.Ids;
using Monstera.Server.Metrics;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Metrics;

/// <summary>However many labels there are and whoever chooses them: series are few, all that was measured is in them, and those who ask at once are all answered.</summary>
public sealed class SeriesBoundTests : IDisposable
{
    private readonly CollectedMeters _meters = new();

    public void Dispose() => _meters.Dispose();

    /// <summary>Of a server that runs for long, more rooms were busy once than a metric may have series.</summary>
    [Fact]
    public void Rooms_that_were_busy_once_do_not_take_the_place_of_those_that_are()
    {
        FakeTime time = new();
        BusiestRooms rooms = new(2, time);
        _meters.Meter.CreateObservableCounter("test.messages", () => rooms.Read(new("server_id", "a")));
        long all = 0;
        Dictionary<string, double> last = new(StringComparer.Ordinal);
        RoomId before = RoomId.New(time.GetUtcNow());
        for (int minute = 0; minute < 1_200; minute++)
        {
            // One that is new, and the one that was new a minute ago and has a name now.
            RoomId room = RoomId.New(time.GetUtcNow());
            rooms.Count(room, 5);
            rooms.Count(before, 3);
            before = room;
            all += 8;
            time.Advance(TimeSpan.FromMinutes(1));
            Note();
        }

        Assert.True(last.Count > 1_100, $"{last.Count} series");
        Assert.Equal(all, last.Values.Sum());
        Assert.Empty(_meters.Collector.Refused);

        void Note()
        {
            foreach (string line in _meters.Lines().Where(line => line[0] != '#'))
            {
                last[line.Split(' ')[0]] = double.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            }
        }
    }

    [Fact]
    public void What_is_asked_for_may_have_other_labels_each_time_and_the_same_ones_again()
    {
        int round = 0;
        _meters.Meter.CreateObservableGauge("test.gauge", () => Enumerable.Range(round * 400, 500).Select(i => new Measurement<int>(i, Tag("i", i))).Append(new Measurement<int>(round)));
        for (; round < 5; round++)
        {
            string[] samples = Samples();
            Assert.Equal(501, samples.Length);
            Assert.Contains($"test_gauge {round}", samples);
            Assert.Contains($"test_gauge{{i=\"{(round * 400) + 499}\"}} {(round * 400) + 499}", samples);
        }

        Assert.Empty(_meters.Collector.Refused);
    }

    [Fact]
    public void Nothing_labelled_may_come_and_go_among_what_is_asked_for()
    {
        Measurement<int>[] now = [new(1)];
        _meters.Meter.CreateObservableGauge("test.gauge", () => now);
        Assert.Equal(["test_gauge 1"], Samples());
        now = [new(2, Tag("i", 1))];
        Assert.Equal(["test_gauge{i=\"1\"} 2"], Samples());
        now = [new(3)];
        Assert.Equal(["test_gauge 3"], Samples());
    }

    /// <summary>A hundred thousand characters of an outsider are neither shown nor kept again and again.</summary>
    [Fact]
    public void Values_are_cut_and_those_that_begin_alike_are_one_series_as_long_as_there_is_room()
    {
        Counter<int> counter = _meters.Meter.CreateCounter<int>("test.long");
        string beginning = new('x', 199);
        for (int i = 0; i < 5_000; i++)
        {
            counter.Add(1, Tag("value", $"{beginning}yz{i}"));
        }

        Assert.Equal(["test_long_total{value=\"other\"} 1000", $"test_long_total{{value=\"{beginning}y\"}} 4000"], Samples());
        Assert.Equal(1_000, Assert.Single(_meters.Collector.Refused).Value);
    }

    /// <summary>Two halves of something would come out alike, and readers refuse two series with the same labels.</summary>
    [Fact]
    public void What_is_no_text_is_one_series()
    {
        Counter<int> counter = _meters.Meter.CreateCounter<int>("test.half");
        counter.Add(1, Tag("value", "\uD83C"));
        counter.Add(1, Tag("value", "\uDF3F"));
        counter.Add(1, Tag("value", new string('x', 199) + "🌿"));
        counter.Add(1, Tag("value", "🌿"));
        Assert.Equal(
            [$"test_half_total{{value=\"{new string('x', 199)}\uFFFD\"}} 1", "test_half_total{value=\"🌿\"} 1", "test_half_total{value=\"\uFFFD\"} 2"],
            Samples().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("___name", "_name")]
    [InlineData("__name", "_name")]
    [InlineData("_name", "_name")]
    [InlineData("a:b", "a_b")]
    [InlineData("1st", "_1st")]
    public void A_labels_name_is_never_one_of_the_readers_own(string name, string expected) => Assert.Equal(expected, MetricName.OfLabel(name));

    /// <summary>Npgsql calls a pool that has no name by its connection string.</summary>
    [Fact]
    public void A_connection_string_is_no_label()
    {
        _meters.Meter.CreateCounter<int>("test.pool").Add(1, Tag("db.client.connection.pool.name", "Host=db.example.org;Username=monstera"));
        _meters.Meter.CreateCounter<int>("test.pool").Add(1, Tag("db.client.connection.pool.name", "0-replica"));
        Assert.Equal(["test_pool_total{db_client_connection_pool_name=\"0-replica\"} 1", "test_pool_total{db_client_connection_pool_name=\"unnamed\"} 1"], Samples());
    }

    [Fact]
    public void What_is_missing_in_the_metrics_is_said_in_them()
    {
        _ = new MetricsMeter(_meters.Meters, _meters.Collector, new FakeTime());
        Gauge<int> gauge = _meters.Meter.CreateGauge<int>("test.gauges");
        for (int i = 0; i < 1_003; i++)
        {
            gauge.Record(1, Tag("i", i));
        }

        bool isBroken = true;
        _meters.Meter.CreateObservableGauge("test.broken", () => isBroken ? throw new InvalidOperationException("broken") : 1);
        _meters.Expose();
        isBroken = false;
        string[] lines = _meters.Expose().Split('\n');
        Assert.Contains("metrics_refused_measurements_total{metric=\"test_gauges\"} 3", lines);
        Assert.Contains("metrics_failed_scrapes_total 1", lines);
        Assert.Contains("test_broken 1", lines);
    }

    [Fact]
    public void An_exposition_says_what_the_one_before_it_took()
    {
        FakeTime time = new();
        MetricsMeter meter = new(_meters.Meters, _meters.Collector, time);
        meter.Measure(() => time.AdvanceMs(250));
        Assert.Contains("metrics_scrape_duration_seconds 0.25\n", _meters.Expose(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_that_a_caller_makes_up_is_a_label()
    {
        await using RunningServer server = await LiveServer.Start();
        await using HubSocket hub = await server.Connect("zzz-user", ["zzz-room"]);
        Guid room = (await hub.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        Assert.True((await hub.Send(room, "zzz text")).Seq() > 0);
        await hub.Call("ZzzMethod", new { });
        RestClient rest = new(server.Address) { Token = Tokens.For("zzz-user", "zzz-room"), Headers = { ["User-Agent"] = "zzz", ["Host"] = "zzz.example.org", ["Accept-Language"] = "zzz" } };
        await rest.Send(new HttpMethod("ZZZ"), "/api/rooms");
        await rest.Get("/zzz?zzz=1");
        await rest.Get("/api/zzz/zzz");
        await rest.Get("/api/rooms/zzz");
        Scrape scrape = await Scrape.Of(server.Uri());

        // The tests' own client is in this process, and tells whom it asked.
        Assert.DoesNotContain(
            scrape.Series, series => series.Contains("zzz", StringComparison.OrdinalIgnoreCase) && !series.StartsWith("http_client_", StringComparison.Ordinal));
        Assert.Equal(1, scrape["hub_calls_total{method=\"unknown\",outcome=\"unknown_method\"}"]);
    }

    [Fact]
    public async Task Many_who_ask_at_once_are_each_answered_whole()
    {
        await using RunningServer server = await LiveServer.Start();
        await using HubSocket hub = await server.Connect("aoi", ["general"]);
        Scrape[] scrapes = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Scrape.Of(server.Uri(), i % 2 == 0 ? null : "application/openmetrics-text")));
        Assert.Equal(12, scrapes.Count(scrape => scrape.IsOpenMetrics));
        Assert.All(scrapes, scrape => Assert.Equal(1, scrape.Sum("websocket_active_connections")));
        string[] own = [.. scrapes[0].Series.Where(series => series.StartsWith("connections_", StringComparison.Ordinal) || series.StartsWith("process_", StringComparison.Ordinal))];
        Assert.NotEmpty(own);
        Assert.All(scrapes, scrape => Assert.Empty(own.Except(scrape.Series)));
    }

    private static KeyValuePair<string, object?> Tag(string name, object? value) => new(name, value);

    private string[] Samples() => [.. _meters.Lines().Where(line => line[0] != '#')];
}
