using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

public abstract partial class RoomStoreContract
{
    [Fact]
    public async Task Seqs_are_gapless_and_in_the_order_of_the_drafts()
    {
        await MakeRoom();
        IReadOnlyList<AppendOutcome> outcomes = await Rooms.Append(
            [Send(Ann, "a"), Send(Bob, "b"), Send(Dee, "not a member"), Send(Ann, "c"), Delete(Bob, 5), Send(Ann, "d")], Now, Cancel);
        Assert.Equal([5, 6, 0, 7, 0, 8], outcomes.Select(o => o.Seq));
        LogPage page = (await Log(Room))!;
        Assert.Equal(Enumerable.Range(1, 8).Select(i => (long)i), page.Events.Select(e => e.Seq));
        Assert.Equal(["a", "b", "c", "d"], page.Events.Skip(4).Select(e => e.Text));
        Assert.Equal((1, 8), (page.Epoch, page.Head));
    }

    [Fact]
    public async Task A_batch_mixes_rooms_and_later_drafts_see_earlier_ones()
    {
        IReadOnlyList<AppendOutcome> outcomes = await Rooms.Append(
            [
                Create(Room, Ann, RoomKind.Public, "One"),
                Create(Room2, Bob, RoomKind.Public, "Two"),
                Join(Bob),
                Send(Bob, "hello", Client(1)),
                Edit(Bob, 4, "hello!"),
                Send(Bob, "hello", Client(1)),
                Remove(Bob, Bob),
                Send(Bob, "too late"),
                Send(Bob, "there", room: Room2),
                Delete(Ann, 4),
                React(Ann, 4, "👍"),
            ],
            Now, Cancel);
        Assert.Equal([1, 1, 3, 4, 5, 4, 6, 0, 3, 7, 0], outcomes.Select(o => o.Seq));
        Assert.Equal(RefusalCode.NotFound, outcomes[7].Refusal?.Code);
        Assert.Equal(RefusalCode.Gone, outcomes[10].Refusal?.Code);
        Assert.Equal(7, (await Log(Room))!.Head);
        Assert.Equal(3, (await Log(Room2))!.Head);
    }

    [Fact]
    public async Task An_outcome_carries_the_event_as_the_log_has_it()
    {
        await MakeRoom();
        AppendOutcome sent = await Done(Send(Ann, "zwölf 葵 🪴", Client(1)));
        Assert.Equal((1, 5, Now), (sent.Epoch, sent.Seq, sent.At));
        AppendOutcome replied = await Done(Send(Bob, "re", replyTo: 5));
        var page = await Log(Room, after: 4);
        Assert.Equal([sent.Events[0], replied.Events[0]], page!.Events);
        Assert.Equal(Client(1), page.Events[0].ClientId);
        Assert.Equal(5, page.Events[1].ReplyTo);
    }

