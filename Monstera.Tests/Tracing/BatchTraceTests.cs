using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Rooms;

namespace Monstera.Tests.Tracing;

/// <summary>The write path's spans: of what many calls share, and of what fails.</summary>
[Collection(SpanEar.Alone)]
public sealed class BatchTraceTests : IAsyncDisposable
{
    private static readonly RoomId Room = PostgresDesk.Room(1);

    private readonly SpanEar _ear = new();
    private readonly TwoPartitions _store = new();
    private readonly FakeTime _time = new();
    private readonly MembershipIndex _index;
    private readonly RoomWriter _writer;

    public BatchTraceTests()
    {
        _index = new MembershipIndex(_store, null!, _time, NullLogger<MembershipIndex>.Instance);
        _writer = new RoomWriter(_store, _index, Options.Create(new MonsteraOptions()), _time, NullLogger<RoomWriter>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.StopAsync(CancellationToken.None).WaitAsync(Signal.Patience, TimeProvider.System);
        _writer.Dispose();
        _index.Dispose();
        _ear.Dispose();
    }

    /// <summary>Also when there are more than a span may have links.</summary>
    [Fact]
    public async Task Every_traced_call_of_a_batch_has_a_link_to_it_and_knows_how_long_it_waited()
    {
        Gate gate = new();
        _store.Before = _ => _store.Asked == 1 ? gate.Pass() : Task.CompletedTask;
        await _writer.StartAsync(CancellationToken.None);
        List<Task<Result<AppendOutcome>>> writes = [Write()];
        await gate.Reached;
        List<Activity> calls = [];
        for (int i = 0; i < 200; i++)
        {
            writes.Add(Write());
            calls.Add(CallTracing.Begin("Send")!);
            writes.Add(Write());
            Activity.Current = null;
        }

        _time.AdvanceMs(40);
        gate.Open();
        Assert.All(await Task.WhenAll(writes).WaitAsync(Signal.Patience, TimeProvider.System), write => Assert.Null(write.Error));
        Activity batch = await _ear.The("write batch", calls[0].TraceId);
        Assert.Equal((calls[0].SpanId, 400, "0"), (batch.ParentSpanId, batch.GetTagItem("monstera.drafts"), batch.GetTagItem("monstera.shard")));
        Assert.Equal(calls.Take(128).Select(call => call.Context), batch.Links.Select(link => link.Context));
        Assert.Equal(batch.SpanId, (await _ear.The("write commit", calls[0].TraceId)).ParentSpanId);
        foreach (Activity call in calls)
        {
            Assert.Equal(batch.Context, Assert.Single(call.Links).Context);
            Activity queue = await _ear.The("write queue", call.TraceId);
            Assert.Equal((call.SpanId, TimeSpan.FromMilliseconds(40), _time.GetUtcNow().UtcDateTime), (queue.ParentSpanId, queue.Duration, queue.StartTimeUtc + queue.Duration));
            call.Stop();
        }
    }

    [Fact]
    public async Task A_batch_that_fails_says_of_what_kind_and_not_in_words()
    {
        _store.Before = _ => throw new StorageUnavailableException("The host db7.example.org of Hatsumi is away.");
        await _writer.StartAsync(CancellationToken.None);
        using Activity call = CallTracing.Begin("Send")!;
        Assert.Equal(ErrorCode.Unavailable, (await Write().WaitAsync(Signal.Patience, TimeProvider.System)).Error!.Code);
        foreach (Activity span in (Activity[])[await _ear.The("write commit", call.TraceId), await _ear.The("write batch", call.TraceId)])
        {
            Assert.Equal((ActivityStatusCode.Error, nameof(StorageUnavailableException)), (span.Status, span.GetTagItem("error.type")));
            Assert.Equal((null, 0), (span.StatusDescription, span.Events.Count()));
        }
    }

    /// <summary>ASP.NET Core has an activity for each request as soon as anybody asks for some of them.</summary>
    [Fact]
    public async Task A_request_that_is_not_traced_makes_no_spans()
    {
        await _writer.StartAsync(CancellationToken.None);
        using Activity request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        Assert.False(request.Recorded);
        Assert.Null((await Write().WaitAsync(Signal.Patience, TimeProvider.System)).Error);
        Activity.Current = null;
        Assert.Null((await Write().WaitAsync(Signal.Patience, TimeProvider.System)).Error);
        Assert.Empty(_ear.Of(request.TraceId));
        Assert.Empty(request.Links);
    }

    private Task<Result<AppendOutcome>> Write() => _writer.Write(new SendMessage("a", null) { Tenant = PostgresDesk.Tenant, Room = Room, Sender = PostgresDesk.Ann });
}
