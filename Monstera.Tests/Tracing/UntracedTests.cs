using System.Diagnostics;
using Microsoft.Extensions.Options;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Delivery;
using Monstera.Server.Errors;
using Monstera.Server.Feeds;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Tracing;

/// <summary>What tracing costs those who are not traced: where it looks at them, nothing is allocated.</summary>
[Collection(SpanEar.Alone)]
public sealed class UntracedTests
{
    [Theory]
    [InlineData("")]
    [InlineData("http://127.0.0.1:1")]
    public void Where_a_call_is_not_traced_nothing_is_allocated_for_it(string endpoint)
    {
        // Somebody listens, and no call is ever chosen.
        using SpanEar ear = new();
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
        using SpanEar ear = new();
        using Activity outer = new Activity("outer").Start();
        Activity span = Spans.Begin("inner", ActivityKind.Internal, SpanEar.Parent().Context)!;
        Assert.Same(outer, Activity.Current);
        Spans.End(span, "away");
        Assert.Same(outer, Activity.Current);
        Assert.Equal((ActivityStatusCode.Error, "away"), (span.Status, span.GetTagItem("error.type")));
    }

    private sealed class Draftless() : PendingDraft(null!)
    {
        public override void Complete(Result<AppendOutcome> result, FlushList? flush) => throw new InvalidOperationException("There is nothing to complete.");
    }
}
