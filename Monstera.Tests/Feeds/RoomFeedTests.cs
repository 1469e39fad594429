using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Feeds;
using Monstera.Server.Rooms;

namespace Monstera.Tests.Feeds;

/// <summary>One room's feed: whatever comes, in whatever order, goes out once and in order.</summary>
public sealed class RoomFeedTests
{
    private static readonly TenantId Tenant = new(Guid.NewGuid());
    private static readonly RoomId Room = new(Guid.NewGuid());
    private static readonly UserId Aoi = new(Guid.NewGuid());
    private static readonly UserId Beni = new(Guid.NewGuid());

    private int _early;

    [Fact]
    public async Task Events_go_out_once_and_in_order()
    {
        RoomFeed feed = Started();
        ReadingSubscriber reader = Subscribe(feed, 0);

        for (int seq = 1; seq <= 300; seq++)
        {
            Receive(feed, seq);
        }

        await reader.Reach(300);
        Assert.Equal(Seqs(1, 300), reader.Seqs);
        Assert.Equal(0, _early);
    }

    [Fact]
    public async Task What_comes_twice_is_dropped()
    {
        RoomFeed feed = Started();
        ReadingSubscriber reader = Subscribe(feed, 0);

        Receive(feed, 1, 2, 3);
        Receive(feed, 2, 3, 4);
        Receive(feed, 1);
        Receive(feed, 4, 5);

        await reader.Reach(5);
        Assert.Equal(Seqs(1, 5), reader.Seqs);
        Assert.False(feed.HasEarly);
    }

    [Fact]
    public async Task What_comes_early_waits_for_what_is_before_it()
    {
        RoomFeed feed = Started();
        ReadingSubscriber reader = Subscribe(feed, 0);

        Receive(feed, 3, 4);
        Receive(feed, 6);
        Assert.True(feed.HasEarly);
        Assert.Equal(1, _early);
        Assert.Equal(0, feed.Head);
        Receive(feed, 2);
        Receive(feed, 1);
        Assert.Equal(4, feed.Head);
        Assert.True(feed.StillHasEarly());
        Receive(feed, 7);
        Assert.Equal(1, _early);
        Receive(feed, 5);

        await reader.Reach(7);
        Assert.Equal(Seqs(1, 7), reader.Seqs);
        Assert.False(feed.HasEarly);
        Assert.False(feed.StillHasEarly());
        Receive(feed, 9);
        Assert.Equal(2, _early);
        feed.LeaveEarly();
        Receive(feed, 10);
        Assert.Equal(3, _early);
    }

    [Fact]
    public async Task What_arrives_before_the_start_is_held()
    {
        RoomFeed feed = Feed();
        Receive(feed, 9, 10);
        Receive(feed, 12);
        feed.Start(1, 9);
        ReadingSubscriber reader = Subscribe(feed, 9);

        await reader.Reach(10);
        Receive(feed, 11);
        await reader.Reach(12);
        Assert.Equal([10, 11, 12], reader.Seqs);
    }

    [Fact]
    public void What_is_missing_at_the_start_is_asked_for()
    {
        RoomFeed feed = Feed();
        Receive(feed, 12);
        feed.Start(1, 10);

        Assert.Equal(1, _early);
    }

    [Fact]
    public void Only_the_first_start_counts()
    {
        RoomFeed feed = Started();
        Receive(feed, 1, 2, 3);
        feed.Start(1, 1);
        feed.Start(1, 9);

        Assert.Equal(3, feed.Head);
    }

    [Fact]
    public async Task A_subscriber_who_comes_between_the_read_and_the_start_misses_nothing()
    {
        // The log was read at 5; 6 and 7 came before the subscription.
        RoomFeed feed = Started(5);
        Receive(feed, 6, 7);
        ReadingSubscriber reader = Subscribe(feed, 5);

        await reader.Reach(7);
        Receive(feed, 8);
        await reader.Reach(8);
        Assert.Equal([6, 7, 8], reader.Seqs);
    }

    [Fact]
    public async Task A_subscriber_who_knows_more_than_the_feed_gets_nothing_twice()
    {
        // Another reader had the log to 8 while this node has heard of 5 only.
        RoomFeed feed = Started(5);
        ReadingSubscriber reader = Subscribe(feed, 8);
        ReadingSubscriber other = Subscribe(feed, 5);
        Receive(feed, 6, 7, 8, 9);

        await Task.WhenAll(reader.Reach(9), other.Reach(9));
        Assert.Equal([9], reader.Seqs);
        Assert.Equal(Seqs(6, 9), other.Seqs);
    }

