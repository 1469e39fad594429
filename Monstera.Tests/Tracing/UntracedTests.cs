using System.Diagnostics;
using Microsoft.Extensions.Options;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Delivery;
using Monstera.Server.Errors;
using Monstera.Server.Feeds;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Tracing;

/// <summary>What tracing costs those who are not traced: where it looks at them, nothing is allocated. And what the other node is told in bytes.</summary>
public sealed class UntracedTests
{
    [Theory]
    [InlineData("")]
    [InlineData("http://127.0.0.1:1")]
    public void Where_a_call_is_not_traced_nothing_is_allocated_for_it(string endpoint)
    {
        // Somebody listens, and no call is ever chosen.
        using ActivityListener listener = Listen();
        CallTracing calls = new(Options.Create(new MonsteraOptions { Tracing = new TracingOptions { Endpoint = endpoint, SampleRatio = double.Epsilon } }));
        FakeTime time = new();
        List<PendingDraft> drafts = [new Draftless(), new Draftless(), new Draftless()];
        CommittedEvents events = new(PostgresDesk.Tenant, PostgresDesk.Room(1), 1, []);
        long Pass()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1_000; i++)
            {
                bool isTraced = calls.Chooses();
                drafts[0].Call = Spans.Current;
                isTraced |= drafts[0].Call is not null || BatchTrace.Begin(drafts, 0, time) is not null || FeedTrace.Begin(events) is not null;
                Spans.End(null);
                Assert.False(isTraced);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Pass();
        Assert.Equal(0, Pass());
    }

    [Fact]
    public void A_span_that_ends_on_another_thread_leaves_what_is_current_there_alone()
    {
        using ActivityListener listener = Listen();
        using Activity outer = new Activity("outer").Start();
        Activity span = Spans.Begin("inner", ActivityKind.Internal, Parent().Context)!;
        Assert.Same(outer, Activity.Current);
        Spans.End(span, "away");
        Assert.Same(outer, Activity.Current);
        Assert.Equal((ActivityStatusCode.Error, "away"), (span.Status, span.GetTagItem("error.type")));
    }

    [Fact]
    public void A_traced_event_carries_its_trace_and_nodes_that_do_not_know_of_it_pass_over_it()
    {
        RoomEvent e = new()
        {
            Room = PostgresDesk.Room(1), Seq = 3, Type = EventType.MessageCreated, Sender = default, At = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), Text = "a",
        };
        CommittedEvents events = new(PostgresDesk.Tenant, e.Room, 7, [e, e with { Seq = 4 }]) { Trace = Parent() };
        byte[] frame = Backplane.Frames.Of(events);
        FrameContent content = BackplaneFrame.Read(frame, Guid.Empty);
        CommittedEvents read = Assert.Single(content.Events);
        Assert.Equal(events.Events, read.Events);
        Assert.Equal((Parent().Context.TraceId, Parent().Context.SpanId, true), (read.Trace!.Context.TraceId, read.Trace.Context.SpanId, read.Trace.Context.IsRemote));

        // What an older version sees is a field of a number that it does not know: so do we when the number is another one.
        int at = frame.AsSpan().IndexOf((byte[])[12, TraceParent.Bytes]);
        Assert.True(at > 0);
        frame[at] = 99;
        content = BackplaneFrame.Read(frame, Guid.Empty);
        Assert.Equal(events.Events, Assert.Single(content.Events).Events);
        Assert.Equal((null, false, false), (content.Events[0].Trace, content.HasUnknown, content.LacksEvents));

        // Garbled, it is no trace, and the events are whole.
        frame[at] = 12;
        frame.AsSpan(at + 2, 16).Clear();
        content = BackplaneFrame.Read(frame, Guid.Empty);
        Assert.Equal(events.Events, Assert.Single(content.Events).Events);
        Assert.Null(content.Events[0].Trace);
        Assert.Null(TraceParent.Read(new byte[3]));
    }

    private static TraceParent Parent() => new(new ActivityContext(
        ActivityTraceId.CreateFromString("0af7651916cd43dd8448eb211c80319c"), ActivitySpanId.CreateFromString("b7ad6b7169203331"), ActivityTraceFlags.Recorded));

    private static ActivityListener Listen()
    {
        ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == Spans.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private sealed class Draftless() : PendingDraft(null!)
    {
        public override void Complete(Result<AppendOutcome> result, FlushList? flush) => throw new InvalidOperationException("There is nothing to complete.");
    }
}