    [Fact]
    public async Task The_time_is_that_of_the_batch_to_the_millisecond_in_utc()
    {
        await MakeRoom();
        AppendOutcome outcome = await Do(Send(Ann, "a"), new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.FromHours(2)).AddTicks(15_999));
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 10, 0, 0, 1, TimeSpan.Zero), outcome.At);
        Assert.Equal(TimeSpan.Zero, outcome.At.Offset);
        Assert.Equal(outcome.At, (await Log(Room, after: 4))!.Events[0].At);
    }

    [Fact]
    public async Task No_drafts_are_no_outcomes() => Assert.Empty(await Rooms.Append([], Now, Cancel));

    [Fact]
    public async Task A_retry_answers_with_the_first_seq_and_time_and_stores_nothing()
    {
        await MakeRoom();
        await Done(Send(Ann, "once", Client(1)));
        Storage.Reopen();
        AppendOutcome retry = await Do(Send(Ann, "other text", Client(1)), Now.AddYears(3));
        Assert.Equal((5, Now, 0), (retry.Seq, retry.At, retry.Events.Count));
        Assert.Equal("once", Assert.Single((await Log(Room, after: 4))!.Events).Text);
    }

    [Fact]
    public async Task A_retry_is_known_after_the_sender_has_left_and_the_message_was_deleted()
    {
        await MakeRoom();
        await Done(Send(Bob, "once", Client(1)));
        await Done(Delete(Bob, 5));
        await Done(Remove(Bob, Bob));
        await Unchanged(5, Send(Bob, "once", Client(1)));
        await Refused(RefusalCode.NotFound, Send(Bob, "new", Client(2)));
    }

    [Fact]
    public async Task A_client_id_is_of_one_sender_and_one_room()
    {
        await MakeRoom();
        await Done(Create(Room2, Ann, RoomKind.Public, "Two"));
        Assert.Equal(5, (await Done(Send(Ann, "a", Client(1)))).Seq);
        Assert.Equal(6, (await Done(Send(Bob, "b", Client(1)))).Seq);
        Assert.Equal(3, (await Done(Send(Ann, "c", Client(1), room: Room2))).Seq);
        await Unchanged(6, Send(Bob, "b", Client(1)));
    }

    /// <summary>For every kind of draft, when what it did was undone since: the retry must not do it again.</summary>
    [Fact]
    public async Task Every_kind_of_draft_is_recognised_by_its_client_id()
    {
        var create = Create(Room, Ann, RoomKind.Public, "General", Bob, Cid) with { ClientId = Client(0) };
        await Done(create);
        await Done(Send(Ann, "text"));
        await Done(Send(Ann, "victim"));
        (Draft Draft, Draft Undo)[] cases =
        [
            (Send(Ann, "again"), Send(Ann, "unrelated")),
            (Edit(Ann, 5, "edited"), Edit(Ann, 5, "text")),
            (React(Ann, 5, "👍"), React(Ann, 5, "👍", on: false)),
            (Pin(Ann, 5), Pin(Ann, 5, on: false)),
            (Update(Ann, "Renamed", "topic"), Update(Ann, "General", "")),
            (Join(Dee), Remove(Dee, Dee)),
            (Add(Ann, Dee), Remove(Ann, Dee)),
            (Remove(Ann, Cid), Add(Ann, Cid)),
            (Change(Ann, Bob, RoomRole.Moderator), Change(Ann, Bob, RoomRole.Member)),
            (Admit(Dee, "name"), Remove(Dee, Dee)),
            (Delete(Ann, 6), Send(Ann, "unrelated")),
        ];
        for (int i = 0; i < cases.Length; i++)
        {
            Draft draft = cases[i].Draft with { ClientId = Client(i + 1) };
            AppendOutcome first = await Done(draft);
            Assert.Single(first.Events);
            await Done(cases[i].Undo);
            await Unchanged(first.Seq, draft);
        }

        await Done(Remove(Ann, Bob));
        await Unchanged(1, create);
        Assert.Equal(Subclasses<Draft>(), cases.Select(c => c.Draft.GetType()).Append(typeof(CreateRoom)).Distinct().OrderBy(t => t.Name));
    }

    [Fact]
    public async Task What_was_refused_is_not_remembered()
    {
        await MakeRoom();
        await Refused(RefusalCode.NotFound, Send(Dee, "early", Client(1)));
        await Done(Join(Dee));
        Assert.Equal(6, (await Done(Send(Dee, "now", Client(1)))).Seq);
    }

    [Fact]
    public async Task What_had_nothing_to_change_is_not_remembered()
    {
        await MakeRoom();
        await Done(Send(Ann, "text"));
        await Done(React(Ann, 5, "👍"));
        await Unchanged(6, React(Ann, 5, "👍") with { ClientId = Client(1) });
        await Done(React(Ann, 5, "👍", on: false));
        Assert.Equal(8, (await Done(React(Ann, 5, "👍") with { ClientId = Client(1) })).Seq);
    }

    [Fact]
    public async Task Everything_survives_reopening()
    {
        await MakeRoom();
        await Rooms.Append(
            [Send(Ann, "a", Client(1)), Edit(Ann, 5, "b"), React(Bob, 5, "👍"), Pin(Cid, 5), Update(Ann, null, "topic"), Change(Ann, Bob, RoomRole.Owner)], Now, Cancel);
        LogPage before = (await Log(Room))!;
        TimelineItem item = (await Rooms.FindMessage(Tenant, Room, Ann, 5, Cancel))!;
        RoomInfo? info = await Rooms.FindRoom(Tenant, Room, Cancel);
        Storage.Reopen();
        LogPage after = (await Log(Room))!;
        Assert.Equal(before.Events, after.Events);
        Assert.Equal((before.Epoch, before.Head), (after.Epoch, after.Head));
        AssertSame(item, (await Rooms.FindMessage(Tenant, Room, Ann, 5, Cancel))!);
        Assert.Equal(info, await Rooms.FindRoom(Tenant, Room, Cancel));
        Assert.Equal(11, (await Done(Remove(Bob, Ann))).Seq);
    }

    [Fact]
    public async Task Callers_at_once_are_served_one_after_another()
    {
        await MakeRoom();
        IReadOnlyList<AppendOutcome>[] all = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(
            async () => await Rooms.Append([Send(Ann, $"{i}a", Client(2 * i)), Send(Bob, $"{i}b", Client((2 * i) + 1))], Now, Cancel), Cancel)));
        Assert.Equal(Enumerable.Range(5, 80).Select(i => (long)i), all.SelectMany(o => o).Select(o => o.Seq).Order());
        Assert.All(all, outcomes => Assert.Equal(outcomes[0].Seq + 1, outcomes[1].Seq));
    }

    [Fact]
    public async Task A_read_sees_all_of_a_batch_or_nothing_of_it()
    {
        await MakeRoom();
        Task writing = Task.Run(
            async () =>
            {
                for (int i = 0; i < 100; i++)
                {
                    await Rooms.Append([Send(Ann, "a"), Send(Ann, "b"), Send(Ann, "c"), Send(Ann, "d")], Now, Cancel);
                }
            },
            Cancel);
        while (!writing.IsCompleted)
        {
            LogPage page = (await Log(Room))!;
            Assert.Equal(0, page.Head % 4);
            Assert.Equal(page.Head, page.Events[^1].Seq);
            TimelinePage timeline = (await Rooms.ReadTimeline(Tenant, Room, Ann, new TimelineQuery.Newest(), 8, Cancel))!;
            Assert.Equal(timeline.Head, timeline.Items[^1].Event.Seq);
            Assert.Equal(0, timeline.Head % 4);
        }

        await writing;
    }

    private static IEnumerable<Type> Subclasses<T>() =>
        typeof(T).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(T)) && !t.IsAbstract).OrderBy(t => t.Name);

    /// <summary>Compares by content: lists inside of records are compared by reference otherwise.</summary>
    protected static void AssertSame(TimelineItem expected, TimelineItem actual)
    {
        IReadOnlyList<Reaction> none = [];
        Assert.Equal(expected with { Reactions = none }, actual with { Reactions = none });
        Assert.Equal(expected.Reactions.Select(r => (r.Emoji, r.Count)), actual.Reactions.Select(r => (r.Emoji, r.Count)));
        Assert.Equal(expected.Reactions.SelectMany(r => r.Users), actual.Reactions.SelectMany(r => r.Users));
    }
}
