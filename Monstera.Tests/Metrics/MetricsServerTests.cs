using System.Text.RegularExpressions;
using Monstera.Server.Metrics;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Metrics;

/// <summary>What a real server under a little load says of itself, in both formats, and that docs/metrics.md says the same.</summary>
public sealed partial class MetricsServerTests
{
    private const string Prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    private const int Messages = 25;

    [Fact]
    public async Task A_server_under_load_tells_what_happened_in_both_formats()
    {
        await using ServerProcess server = await ServerProcess.Start(("NodeName", "node-7"), ("Limits:WritesPerSecondPerConnection", "20"), ("Limits:WritesBurstPerConnection", "30"));
        await using ChatClient writer = new(() => server.Address, () => Tokens.For("writer", "general"));
        await writer.Start();
        await using ChatClient reader = new(() => server.Address, () => Tokens.For("reader", "general"));
        await reader.Start();
        FallbackHub events = await FallbackHub.Connect(server.Address, Tokens.For("events", "general"), FallbackTransport.ServerSentEvents);
        await events.Call("Hello", new { protocol = 1 });
        await using FallbackHub polling = await FallbackHub.Connect(server.Address, Tokens.For("polling", "general"), FallbackTransport.LongPolling);
        await polling.Call("Hello", new { protocol = 1 });

        Guid room = Tokens.RoomOf(writer.Tenant, "general");
        RoomLog seen = reader.Follow(room);
        await reader.Changed.Until(() => seen.Last > 0, "the room to be read");
        long last = 0;
        for (int i = 0; i < Messages; i++)
        {
            last = (await writer.Send(room, "message " + i)).Seq();
        }

        await reader.Reach(seen, last);
        await writer.Hub.Call("Nonsense", new { });
        while ((await writer.Hub.Call("Send", new { room, clientId = Guid.NewGuid(), text = "too much" })).TryGetProperty("seq", out _))
        {
            // Until it is told to slow down.
        }

        await events.DisposeAsync();
        Scrape first = await Scrape.Until(server.Address, scrape => scrape.Sum("connections_closed_total") == 1, "the end of a connection");
        Scrape text = await Scrape.Of(server.Address);
        Tells(text, room);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", text.ContentType);
        Assert.Equal("", await Promtool.Check(text.Text));
        Assert.True(text["messages_total{room=\"other\",server_id=\"node-7\"}"] == 0 && text.Sum("metrics_scrape_duration_seconds") > 0);

        Scrape open = await Scrape.Of(server.Address, Prometheus);
        Assert.Equal("application/openmetrics-text; version=1.0.0; charset=utf-8", open.ContentType);
        Assert.Equal("counter", open.Types["messages"]);
        Assert.Contains("delivery_latency_seconds_bucket{le=\"1.0\"}", open.Series);
        Assert.Equal(text["messages_total{room=\"" + room + "\",server_id=\"node-7\"}"], open["messages_total{room=\"" + room + "\",server_id=\"node-7\"}"]);
        Assert.All(first.Types.Keys, name => Assert.Contains(name, text.Types.Keys));
        IsDocumented(text);
    }

