using System.Buffers;
using System.Diagnostics;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Delivery;
using Monstera.Server.Feeds;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;
using Monstera.Tests.Backplane;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Feeds;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Tracing;

/// <summary>What goes on in another process, or on another thread: the backplane's bytes and spans, and a room's feed.</summary>
[Collection(SpanEar.Alone)]
public sealed class CarriedTraceTests : IDisposable
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Span = "b7ad6b7169203331";

    private readonly SpanEar _ear = new();
    private readonly string _prefix = Guid.NewGuid().ToString("N");

    public void Dispose() => _ear.Dispose();

    /// <summary>For ever: nodes of several versions run side by side.</summary>
    [Fact]
    public void A_traced_record_is_written_and_read_as_it_always_was()
    {
        RoomEvent e = new()
        {
            Room = new RoomId(new Guid("22222222-2222-2222-2222-222222222222")), Seq = 1_026, Type = EventType.MessageDeleted, Target = 1_025,
            Sender = new UserId(new Guid("33333333-3333-3333-3333-333333333333")), At = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123),
        };
        TraceParent parent = new(new ActivityContext(ActivityTraceId.CreateFromString(Trace), ActivitySpanId.CreateFromString(Span), ActivityTraceFlags.Recorded));
        CommittedEvents events = new(new TenantId(new Guid("11111111-1111-1111-1111-111111111111")), e.Room, 7, [e, e with { Seq = 1_027 }]);
        byte[] frozen = Convert.FromHexString(
            ("01 000000000000000000000000000000aa 0000018bcfe5687b 01 78 11111111111111111111111111111111 22222222222222222222222222222222 07 "
            + $"38 8208 16 33333333333333333333333333333333 fbd095ffbc31 02 02 8108 0c 19 {Trace} {Span} 01 "
            + "1d 8308 16 33333333333333333333333333333333 fbd095ffbc31 02 02 8108").Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(frozen, Frames.Of(events with { Trace = parent }));
        Assert.Equal(frozen.Length - 27, Frames.Of(events).Length);
        CommittedEvents read = Assert.Single(BackplaneFrame.Read(frozen, Guid.Empty).Events);
        Assert.Equal(events.Events, read.Events);
        Assert.Equal((Trace, Span, true, ActivityTraceFlags.Recorded), (read.Trace!.Context.TraceId.ToHexString(), read.Trace.Context.SpanId.ToHexString(), read.Trace.Context.IsRemote, read.Trace.Context.TraceFlags));
        Assert.Null(Assert.Single(BackplaneFrame.Read(Frames.Of(events), Guid.Empty).Events).Trace);

        // An older version passes over a field of a number that it does not know, and believes that it lacks nothing: so does this one when the number is another.
        frozen[frozen.AsSpan().IndexOf((byte[])[12, TraceParent.Bytes])] = 99;
        FrameContent content = BackplaneFrame.Read(frozen, Guid.Empty);
        Assert.Equal(events.Events, Assert.Single(content.Events).Events);
        Assert.Equal((null, false, false), (content.Events[0].Trace, content.HasUnknown, content.LacksEvents));
    }

    /// <summary>Whatever stands there, the events are whole.</summary>
    [Theory]
    [InlineData(Trace + Span + "01", true)]
    [InlineData(Trace + Span + "ff", true)]
    [InlineData(Trace + Span + "0100ff", true)]
    [InlineData(Trace + Span + "00", false)]
    [InlineData(Trace + Span + "02", false)]
    [InlineData(Trace + Span, false)]
    [InlineData("", false)]
    [InlineData(Trace + "0000000000000000" + "01", false)]
    [InlineData("00000000000000000000000000000000" + Span + "01", false)]
    public void What_is_garbled_is_no_trace(string bytes, bool isOne)
    {
        TraceParent? read = TraceParent.Read(Convert.FromHexString(bytes));
        Assert.Equal(isOne, read is not null);
        Assert.True(read is null || read == new TraceParent(new ActivityContext(
            ActivityTraceId.CreateFromString(Trace), ActivitySpanId.CreateFromString(Span), ActivityTraceFlags.Recorded, traceState: null, isRemote: true)));
        byte[] of = Convert.FromHexString(bytes);
        RoomEvent e = RedisBackplaneTests.Some(3, 8).Events[0];
        ArrayBufferWriter<byte> written = new();
        EventBytes.Write(written, e);
        TraceParent? before = SpanEar.Parent();
        TraceParent? after = before;
        Assert.Equal(e, EventBytes.Read(e.Room, [.. written.WrittenSpan, 12, (byte)of.Length, .. of], ref after));
        Assert.Equal(isOne ? read : before, after);
    }

    [Fact]
    public async Task Publishing_is_a_span_under_which_the_other_node_goes_on()
    {
        using RedisNode here = new(RedisServer.Shared.ConnectionString, _prefix);
        using RedisNode there = new(RedisServer.Shared.ConnectionString, _prefix);
        await here.Listen();
        await there.Listen(3);
        TraceParent batch = SpanEar.Parent();
        here.Backplane.Publish(RedisBackplaneTests.Some(3, 1));
        here.Backplane.Publish(RedisBackplaneTests.Some(3, 2) with { Trace = batch });
        await there.Changed.Until(() => there.Got.Count == 2, "both");
        Activity publish = await _ear.The("backplane publish", batch.Context.TraceId);
        Assert.Equal((batch.Context.SpanId, ActivityKind.Producer, ActivityStatusCode.Unset), (publish.ParentSpanId, publish.Kind, publish.Status));
        Assert.Null(there.Got.First().Trace);
        Assert.Equal((publish.TraceId, publish.SpanId, true), (there.Got.Last().Trace!.Context.TraceId, there.Got.Last().Trace!.Context.SpanId, there.Got.Last().Trace!.Context.IsRemote));
    }

    [Fact]
    public async Task What_Redis_does_not_take_says_why()
    {
        using RedisServer server = RedisServer.Start();
        using RedisNode here = new(server.ConnectionString, _prefix, queueBytesMax: 2_000);
        await here.Listen();
        server.Freeze();
        TraceParent[] batches = [.. Enumerable.Range(0, 20).Select(_ => SpanEar.Parent())];
        foreach (TraceParent batch in batches)
        {
            here.Backplane.Publish(RedisBackplaneTests.Some(3, 1) with { Trace = batch });
        }

        // What was on its way or waited when Redis went, and what did not fit into the queue.
        server.Stop();
        List<object?> errors = [];
        foreach (TraceParent batch in batches)
        {
            Activity publish = await _ear.The("backplane publish", batch.Context.TraceId);
            Assert.Equal(ActivityStatusCode.Error, publish.Status);
            errors.Add(publish.GetTagItem("error.type"));
        }

        Assert.Equal("away", errors[0]);
        Assert.InRange(errors.Count(error => error is "queue"), 1, 19);
        Assert.All(errors, error => Assert.True(error is "away" or "queue", $"{error}"));
    }

    /// <summary>Of a thousand connections one is watched; of batches that go out in one frame each has its spans.</summary>
    [Theory]
    [InlineData(false, ActivityKind.Internal)]
    [InlineData(true, ActivityKind.Consumer)]
    public void Of_a_frame_that_goes_to_many_the_first_ones_write_is_watched(bool isRemote, ActivityKind kind)
    {
        TraceParent[] batches = [SpanEar.Parent(isRemote), SpanEar.Parent(isRemote)];
        FeedTrace[] traces = [.. batches.Select(batch => FeedTrace.Begin(RedisBackplaneTests.Some(3, 1) with { Trace = batch })!)];
        FeedTrace frame = traces[1].Before(traces[0]);
        Activity other = Spans.Begin("socket write", ActivityKind.Internal, SpanEar.Parent().Context)!;
        Activity[] first = frame.Watch([other])!;
        Assert.Null(frame.Watch(null));
        Assert.Same(first, frame.Watch(first));
        Assert.Equal((3, other), (first.Length, first[0]));
        frame.End();
        foreach ((TraceParent batch, Activity write) in batches.Zip(first.Skip(1).Reverse()))
        {
            Activity feed = Assert.Single(_ear.Of(batch.Context.TraceId));
            Assert.Equal(("feed", batch.Context.SpanId, kind, 1), (feed.OperationName, feed.ParentSpanId, feed.Kind, feed.GetTagItem("monstera.events")));
            Assert.Equal((feed.TraceId, feed.SpanId, false), (write.TraceId, write.ParentSpanId, write.IsStopped));
        }
    }

    /// <summary>Repeated, early, or of a room in which nobody is.</summary>
    [Fact]
    public async Task Every_span_of_a_feed_ends_whatever_becomes_of_the_events()
    {
        RoomFeed feed = new(PostgresDesk.Tenant, PostgresDesk.Room(1), 100, 100_000, _ => { });
        feed.Start(2, 5);
        ReadingSubscriber subscriber = new(feed, PostgresDesk.Ann, 5, epoch: 2);
        feed.Subscribe(subscriber, 5);
        (string What, long Seq, long Epoch)[] batches =
        [
            ("next", 6, 2), ("repeated", 6, 2), ("early", 8, 2), ("what was missing", 7, 2), ("of an older epoch", 9, 1), ("of a newer epoch", 20, 3),
        ];
        foreach ((string what, long seq, long epoch) in batches)
        {
            TraceParent parent = SpanEar.Parent();
            RoomEvent e = new() { Room = feed.Room, Seq = seq, Type = EventType.MessageCreated, Sender = PostgresDesk.Bob, At = DateTimeOffset.UnixEpoch, Text = what };
            feed.Receive(new CommittedEvents(feed.Tenant, feed.Room, epoch, [e]) { Trace = parent }, new FlushList());
            await _ear.The("feed", parent.Context.TraceId);
        }

        Assert.Equal([6L, 7, 8], subscriber.Seqs);
    }
}
