using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Rooms;

/// <summary>The write path over two partitions, with slots that are being moved between them.</summary>
public sealed class WriteLaneTests : IAsyncDisposable
{
    private const int QueueMax = 8;

    private static readonly RoomId A = PostgresDesk.Room(1), B = PostgresDesk.Room(2), C = PostgresDesk.Room(3);

    private readonly TwoPartitions _store = new();
    private readonly FakeTime _time = new();
    private readonly MembershipIndex _index;
    private readonly RoomWriter _writer;

    public WriteLaneTests()
    {
        // Nobody joins or leaves here.
        _index = new MembershipIndex(_store, null!, _time, NullLogger<MembershipIndex>.Instance);
        MonsteraOptions options = new() { Limits = new LimitOptions { WriteQueueMax = QueueMax, WriteBatchMax = 4 } };
        _writer = new RoomWriter(_store, _index, Options.Create(options), _time, NullLogger<RoomWriter>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.StopAsync(CancellationToken.None).WaitAsync(Signal.Patience, TimeProvider.System);
        _writer.Dispose();
        _index.Dispose();
    }

    [Fact]
    public async Task Drafts_of_a_slot_that_is_being_moved_wait_in_order_and_others_of_the_batch_go_on_at_once()
    {
        _store.Moving.Add(A);
        Task<Result<AppendOutcome>>[] ofA = [Write(A, "1"), Write(A, "2")];
        Task<Result<AppendOutcome>> ofB = Write(B, "b");
        await _writer.StartAsync(CancellationToken.None);
        Assert.Equal(1, (await Answer(ofB)).Value!.Seq);
        Task<Result<AppendOutcome>> later = Write(A, "3");
        await Answer(Write(B, "c"));
        Assert.DoesNotContain(ofA.Append(later), write => write.IsCompleted);
        await Refused(1);

        _store.Change(() => _store.Moving.Clear());
        _time.AdvanceMs(25);
        Assert.Equal([1L, 2, 3], (await Task.WhenAll([.. ofA, later]).WaitAsync(Signal.Patience, TimeProvider.System)).Select(r => r.Value!.Seq));
        Assert.Equal(["1", "2", "3"], _store.Log(A));
    }

    [Fact]
    public async Task What_waits_too_long_is_answered_unavailable_with_all_that_came_after_it()
    {
        _store.Moving.Add(A);
        await _writer.StartAsync(CancellationToken.None);
        Task<Result<AppendOutcome>> first = Write(A, "1");
        await Refused(1);
        _time.AdvanceMs(2_000);
        await Refused(2);
        Task<Result<AppendOutcome>> second = Write(A, "2");
        await Answer(Write(B, "b"));
        Assert.False(first.IsCompleted);
        await Expire(first, second);
        foreach (Task<Result<AppendOutcome>> write in new[] { first, second })
        {
            Error error = (await Answer(write)).Error!;
            Assert.Equal((ErrorCode.Unavailable, true), (error.Code, error.RetryAfterMs > 0));
        }

        // Nothing of the slot is left, so that it goes where the map says, at once, whatever holds up the lane that it waited in.
        Gate gate = new();
        _store.Change(() => _store.Moving.Clear());
        _store.Before = drafts => drafts[0].Room == B ? gate.Pass() : Task.CompletedTask;
        Task<Result<AppendOutcome>> busy = Write(B, "b");
        await gate.Reached;
        Assert.Equal(1, (await Answer(Write(A, "1", second: true))).Value!.Seq);
        gate.Open();
        await Answer(busy);
    }

    /// <summary>The lane that the map names is full: the slot's drafts stay where they are, hold up nobody there, and are answered in time.</summary>
    [Fact]
    public async Task A_lane_without_room_for_all_of_a_slot_does_not_take_it_over()
    {
        Gate gate = new();
        _store.Moving.Add(A);
        _store.InSecond.Add(C);
        _store.Before = drafts => drafts[0].Room == C ? gate.Pass() : Task.CompletedTask;
        await _writer.StartAsync(CancellationToken.None);
        List<Task<Result<AppendOutcome>>> full = [Write(C, "c")];
        await gate.Reached;
        full.AddRange(Enumerable.Range(0, QueueMax - 1).Select(i => Write(C, $"{i}")));
        Task<Result<AppendOutcome>>[] parked = [Write(A, "1"), Write(A, "2")];
        await Refused(1);
        _store.Change(() => _store.InSecond.Add(A));
        _time.AdvanceMs(25);
        Assert.Equal(1, (await Answer(Write(B, "b"))).Value!.Seq);
        Assert.DoesNotContain(parked, write => write.IsCompleted);
        await Expire(parked);
        Assert.All(parked, write => Assert.Equal(ErrorCode.Unavailable, write.Result.Error!.Code));
        gate.Open();
        Assert.Equal(Enumerable.Range(1, QueueMax).Select(n => (long)n), (await Task.WhenAll(full).WaitAsync(Signal.Patience, TimeProvider.System)).Select(r => r.Value!.Seq));
    }

    /// <summary>What is parked when the server stops is waited for; it is not given to a lane that has ended.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_stops_answers_what_is_parked(bool movesAway)
    {
        _store.Moving.Add(A);
        await _writer.StartAsync(CancellationToken.None);
        Task<Result<AppendOutcome>> parked = Write(A, "1");
        await Refused(1);
        Task stopped = _writer.StopAsync(CancellationToken.None);
        if (movesAway)
        {
            // Closed and empty, the other lane has ended by now.
            _store.Change(() => _store.InSecond.Add(A));
            await Expire(parked);
            Assert.Equal(ErrorCode.Unavailable, (await Answer(parked)).Error!.Code);
        }
        else
        {
            Assert.False(stopped.IsCompleted);
            _store.Change(() => _store.Moving.Clear());
            _time.AdvanceMs(25);
            Assert.Equal(1, (await Answer(parked)).Value!.Seq);
        }

        await stopped.WaitAsync(Signal.Patience, TimeProvider.System);
    }

    /// <summary>The slot's drafts are parked, queued behind a batch that is under way, and new: all go to the other partition in their order, and wait for the old one no more.</summary>
    [Fact]
    public async Task A_slot_goes_over_to_another_lane_whole_and_in_order()
    {
        (Gate before, Gate after, Gate there) = (new(), new(), new());
        _store.Moving.Add(A);
        await _writer.StartAsync(CancellationToken.None);
        List<Task<Result<AppendOutcome>>> writes = [Write(A, "1"), Write(A, "2")];
        await Refused(1);
        _store.Before = drafts => (drafts[0].Room == A ? there : ((SendMessage)drafts[0]).Text == "before" ? before : after).Pass();
        List<Task<Result<AppendOutcome>>> busy = [Write(B, "before")];
        await before.Reached;
        writes.Add(Write(A, "3"));
        busy.Add(Write(B, "after"));
        _store.Change(() =>
        {
            _store.Moving.Clear();
            _store.InSecond.Add(A);
        });
        writes.Add(Write(A, "4"));
        _time.AdvanceMs(25);
        before.Open();
        await after.Reached;
        await there.Reached;
        writes.Add(Write(A, "5"));
        there.Open();
        Assert.Equal([1L, 2, 3, 4, 5], (await Task.WhenAll(writes).WaitAsync(Signal.Patience, TimeProvider.System)).Select(r => r.Value!.Seq));
        Assert.Equal(["1", "2", "3", "4", "5"], _store.Log(A));
        after.Open();
        await Task.WhenAll(busy).WaitAsync(Signal.Patience, TimeProvider.System);
    }

    /// <summary>The first is with the old partition when the map changes: the second must not overtake it on the new one.</summary>
    [Fact]
    public async Task A_draft_waits_for_those_before_it_that_are_under_way_elsewhere()
    {
        Gate gate = new();
        _store.Before = drafts => ((SendMessage)drafts[0]).Text == "1" && _store.Asked == 1 ? gate.Pass() : Task.CompletedTask;
        await _writer.StartAsync(CancellationToken.None);
        Task<Result<AppendOutcome>> first = Write(A, "1");
        await gate.Reached;
        _store.Change(() => _store.InSecond.Add(A));
        Task<Result<AppendOutcome>> second = Write(A, "2");

        // In one batch with the second, which the lane does not commit for the other partition.
        Task<Result<AppendOutcome>> stays = Write(C, "c");
        Assert.Equal(1, (await Answer(Write(B, "b", second: true))).Value!.Seq);
        Assert.False(second.IsCompleted);
        gate.Open();
        Assert.Equal((1, 2, 1), ((await Answer(first)).Value!.Seq, (await Answer(second)).Value!.Seq, (await Answer(stays)).Value!.Seq));
    }

    [Fact]
    public async Task A_partition_that_hangs_holds_up_its_own_drafts_alone()
    {
        Gate gate = new();
        _store.InSecond.Add(C);
        _store.Before = drafts => drafts[0].Room == C ? gate.Pass() : Task.CompletedTask;
        await _writer.StartAsync(CancellationToken.None);
        Task<Result<AppendOutcome>> hangs = Write(C, "c");
        await gate.Reached;
        for (int i = 1; i <= 20; i++)
        {
            Assert.Equal(i, (await Answer(Write(A, $"{i}"))).Value!.Seq);
        }

        Assert.False(hangs.IsCompleted);
        _store.Before = _ => throw new StorageUnavailableException("Gone.");
        Task<Result<AppendOutcome>> fails = Write(A, "x");
        Assert.Equal(ErrorCode.Unavailable, (await Answer(fails)).Error!.Code);
        gate.Open();
        Assert.Equal(1, (await Answer(hangs)).Value!.Seq);
    }

    [Fact]
    public async Task Parked_drafts_count_for_the_bound_of_the_queue()
    {
        _store.Moving.Add(A);
        await _writer.StartAsync(CancellationToken.None);
        List<Task<Result<AppendOutcome>>> parked = [];
        for (int i = 0; i < QueueMax; i++)
        {
            parked.Add(Write(A, $"{i}"));
            await Answer(Write(C, "c", second: true));
        }

        // Whatever was in the lane's hands is parked now.
        await Refused(1);
        Assert.Equal(ErrorCode.Overloaded, (await Answer(Write(B, "b"))).Error!.Code);

        // As many as go into a batch are refused once more, and stand before the rest again.
        _time.AdvanceMs(25);
        await Refused(2);
        _store.Change(() => _store.Moving.Clear());
        _time.AdvanceMs(25);
        Assert.Equal(Enumerable.Range(1, QueueMax).Select(n => (long)n), (await Task.WhenAll(parked).WaitAsync(Signal.Patience, TimeProvider.System)).Select(r => r.Value!.Seq));
        Assert.Equal(1, (await Answer(Write(B, "b"))).Value!.Seq);
    }

    [Fact]
    public async Task A_server_that_stops_commits_what_is_queued()
    {
        Task<Result<AppendOutcome>>[] writes = [.. Enumerable.Range(0, QueueMax).Select(i => Write(A, $"{i}")), Write(C, "c", second: true)];
        await _writer.StartAsync(CancellationToken.None);
        await _writer.StopAsync(CancellationToken.None).WaitAsync(Signal.Patience, TimeProvider.System);
        Assert.All(writes, write => Assert.Null(write.Result.Error));
        Assert.Equal(ErrorCode.Overloaded, (await Answer(Write(A, "late"))).Error!.Code);
    }

    private Task<Result<AppendOutcome>> Write(RoomId room, string text, bool second = false)
    {
        if (second)
        {
            _store.Change(() => _store.InSecond.Add(room));
        }

        return _writer.Write(new SendMessage(text, null) { Tenant = PostgresDesk.Tenant, Room = room, Sender = PostgresDesk.Ann });
    }

    /// <summary>Lets time go by until all are answered.</summary>
    private Task Expire(params Task<Result<AppendOutcome>>[] writes) => Signal.Poll(
        () =>
        {
            _time.AdvanceMs(25);
            return Array.TrueForAll(writes, write => write.IsCompleted);
        },
        "an answer");

    private static Task<Result<AppendOutcome>> Answer(Task<Result<AppendOutcome>> write) => write.WaitAsync(Signal.Patience, TimeProvider.System);

    /// <summary>The store refused so many batches, and what was refused is parked: its retry waits for the clock.</summary>
    private async Task Refused(int batches)
    {
        await _store.Changed.Until(() => _store.Refused >= batches, "batches to be refused");
        await Signal.Poll(() => _time.Waiting > 0, "the retry");
    }
}
