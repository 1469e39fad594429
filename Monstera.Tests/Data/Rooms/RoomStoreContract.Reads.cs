using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

public abstract partial class RoomStoreContract
{
    private async Task<TimelinePage> Timeline(TimelineQuery query, int limit = 50) =>
        (await Rooms.ReadTimeline(Tenant, Room, Ann, query, limit, Cancel))!;

    private static IEnumerable<long> SeqsOf(TimelinePage page) => page.Items.Select(i => i.Event.Seq);

    /// <summary>Messages at 5, 7, 9 …, each followed by a reaction, up to the given head.</summary>
    private async Task Fill(int head)
    {
        await MakeRoom();
        List<Draft> drafts = [];
        for (int seq = 5; seq <= head; seq++)
        {
            drafts.Add(seq % 2 == 1 ? Send(Bob, $"m{seq}") : React(Ann, seq - 1, "👍"));
        }

        await Rooms.Append(drafts, Now, Cancel);
    }

    [Fact]
    public async Task The_log_is_read_from_a_cursor_within_bounds()
    {
        await Fill(14);
        Assert.Equal([8, 9, 10], (await Rooms.ReadAfter(Tenant, Room, Bob, 7, 3, int.MaxValue, Cancel))!.Events.Select(e => e.Seq));
        Assert.Equal(14, (await Rooms.ReadAfter(Tenant, Room, Bob, 7, 3, int.MaxValue, Cancel))!.Head);
        Assert.Empty((await Log(Room, after: 14))!.Events);
        Assert.Empty((await Log(Room, after: long.MaxValue))!.Events);
        Assert.Equal(14, (await Log(Room, after: -5))!.Events.Count);
    }

    [Fact]
    public async Task The_log_is_read_within_a_bound_of_bytes_but_one_event_at_least()
    {
        await MakeRoom();
        await Rooms.Append([Send(Ann, new string('é', 500)), Send(Ann, "b"), Send(Ann, "c")], Now, Cancel);
        async Task<int> CountWithin(int bytes) => (await Rooms.ReadAfter(Tenant, Room, Ann, 4, 100, bytes, Cancel))!.Events.Count;
        Assert.Equal(1, await CountWithin(0));
        Assert.Equal(1, await CountWithin(1000 + 128 + 128));
        Assert.Equal(2, await CountWithin(1001 + 128 + 128));
        Assert.Equal(3, await CountWithin(1002 + (3 * 128)));
    }

    [Fact]
    public async Task Heads_are_those_of_the_rooms_that_exist()
    {
        await Fill(9);
        await Done(Create(Room2, Dee, RoomKind.Private, "Two"));
        Gathered<RoomHead> heads = await Rooms.ReadHeads(Tenant, [Room2, new RoomId(Id(99)), Room], Cancel);
        Assert.Equivalent(new[] { new RoomHead(Room, 1, 9), new RoomHead(Room2, 1, 2) }, heads.Items);
        Assert.Empty(heads.Missing);
        Assert.Empty((await Rooms.ReadHeads(Tenant, [], Cancel)).Items);
    }

    [Fact]
    public async Task The_timeline_is_paged_in_both_directions()
    {
        await Fill(30);
        TimelinePage newest = await Timeline(new TimelineQuery.Newest(), 5);
        Assert.Equal([21, 23, 25, 27, 29], SeqsOf(newest));
        Assert.Equal((1, 30, 21, null), (newest.Epoch, newest.Head, newest.Before, newest.After));

        TimelinePage before = await Timeline(new TimelineQuery.Before(21), 9);
        Assert.Equal([3, 4, 5, 7, 9, 11, 13, 15, 17, 19], SeqsOf(await Timeline(new TimelineQuery.Before(21), 10)));
        Assert.Equal([4, 5, 7, 9, 11, 13, 15, 17, 19], SeqsOf(before));
        Assert.Equal((4, 20), (before.Before, before.After));
        TimelinePage oldest = await Timeline(new TimelineQuery.Before(4), 9);
        Assert.Equal([1, 2, 3], SeqsOf(oldest));
        Assert.Null(oldest.Before);

        TimelinePage after = await Timeline(new TimelineQuery.After(20), 3);
        Assert.Equal([21, 23, 25], SeqsOf(after));
        Assert.Equal((21, 25), (after.Before, after.After));
        TimelinePage last = await Timeline(new TimelineQuery.After(25), 3);
        Assert.Equal([27, 29], SeqsOf(last));
        Assert.Null(last.After);
    }

