using System.Collections.Concurrent;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Feeds;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Feeds;

/// <summary>The feeds of nodes: whatever the backplane does, the log tells.</summary>
public sealed class RoomFeedsTests : IAsyncLifetime
{
    private readonly RoomUnderTest _room = new();
    private readonly FakeTime _time = new();
    private readonly MemoryBackplaneWire _wire = new();
    private readonly List<FeedNode> _nodes = [];

    public async ValueTask InitializeAsync() => await _room.Make();

    public async ValueTask DisposeAsync()
    {
        foreach (FeedNode node in _nodes)
        {
            await node.DisposeAsync();
        }

        await _room.DisposeAsync();
    }

    [Fact]
    public async Task What_one_node_commits_reaches_the_subscribers_of_both()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber[] readers = [await one.Subscribe(_room, _room.Aoi), await two.Subscribe(_room, _room.Beni)];
        long first = readers[0].Cursor;
        long last = 0;
        for (int i = 0; i < 100; i++)
        {
            last = await (i % 3 == 0 ? two : one).Send(_room, _room.Aoi, $"{i}");
        }

        foreach (ReadingSubscriber reader in readers)
        {
            await reader.Reach(last);
            Assert.Equal(Seqs(first + 1, last), reader.Seqs);
        }
    }

    [Fact]
    public async Task While_the_backplane_is_away_the_comparison_of_heads_delivers()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber far = await two.Subscribe(_room, _room.Beni);
        _wire.SetCut(true);
        long last = await one.Send(_room, _room.Aoi, "lost on the way");
        await Turned(() => far.Cursor >= last, TimeSpan.FromSeconds(5));

        last = await one.Send(_room, _room.Aoi, "also lost");
        await Turned(() => far.Cursor >= last, TimeSpan.FromSeconds(5));
        Assert.Equal(Seqs(last - 1, last), far.Seqs);
    }

    [Fact]
    public async Task While_the_backplane_is_away_heads_are_compared_twice_a_second()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber far = await two.Subscribe(_room, _room.Beni);
        _wire.SetCut(true);
        for (int i = 0; i < 4; i++)
        {
            long last = await one.Send(_room, _room.Aoi, $"lost {i}");
            DateTimeOffset begun = _time.GetUtcNow();
            await Turned(() => far.Cursor >= last, TimeSpan.FromMilliseconds(100), settle: true);
            Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.Zero, TimeSpan.FromMilliseconds(1_500));
        }
    }

    [Fact]
    public async Task When_something_of_a_partition_may_have_been_missed_its_rooms_are_compared_and_no_others()
    {
        ConcurrentQueue<RoomId> compared = [];
        GatedRoomStore store = new(_room.Store) { ReadingHeads = rooms => rooms.ToList().ForEach(compared.Enqueue) };
        UnrulyBackplane backplane = new(1);
        FeedNode node = await Node(backplane, store);
        ReadingSubscriber reader = await node.Subscribe(_room, _room.Beni);
        RoomId other = new(Guid.NewGuid());
        while (BackplanePartition.Of(other) == BackplanePartition.Of(_room.Id))
        {
            other = new RoomId(Guid.NewGuid());
        }

        using RoomFeeds.FeedLease lease = node.Feeds.Acquire(_room.Tenant, other);
        lease.Feed.Start(1, 0);

        SendMessage draft = new("by another node") { Tenant = _room.Tenant, Room = _room.Id, Sender = _room.Aoi, ClientId = new ClientId(Guid.NewGuid()) };
        long seq = (await _room.Store.Append([draft], DateTimeOffset.UnixEpoch, CancellationToken.None))[0].Seq;
        backplane.Miss(BackplanePartition.Of(_room.Id));
        await reader.Reach(seq);
        Assert.Equal([_room.Id], compared.Distinct());
        Assert.Equal(1, node.Feeds.Repaired);

        backplane.Miss(null);
        await Signal.Poll(() => compared.Contains(other), "a comparison of all");
    }

    [Fact]
    public async Task When_the_backplane_is_back_what_was_missed_comes_at_once()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber far = await two.Subscribe(_room, _room.Beni);
        _wire.SetCut(true);
        long last = 0;
        for (int i = 0; i < 1_200; i++)
        {
            last = await one.Send(_room, _room.Aoi, $"{i}");
        }

        Assert.Empty(far.Seqs);
        _wire.SetCut(false);

        // The clock stands still.
        await far.Changed.Until(() => far.Cursor >= last || far.Gapped, "what was missed");
        Assert.False(far.Gapped);
        Assert.Equal(Seqs(last - 1_199, last), far.Seqs);
    }

    [Fact]
    public async Task An_event_that_came_early_is_repaired_after_the_wait_and_not_before()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber far = await two.Subscribe(_room, _room.Beni);
        long before = far.Cursor;
        _wire.SetCut(true);
        await one.Send(_room, _room.Aoi, "lost");
        long seq = await one.Send(_room, _room.Aoi, "arrives early");
        LogPage log = (await _room.Store.ReadAfter(_room.Tenant, _room.Id, null, seq - 1, 1, 100_000, CancellationToken.None))!;
        far.Feed.Receive(new CommittedEvents(_room.Tenant, _room.Id, 1, log.Events));

        _time.AdvanceMs(99);
        Assert.True(far.Feed.HasEarly);
        Assert.Equal(before, far.Cursor);
        _time.AdvanceMs(1);
        await far.Reach(seq);
        Assert.Equal(Seqs(before + 1, seq), far.Seqs);
    }

    /// <summary>Nodes that write to one room overtake each other all the time; the log is not read because of it.</summary>
    [Fact]
    public async Task A_gap_that_opened_while_another_was_waited_for_has_its_own_wait()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber far = await two.Subscribe(_room, _room.Beni);
        long before = far.Cursor;
        _wire.SetCut(true);
        for (int i = 0; i < 5; i++)
        {
            await one.Send(_room, _room.Aoi, $"{i}");
        }

        LogPage log = (await _room.Store.ReadAfter(_room.Tenant, _room.Id, null, before, 5, 100_000, CancellationToken.None))!;
        void Bring(params int[] which) => far.Feed.Receive(new CommittedEvents(_room.Tenant, _room.Id, 1, [.. which.Select(i => log.Events[i])]));
        Bring(1);
        _time.AdvanceMs(60);
        Bring(3);
        Bring(0);
        await far.Reach(before + 2);
        int waiting = _time.Waiting;
        _time.AdvanceMs(40);
        await Signal.Poll(() => _time.Waiting == waiting, "the other wait to begin");
        _time.AdvanceMs(99);
        Assert.Equal((before + 2, 0L), (far.Cursor, two.Feeds.Repaired));
        _time.AdvanceMs(1);
        await far.Reach(before + 5);
        Assert.Equal(Seqs(before + 1, before + 5), far.Seqs);
    }

    [Fact]
    public async Task Loss_repetition_and_disorder_on_the_way_leave_no_trace()
    {
        for (int seed = 0; seed < 8; seed++)
        {
            UnrulyBackplane here = new(seed);
            UnrulyBackplane there = new(seed + 1_000) { Other = here };
            here.Other = there;
            FeedNode one = await Node(here);
            FeedNode two = await Node(there);
            ReadingSubscriber near = await one.Subscribe(_room, _room.Aoi);
            ReadingSubscriber far = await two.Subscribe(_room, _room.Beni);
            long first = near.Cursor;
            await Task.WhenAll(
                Task.WhenAll(Enumerable.Range(0, 150).Select(i => one.Send(_room, _room.Aoi, $"{i}"))),
                Chat(two, 50),
                Chat(one, 50));
            long head = first + 250;

            await Turned(() => near.Cursor >= head && far.Cursor >= head, TimeSpan.FromMilliseconds(500));
            Assert.Equal(Seqs(first + 1, head), near.Seqs);
            Assert.Equal(Seqs(first + 1, head), far.Seqs);
            Assert.True(here.Lost > 0, "The seed lost nothing.");
        }

        async Task Chat(FeedNode node, int messages)
        {
            for (int i = 0; i < messages; i++)
            {
                await node.Send(_room, _room.Beni, $"{i}");
            }
        }
    }

    [Fact]
    public async Task A_removal_that_another_node_committed_ends_the_subscription_at_its_event()
    {
        (FeedNode one, FeedNode two) = await TwoNodes();
        ReadingSubscriber removed = await two.Subscribe(_room, _room.Beni);
        ReadingSubscriber stays = await two.Subscribe(_room, _room.Aoi);
        Task<long>[] sends = [.. Enumerable.Range(0, 100).Select(i => one.Send(_room, _room.Aoi, $"{i}"))];
        var removal = await one.Writer.Write(new RemoveMember(_room.Beni) { Tenant = _room.Tenant, Room = _room.Id, Sender = _room.Aoi });
        long last = (await Task.WhenAll(Enumerable.Range(0, 100).Select(i => one.Send(_room, _room.Aoi, $"{i}")))).Max();
        await Task.WhenAll(sends);

        await stays.Reach(last);
        await removed.Changed.Until(() => removed.Ended, "the end");
        Assert.Equal(removal.Value!.Seq, removed.Seqs[^1]);
    }

    [Fact]
    public async Task Feeds_of_rooms_that_nobody_watches_are_let_go()
    {
        (FeedNode one, _) = await TwoNodes();
        ReadingSubscriber reader = await one.Subscribe(_room, _room.Aoi);
        Assert.Equal(1, one.Feeds.Count);
        one.Feeds.Unsubscribe(reader);
        Assert.Equal(0, one.Feeds.Count);
        one.Feeds.Acquire(_room.Tenant, new RoomId(Guid.NewGuid())).Dispose();
        Assert.Equal(0, one.Feeds.Count);
    }

    private static IEnumerable<long> Seqs(long from, long to)
    {
        for (long seq = from; seq <= to; seq++)
        {
            yield return seq;
        }
    }

    /// <summary>Turns the clock on, step by step, until it holds.</summary>
    /// <param name="settle">Only when nothing is going on that may bring it: the loop waits for its clock again.</param>
    private Task Turned(Func<bool> condition, TimeSpan step, bool settle = false) => Signal.Poll(
        () =>
        {
            if (!condition() && (!settle || _time.Waiting >= _nodes.Count))
            {
                _time.Advance(step);
            }

            return condition();
        },
        "the comparison of heads");

    private async Task<(FeedNode One, FeedNode Two)> TwoNodes() =>
        (await Node(new MemoryBackplane(_wire)), await Node(new MemoryBackplane(_wire)));

    private async Task<FeedNode> Node(IBackplane backplane, IRoomStore? store = null)
    {
        FeedNode node = new(store ?? _room.Store, _room.Database, backplane, _time);
        _nodes.Add(node);
        await node.Start();
        return node;
    }
}