    [Fact]
    public async Task A_new_epoch_is_a_gap_for_everybody()
    {
        RoomFeed feed = Started();
        ReadingSubscriber one = Subscribe(feed, 0);
        ReadingSubscriber two = Subscribe(feed, 0);
        Receive(feed, 1, 2);
        await Task.WhenAll(one.Reach(2), two.Reach(2));

        feed.Receive(new CommittedEvents(Tenant, Room, 2, [Message(2)]));

        await one.Changed.Until(() => one.Gapped, "a gap");
        await two.Changed.Until(() => two.Gapped, "a gap");
        Assert.Equal(2, feed.Epoch);
        ReadingSubscriber fresh = new(feed, Aoi, 2, epoch: 2);
        feed.Subscribe(fresh, 2);
        feed.Receive(new CommittedEvents(Tenant, Room, 1, [Message(3)]));
        feed.Receive(new CommittedEvents(Tenant, Room, 2, [Message(3), Message(4)]));
        await fresh.Reach(4);
        Assert.Equal([3, 4], fresh.Seqs);
    }

    [Fact]
    public async Task A_log_of_a_newer_epoch_that_a_reader_found_begins_it()
    {
        RoomFeed feed = Started();
        ReadingSubscriber old = Subscribe(feed, 0);
        feed.Start(2, 40);

        await old.Changed.Until(() => old.Gapped, "a gap");
        ReadingSubscriber fresh = new(feed, Aoi, 40, epoch: 2);
        feed.Subscribe(fresh, 40);
        feed.Receive(new CommittedEvents(Tenant, Room, 2, [Message(41)]));
        await fresh.Reach(41);
        Assert.False(fresh.Gapped);
    }

    [Fact]
    public async Task Who_lags_within_the_tail_reads_on_and_who_lags_further_has_a_gap()
    {
        RoomFeed feed = Started(tailEvents: 64);
        ReadingSubscriber quick = Subscribe(feed, 0);
        ReadingSubscriber within = Subscribe(feed, 0);
        ReadingSubscriber further = Subscribe(feed, 0);
        further.Freeze();
        await Chat(1, 100);
        within.Freeze();
        await Chat(101, 160);
        within.Thaw();
        further.Thaw();

        await within.Reach(160);
        await further.Changed.Until(() => further.Gapped, "a gap");
        Assert.Equal(Seqs(1, 160), within.Seqs);
        Assert.Empty(further.Seqs);
        Assert.Equal(Seqs(1, 160), quick.Seqs);

        async Task Chat(int from, int to)
        {
            for (int seq = from; seq <= to; seq++)
            {
                Receive(feed, seq);
                await quick.Reach(seq);
            }
        }
    }

    [Fact]
    public async Task The_tail_is_bounded_in_bytes_too()
    {
        RoomFeed feed = Started(tailEvents: 10_000, tailBytes: 65_536);
        ReadingSubscriber quick = Subscribe(feed, 0);
        ReadingSubscriber frozen = Subscribe(feed, 0);
        frozen.Freeze();
        for (int seq = 1; seq <= 100; seq++)
        {
            feed.Receive(new CommittedEvents(Tenant, Room, 1, [Message(seq, new string('x', 5_000))]));
            await quick.Reach(seq);
        }

        frozen.Thaw();
        await frozen.Changed.Until(() => frozen.Gapped, "a gap");
        Assert.Equal(FeedReadStatus.Gap, feed.ReadAfter(1, 80, long.MaxValue, out _));
        Assert.Equal(FeedReadStatus.Frame, feed.ReadAfter(1, 95, long.MaxValue, out _));
        Assert.InRange(quick.LargestFrameBytes, 5_000, 66_000);
    }

    [Fact]
    public async Task A_huge_batch_gaps_nobody_who_keeps_up()
    {
        RoomFeed feed = Started();
        ReadingSubscriber reader = Subscribe(feed, 0);

        feed.Receive(new CommittedEvents(Tenant, Room, 1, [.. Seqs(1, 1_500).Select(seq => Message(seq))]));

        await reader.Reach(1_500);
        Assert.False(reader.Gapped);
        Assert.Equal(Seqs(1, 1_500), reader.Seqs);
        Assert.InRange(reader.LargestFrameBytes, 1, 70_000);
    }

    [Fact]
    public async Task Those_who_lag_alike_share_a_frame()
    {
        RoomFeed feed = Started();
        Receive(feed, 1, 2, 3);
        Assert.Equal(FeedReadStatus.Frame, feed.ReadAfter(1, 1, long.MaxValue, out FeedFrame? one));
        Assert.Equal(FeedReadStatus.Frame, feed.ReadAfter(1, 1, long.MaxValue, out FeedFrame? two));

        Assert.Same(one, two);
        ReadingSubscriber reader = Subscribe(feed, 1);
        await reader.Reach(3);
    }