    [Fact]
    public async Task The_timeline_around_a_message()
    {
        await Fill(30);
        TimelinePage page = await Timeline(new TimelineQuery.Around(15), 6);
        Assert.Equal([9, 11, 13, 15, 17, 19], SeqsOf(page));
        Assert.Equal((9, 19), (page.Before, page.After));
        Assert.Equal([15], SeqsOf(await Timeline(new TimelineQuery.Around(15), 1)));
        Assert.Equal([1, 2, 3, 4, 5, 7], SeqsOf(await Timeline(new TimelineQuery.Around(2), 6)));
        Assert.Equal([25, 27, 29], SeqsOf(await Timeline(new TimelineQuery.Around(30), 6)));
    }

    [Fact]
    public async Task Cursors_outside_of_the_log_are_its_ends()
    {
        await Fill(9);
        Assert.Equal([1, 2, 3, 4, 5, 7, 9], SeqsOf(await Timeline(new TimelineQuery.Before(long.MaxValue))));
        Assert.Empty(SeqsOf(await Timeline(new TimelineQuery.Before(long.MinValue))));
        Assert.Empty(SeqsOf(await Timeline(new TimelineQuery.After(long.MaxValue))));
        Assert.Equal(7, SeqsOf(await Timeline(new TimelineQuery.After(long.MinValue))).Count());
        Assert.Equal([5, 7, 9], SeqsOf(await Timeline(new TimelineQuery.Around(long.MaxValue), 6)));
        Assert.Null((await Timeline(new TimelineQuery.After(long.MaxValue))).After);
        Assert.Null((await Timeline(new TimelineQuery.Before(long.MinValue))).Before);
    }

    [Fact]
    public async Task The_timeline_holds_messages_and_what_people_should_see()
    {
        await MakeRoom();
        await Rooms.Append(
            [
                Send(Ann, "text"), Edit(Ann, 5, "text!"), React(Ann, 5, "👍"), Pin(Ann, 5), Pin(Ann, 5, on: false), Update(Ann, "Name", null),
                Change(Ann, Bob, RoomRole.Moderator), Remove(Cid, Cid), Send(Ann, "gone"), Delete(Ann, 13),
            ],
            Now, Cancel);
        TimelinePage page = await Timeline(new TimelineQuery.Newest());
        Assert.Equal([1, 2, 3, 4, 5, 8, 10, 12, 13], SeqsOf(page));
        LogPage log = (await Log(Room))!;
        foreach (TimelineItem item in page.Items.Where(i => i.Event.Type != EventType.MessageCreated))
        {
            AssertSame(new TimelineItem(log.Events[(int)item.Event.Seq - 1], item.Event.Seq, null, false, []), item);
        }

        AssertSame((await Rooms.FindMessage(Tenant, Room, Ann, 5, Cancel))!, page.Items[4]);
        Assert.True(page.Items[^1].Event.Deleted);
    }