    /// <summary>Both ways: no metric of the server's own is missing in the document, and none is there that no server has.</summary>
    [Fact]
    public async Task The_document_names_every_own_metric_with_its_kind_and_no_other()
    {
        PostgresServer postgres = PostgresServer.Shared;
        string database = postgres.CreateEmptyDatabase();
        await using RunningServer large = await LiveServer.Start(
            ("Storage", "postgres"),
            ("ConnectionStrings:Directory", postgres.AppConnection(database)),
            ("ConnectionStrings:Owners:Directory", postgres.OwnerConnection(database)),
            ("ConnectionStrings:Shards:0", postgres.AppConnection(database)),
            ("ConnectionStrings:Replicas:0", postgres.AppConnection(database) + ";Application Name=replica"),
            ("Backplane", "redis"),
            ("Redis:Prefix", "metrics-" + Guid.NewGuid().ToString("N")),
            ("ConnectionStrings:Redis", RedisServer.Shared.ConnectionString));
        await using RunningServer small = await LiveServer.Start();
        await using HubSocket hub = await large.Connect("aoi", ["general"]);
        Guid room = (await hub.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        Assert.True((await hub.Send(room, "hello")).Seq() > 0);

        IEnumerable<string> real = new[] { large, small }.SelectMany(server => server.Get<MeterCollector>().Metrics("Monstera.")).Select(name => $"{name.Full} {name.Kind}".ToUpperInvariant());
        IEnumerable<string> documented = MetricsDocument.Read().Select(row => $"{row.Key} {row.Value.Kind}".ToUpperInvariant());
        Assert.Equal(documented.Order(StringComparer.Ordinal), real.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

        Scrape scrape = await Scrape.Until(large.Uri(), some => some.Sum("data_size_bytes") > 0, "the database's size");
        IsDocumented(scrape);
        Assert.Equal("", await Promtool.Check(scrape.Text));

        // The driver's figures name a database by its number: neither host nor user.
        Assert.Contains(scrape.Series, series => series.StartsWith("db_client_", StringComparison.Ordinal) && series.Contains("=\"0\"", StringComparison.Ordinal));
        Assert.DoesNotContain("Host=", scrape.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, scrape["messages_total{room=\"" + room + "\",server_id=\"" + Environment.MachineName + "\"}"]);
        Assert.True(scrape["data_size_bytes{database=\"0\"}"] > 1_000_000);
        Assert.Equal(20, scrape["db_pool_max{database=\"0\"}"]);
        Assert.Equal(20, scrape["db_client_connection_max{db_client_connection_pool_name=\"0\"}"]);
        Assert.True(scrape.Sum("db_client_connection_count", "db_client_connection_pool_name=\"0\"") > 0);
    }

    private static void Tells(Scrape scrape, Guid room)
    {
        // Who is here, and who was.
        Assert.Equal(3, scrape["websocket_active_connections{server_id=\"node-7\"}"]);
        Assert.Equal(2, scrape["connections_by_transport{transport=\"websockets\"}"]);
        Assert.Equal(0, scrape["connections_by_transport{transport=\"server_sent_events\"}"]);
        Assert.Equal(1, scrape["connections_by_transport{transport=\"long_polling\"}"]);
        Assert.Equal(1, scrape["connections_opened_total{transport=\"server_sent_events\"}"]);
        Assert.Equal(1, scrape.Sum("connections_closed_total"));

        // Who has gone lingers for some seconds.
        Assert.InRange(scrape["presence_users_online"], 3, 4);

        // What was written: the rest was too fast.
        double sent = scrape[$"messages_total{{room=\"{room}\",server_id=\"node-7\"}}"];
        Assert.True(sent >= Messages);
        Assert.Equal(sent, scrape["events_committed_total{type=\"message_created\"}"]);
        Assert.Equal(sent, scrape["hub_calls_total{method=\"Send\",outcome=\"ok\"}"]);
        Assert.Equal(1, scrape["hub_calls_total{method=\"Send\",outcome=\"rate_limited\"}"]);
        Assert.Equal(1, scrape["hub_calls_total{method=\"unknown\",outcome=\"unknown_method\"}"]);
        Assert.Equal(1, scrape["rate_limited_total{limit=\"write_connection\"}"]);
        Assert.Equal(sent + 1, scrape["hub_call_duration_seconds_count{method=\"Send\"}"]);
        Assert.True(scrape["write_batch_size_count"] >= Messages);
        Assert.True(scrape["write_duration_seconds_count{shard=\"0\"}"] >= sent);

        // One may be stored already, and not yet handed on.
        Assert.InRange(scrape["db_query_duration_seconds_count{query_type=\"append\",shard=\"0\"}"] - scrape["write_batch_size_count"], 0, 1);
        Assert.Equal(8_192, scrape["write_queue_max"]);
        Assert.Equal(0, scrape["write_queue_depth{shard=\"0\"}"]);

        // What was delivered, to the reader at least.
        Assert.True(scrape["deliveries_total"] >= Messages);
        Assert.True(scrape["delivery_latency_seconds_count"] > 0);
        Assert.InRange(scrape["delivery_latency_seconds_sum"] / scrape["delivery_latency_seconds_count"], 0.000001, 5);

        // The framework's, under their usual names.
        Assert.True(scrape.Sum("http_server_request_duration_seconds_count", "url_scheme=\"http\"") > 0);
        Assert.True(scrape.Sum("kestrel_active_connections") > 0);
        Assert.True(scrape.Sum("dotnet_gc_collections_total") >= 0 && scrape.Types.ContainsKey("dotnet_gc_collections_total"));
        Assert.Contains(scrape.Types.Keys, name => name.StartsWith("dotnet_thread_pool_thread_count", StringComparison.Ordinal));

        // The process.
        Assert.True(scrape["process_cpu_seconds_total"] > 0);
        Assert.InRange(scrape["process_open_fds"], 10, scrape["process_max_fds"]);
        Assert.True(scrape["process_resident_memory_bytes"] > 10_000_000);
        Assert.True(scrape["process_network_receive_bytes_total"] > 0);
        Assert.True(scrape["data_disk_free_bytes"] < scrape["data_disk_size_bytes"]);
        Assert.True(scrape["data_size_bytes{database=\"sqlite\"}"] > 0);
        Assert.Equal(1, scrape.Sum("monstera_info", "storage=\"sqlite\"", "backplane=\"memory\"", "phase=\"1\""));
    }

    /// <summary>The labels of own metrics are those of the document.</summary>
    private static void IsDocumented(Scrape scrape)
    {
        IReadOnlyDictionary<string, (string Kind, string[] Labels)> document = MetricsDocument.Read();
        foreach (string series in scrape.Series)
        {
            string name = series.Split('{')[0];
            string? family = new[] { "", "_bucket", "_sum", "_count" }
                .Where(ending => name.EndsWith(ending, StringComparison.Ordinal))
                .Select(ending => name[..^ending.Length])
                .FirstOrDefault(document.ContainsKey);
            if (family is not null)
            {
                IEnumerable<string> labels = LabelName().Matches(series).Select(label => label.Groups["name"].Value).Where(label => label != "le");
                Assert.Equal(document[family].Labels.Order(StringComparer.Ordinal), labels.Order(StringComparer.Ordinal));
            }
        }
    }

    [GeneratedRegex(@"(?<=[{,])(?<name>[a-z_]+)=""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex LabelName();
}