    [Fact]
    public async Task The_end_of_a_membership_is_the_last_thing_seen()
    {
        RoomFeed feed = Started();
        ReadingSubscriber removed = Subscribe(feed, 0, Beni);
        ReadingSubscriber removedToo = Subscribe(feed, 0, Beni);
        ReadingSubscriber stays = Subscribe(feed, 0, Aoi);
        removedToo.Freeze();

        // In one batch, so that the shared frame holds what comes after it.
        feed.Receive(new CommittedEvents(Tenant, Room, 1, [Message(1), Left(2, Beni), Message(3)]));
        Receive(feed, 4, 5);

        await stays.Reach(5);
        await removed.Changed.Until(() => removed.Ended, "the end");
        removedToo.Thaw();
        await removedToo.Changed.Until(() => removedToo.Ended, "the end");
        Assert.Equal([1, 2], removed.Seqs);
        Assert.Equal([1, 2], removedToo.Seqs);
        Assert.Equal(Seqs(1, 5), stays.Seqs);
    }

    [Fact]
    public async Task A_membership_that_ended_before_the_subscription_ends_it_too()
    {
        // The log was read at 1, as a member; 2 ended that, and more was said before the subscription.
        RoomFeed feed = Started(1);
        feed.Receive(new CommittedEvents(Tenant, Room, 1, [Left(2, Beni), Message(3)]));
        ReadingSubscriber removed = Subscribe(feed, 1, Beni);
        Receive(feed, 4);

        await removed.Changed.Until(() => removed.Ended, "the end");
        Assert.Equal([2], removed.Seqs);
    }

    [Fact]
    public async Task An_end_of_the_membership_before_the_cursor_ends_nothing()
    {
        // Removed at 6, back at 7. The log was read at 7; this node's feed hears of it later.
        RoomFeed feed = Started(5);
        ReadingSubscriber back = Subscribe(feed, 7, Beni);
        feed.Receive(new CommittedEvents(Tenant, Room, 1, [Left(6, Beni), Message(7)]));
        Receive(feed, 8);

        await back.Reach(8);
        Assert.Equal([8], back.Seqs);
        Assert.False(back.Ended);
    }

    [Fact]
    public void Nobody_is_kept_after_leaving()
    {
        RoomFeed feed = Started();
        ReadingSubscriber reader = Subscribe(feed, 0);
        Assert.Equal(1, feed.SubscriberCount);
        feed.Unsubscribe(reader);
        feed.Unsubscribe(reader);

        Assert.Equal(0, feed.SubscriberCount);
    }

    [Fact]
    public async Task Any_order_with_any_repeats_comes_out_whole()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            Random random = new(seed);
            RoomFeed feed = Started();
            ReadingSubscriber reader = Subscribe(feed, 0);
            List<int[]> batches = [];
            for (int seq = 1; seq <= 60;)
            {
                int length = Math.Min(random.Next(1, 6), 61 - seq);
                int[] batch = [.. Enumerable.Range(seq, length)];
                batches.Add(batch);
                if (random.Next(3) == 0)
                {
                    batches.Add(batch);
                }

                seq += length;
            }

            int[][] shuffled = [.. batches];
            random.Shuffle(shuffled);
            foreach (int[] batch in shuffled)
            {
                Receive(feed, batch);
            }

            await reader.Reach(60);
            Assert.Equal(Seqs(1, 60), reader.Seqs);
            Assert.False(feed.HasEarly);
        }
    }

    private static RoomEvent Message(long seq, string text = "text") => new()
    {
        Room = Room, Seq = seq, Type = EventType.MessageCreated, Sender = Aoi, At = DateTimeOffset.UnixEpoch, Text = text,
    };

    private static RoomEvent Left(long seq, UserId user) => new()
    {
        Room = Room, Seq = seq, Type = EventType.MemberLeft, Sender = Aoi, At = DateTimeOffset.UnixEpoch, User = user,
    };

    private static IEnumerable<long> Seqs(int from, int to) => Enumerable.Range(from, to - from + 1).Select(seq => (long)seq);

    private static void Receive(RoomFeed feed, params int[] seqs) =>
        feed.Receive(new CommittedEvents(Tenant, Room, 1, [.. seqs.Select(seq => Message(seq))]));

    private static ReadingSubscriber Subscribe(RoomFeed feed, long cursor, UserId? user = null)
    {
        ReadingSubscriber subscriber = new(feed, user ?? Aoi, cursor);
        feed.Subscribe(subscriber, cursor);
        return subscriber;
    }

    private RoomFeed Feed(int tailEvents = 512, int tailBytes = 262_144) => new(Tenant, Room, tailEvents, tailBytes, _ => _early++);

    private RoomFeed Started(long head = 0, int tailEvents = 512, int tailBytes = 262_144)
    {
        RoomFeed feed = Feed(tailEvents, tailBytes);
        feed.Start(1, head);
        return feed;
    }
}