    [Fact]
    public async Task Scans_are_bounded_and_cursors_go_on()
    {
        await MakeRoom();
        await Done(Send(Bob, "first"));
        await Rooms.Append([.. Enumerable.Range(0, RoomLimits.ScanMax + 100).Select(i => React(Ann, 5, "👍", on: i % 2 == 0))], Now, Cancel);
        long head = 5 + RoomLimits.ScanMax + 100;
        TimelinePage page = await Timeline(new TimelineQuery.Newest());
        Assert.Empty(page.Items);
        Assert.Equal((head, head + 1 - RoomLimits.ScanMax), (page.Head, page.Before));
        Assert.Equal([1, 2, 3, 4, 5], SeqsOf(await Timeline(new TimelineQuery.Before(page.Before!.Value))));

        TimelinePage after = await Timeline(new TimelineQuery.After(5));
        Assert.Empty(after.Items);
        Assert.Equal(5 + RoomLimits.ScanMax, after.After);
        Assert.Null((await Timeline(new TimelineQuery.After(after.After!.Value))).After);

        TimelinePage around = await Timeline(new TimelineQuery.Around(head - 10));
        Assert.Empty(around.Items);
        Assert.NotNull(around.Before);

        // What lies further back than that is not looked at for the list of rooms either.
        Assert.Equal(0, await Rooms.CountUnread(Tenant, Room, Ann, 0, Cancel));
        RoomSummary summary = Assert.Single((await Rooms.Summarize(Tenant, Ann, [new ReadMarker(Room, 0)], Cancel)).Items);
        Assert.Null(summary.Last);
        await Done(Send(Bob, "again"));
        summary = Assert.Single((await Rooms.Summarize(Tenant, Ann, [new ReadMarker(Room, 0)], Cancel)).Items);
        Assert.Equal((1, "again"), (summary.Unread, summary.Last!.Event.Text));
    }

    [Fact]
    public async Task Unread_counts_messages_of_others_that_are_not_deleted()
    {
        await MakeRoom();
        await Rooms.Append([Send(Ann, "5"), Send(Bob, "6"), Send(Cid, "7"), Send(Bob, "8"), Edit(Bob, 6, "6!"), React(Bob, 5, "👍"), Delete(Bob, 8)], Now, Cancel);
        async Task<int?> Unread(UserId user, long seq) => await Rooms.CountUnread(Tenant, Room, user, seq, Cancel);
        Assert.Equal(2, await Unread(Ann, 0));
        Assert.Equal(2, await Unread(Ann, 5));
        Assert.Equal(1, await Unread(Ann, 6));
        Assert.Equal(0, await Unread(Ann, 7));
        Assert.Equal(0, await Unread(Ann, long.MaxValue));
        Assert.Equal(2, await Unread(Bob, -1));
        Assert.Null(await Unread(Dee, 0));
        await Rooms.Append([.. Enumerable.Range(0, RoomLimits.UnreadMax + 10).Select(i => Send(Bob, $"{i}"))], Now, Cancel);
        Assert.Equal(RoomLimits.UnreadMax, await Unread(Ann, 0));
        Assert.Equal(10, await Unread(Ann, 11 + RoomLimits.UnreadMax));
    }

    [Fact]
    public async Task Rooms_are_summarised_in_the_order_given_for_members_only()
    {
        await MakeRoom();
        await Done(Create(Room2, Dee, RoomKind.Public, "Two"));
        RoomId room3 = new(Id(23));
        await Done(Create(room3, Bob, RoomKind.Private, "Three", Ann));
        await Done(Send(Bob, "text", room: room3));
        Gathered<RoomSummary> gathered = await Rooms.Summarize(
            Tenant, Ann, [new(room3, 2), new(Room2, 0), new(new RoomId(Id(99)), 0), new(Room, 4)], Cancel);
        IReadOnlyList<RoomSummary> summaries = gathered.Items;
        Assert.Empty(gathered.Missing);
        Assert.Equal([room3, Room], summaries.Select(s => s.Room.Id));
        Assert.Equal(await Rooms.FindRoom(Tenant, room3, Cancel), summaries[0].Room);
        Assert.Equal(await Rooms.FindMember(Tenant, room3, Ann, Cancel), summaries[0].Member);
        Assert.Equal((2, 1, "text", null), (summaries[0].ReadSeq, summaries[0].Unread, summaries[0].Last?.Event.Text, summaries[0].With));
        Assert.Equal((4, 0, null), (summaries[1].ReadSeq, summaries[1].Unread, summaries[1].Last));
    }

