using System.Diagnostics;
using System.Runtime.CompilerServices;
using Monstera.Server.Configuration;
using Monstera.Server.Tracing;

namespace Monstera.Tests.Tracing;

/// <summary>The way of spans out of a process: who chooses, what leaves, and what is held while nobody takes it.</summary>
[Collection(SpanEar.Alone)]
public sealed class TracePipelineTests
{
    private const string Secret = "nobody-else-reads-this";

    /// <summary>The framework and the driver say more than they should, and the driver tells of exceptions with their words.</summary>
    [Fact]
    public async Task Only_attributes_on_the_list_leave_and_nothing_that_is_told_in_words()
    {
        await using Collector collector = await Collector.Start();
        ActivityTraceId trace;
        using (Pipeline(collector, 1))
        using (ActivitySource driver = new("Npgsql"))
        using (ActivitySource web = new("Microsoft.AspNetCore"))
        using (Activity call = CallTracing.Begin("Send")!)
        {
            trace = call.TraceId;
            call.SetTag("monstera.room", 7).SetTag("user.name", Secret);
            using (Activity query = driver.StartActivity("monstera", ActivityKind.Client)!)
            {
                query.SetTag("db.query.text", Secret).SetTag("db.namespace", new string('n', 10_000)).SetTag("server.address", "db7").SetTag("db.response.status_code", "22P02");
                query.AddException(new InvalidOperationException(Secret));
                query.SetStatus(ActivityStatusCode.Error, Secret);
                query.SetBaggage("baggage", Secret);
                query.TraceStateString = "vendor=" + Secret;
            }

            using Activity request = web.StartActivity("request", ActivityKind.Server)!;
            request.SetTag("server.address", Secret).SetTag("url.path", Secret).SetTag("url.query", Secret).SetTag("user_agent.original", Secret).SetTag("http.route", "/api/me");
        }

        Assert.Empty(collector.Faults);
        Assert.All(collector.Raw, raw => Assert.DoesNotContain(Secret, raw, StringComparison.Ordinal));
        Dictionary<string, CollectedSpan> spans = collector.Spans.Where(span => span.Trace == trace.ToHexString()).ToDictionary(span => span.Scope);
        Assert.Equal("7", spans["Monstera"].Attributes["monstera.room"]);
        CollectedSpan taken = spans["Npgsql"];
        Assert.Equal((true, 0, "db7", "22P02", 256), (taken.IsError, taken.Events, taken.Attributes["server.address"], taken.Attributes["db.response.status_code"], taken.Attributes["db.namespace"].Length));
        Assert.Equal((spans["Monstera"].Id, 3UL), (taken.Parent, taken.Kind));
        Assert.Equal(["http.route"], spans["Microsoft.AspNetCore"].Attributes.Keys);
    }

    /// <summary>Nodes may have different ratios, as while one is set after the other: a trace that was begun is whole, and one that was not is begun nowhere.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_was_chosen_elsewhere_is_traced_whatever_the_ratio_is_here(double ratio)
    {
        await using Collector collector = await Collector.Start();
        using ActivitySource driver = new("Npgsql");
        using ActivitySource web = new("Microsoft.AspNetCore");
        Activity.Current = null;
        ActivityTraceId chosen;
        ActivityTraceId begun;
        using (Pipeline(collector, ratio))
        {
            TraceParent elsewhere = SpanEar.Parent(isRemote: true);
            chosen = elsewhere.Context.TraceId;
            Activity feed = Spans.Begin("feed", ActivityKind.Consumer, elsewhere.Context)!;
            using (driver.StartActivity(ActivityKind.Client, feed.Context, name: "query"))
            {
                Spans.End(feed);
            }

            using (Activity? request = web.StartActivity("request", ActivityKind.Server))
            {
                Assert.Equal(ratio == 1, request is { Recorded: true });
                begun = request!.TraceId;
                using Activity? query = driver.StartActivity("query", ActivityKind.Client);
                Assert.Equal(ratio == 1, query is { Recorded: true });
            }

            // A loop of the server's own, or a call that was not chosen.
            using Activity? loop = driver.StartActivity("query", ActivityKind.Client);
            Assert.False(loop is { Recorded: true });
        }

        Assert.Equal(["feed", "query"], NamesOf(chosen));
        string[] ofRequest = ratio == 1 ? ["query", "request"] : [];
        Assert.Equal(ofRequest, NamesOf(begun));
        Assert.Equal(0x301UL, Assert.Single(collector.Spans, span => span.Name == "feed" && span.Trace == chosen.ToHexString()).Flags);
        IEnumerable<string> NamesOf(ActivityTraceId trace) => collector.Spans.Where(span => span.Trace == trace.ToHexString()).Select(span => span.Name).Order();
    }

    [Fact]
    public async Task A_collector_that_does_not_answer_makes_this_hold_a_queue_of_spans_and_no_more()
    {
        Collector collector = await Collector.Start(isSlow: true);
        using TracePipeline pipeline = Pipeline(collector, 1);
        List<WeakReference> spans = [];
        Add(spans, 3_000);
        await collector.Changed.Until(() => collector.Requests > 0, "the collector to be asked");
        Add(spans, 20_000);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        // The queue, and a batch that is on its way.
        Assert.InRange(spans.Count(span => span.IsAlive), 1, 2_048 + 512 + 1);
        await collector.DisposeAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/v1/traces")]
    public async Task Over_HTTP_the_receivers_address_is_enough(string path)
    {
        await using Collector collector = await Collector.Start();
        using (new TracePipeline(new TracingOptions { Endpoint = collector.Address + path, Protocol = TracingOptions.HttpProtobuf, SampleRatio = 1 }, "node1", "1.2.3"))
        {
            CallTracing.Begin("Send")!.Stop();
        }

        Assert.Empty(collector.Faults);
        Assert.Contains(collector.Spans, span => span.Name == "hub Send");
        Assert.All(collector.Spans, span => Assert.Equal(("monstera", "1.2.3", "node1"), (span.Service, span.Resource["service.version"], span.Node)));
    }

    private static TracePipeline Pipeline(Collector collector, double ratio) =>
        new(new TracingOptions { Endpoint = collector.Address, Protocol = TracingOptions.HttpProtobuf, SampleRatio = ratio }, "node1", "1.2.3");

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Add(List<WeakReference> spans, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Activity span = CallTracing.Begin("Send")!;
            spans.Add(new WeakReference(span));
            span.Stop();
        }

        Activity.Current = null;
    }
}