    [Fact]
    public async Task Public_rooms_are_found_by_name_in_pages()
    {
        string[] names = ["beta", "Alpha", "ALPHA", "Ａlpha full width", "100% sure", "under_score", "葵の間", "Éclair"];
        for (int i = 0; i < names.Length; i++)
        {
            await Done(Create(new RoomId(Id(200 + i)), i == 0 ? Ann : Bob, RoomKind.Public, names[i]));
        }

        await Done(Create(Room, Ann, RoomKind.Private, "alpha but private"));
        async Task<List<PublicRoom>> All(string? query, int limit)
        {
            List<PublicRoom> all = [];
            string? after = null;
            do
            {
                PublicRoomPage page = await Rooms.ReadPublicRooms(Tenant, Ann, query, after, limit, Cancel);
                Assert.InRange(page.Items.Count, 0, limit);
                Assert.False(page.Incomplete);
                all.AddRange(page.Items);
                after = page.Next;
            }
            while (after is not null);
            return all;
        }

        string[] sorted = ["100% sure", "Alpha", "ALPHA", "Ａlpha full width", "beta", "under_score", "Éclair", "葵の間"];
        Assert.Equal(sorted, (await All(null, 100)).Select(r => r.Name));
        Assert.Equal(sorted, (await All("", 3)).Select(r => r.Name));
        Assert.Equal(["Alpha", "ALPHA", "Ａlpha full width"], (await All("ＡLPH", 1)).Select(r => r.Name));
        Assert.Equal(["100% sure"], (await All("%", 10)).Select(r => r.Name));
        Assert.Equal(["under_score"], (await All("_", 10)).Select(r => r.Name));
        Assert.Equal(["Éclair"], (await All("éCL", 10)).Select(r => r.Name));
        Assert.Empty(await All("zzz", 10));
        Assert.Equal(new PublicRoom(new RoomId(Id(200)), "beta", null, 1, Joined: true), Assert.Single(await All("beta", 10)));
        Assert.False((await All("under", 10))[0].Joined);
    }

    [Theory]
    [InlineData("!")]
    [InlineData("")]
    [InlineData("AAAA")]
    [InlineData("____________________________________________________________")]
    public async Task What_is_no_cursor_is_a_format_exception(string cursor)
    {
        await MakeRoom();
        await Assert.ThrowsAsync<FormatException>(async () => await Rooms.ReadMembers(Tenant, Room, Ann, cursor, 10, Cancel));
        await Assert.ThrowsAsync<FormatException>(async () => await Rooms.ReadPublicRooms(Tenant, Ann, null, cursor, 10, Cancel));
    }

    [Fact]
    public async Task Who_is_no_member_reads_nothing()
    {
        await MakeRoom();
        await Done(Send(Ann, "text"));
        await Done(Remove(Bob, Bob));
        foreach (UserId user in new[] { Bob, Dee })
        {
            Assert.Null(await Rooms.ReadAfter(Tenant, Room, user, 0, 10, 1000, Cancel));
            Assert.Null(await Rooms.ReadTimeline(Tenant, Room, user, new TimelineQuery.Newest(), 10, Cancel));
            Assert.Null(await Rooms.FindMessage(Tenant, Room, user, 5, Cancel));
            Assert.Null(await Rooms.ReadPins(Tenant, Room, user, Cancel));
            Assert.Null(await Rooms.FindMember(Tenant, Room, user, Cancel));
            Assert.Null(await Rooms.ReadMembers(Tenant, Room, user, null, 10, Cancel));
            Assert.Null(await Rooms.CountUnread(Tenant, Room, user, 0, Cancel));
            Assert.Empty((await Rooms.Summarize(Tenant, user, [new ReadMarker(Room, 0)], Cancel)).Items);
        }

        Assert.Null(await Rooms.ReadAfter(Tenant, Room2, null, 0, 10, 1000, Cancel));
        Assert.Null(await Rooms.FindRoom(Tenant, Room2, Cancel));
    }
}
