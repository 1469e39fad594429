using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

public abstract partial class RoomStoreContract
{
    private async Task<TimelineItem> Item(long seq) => (await Rooms.FindMessage(Tenant, Room, Ann, seq, Cancel))!;

    [Fact]
    public async Task An_edit_changes_the_present_text_and_keeps_the_log()
    {
        await MakeRoom();
        await Done(Send(Bob, "one"));
        await Do(Edit(Bob, 5, "two"), Now.AddMinutes(1));
        await Do(Edit(Bob, 5, "three"), Now.AddMinutes(2));
        TimelineItem item = await Item(5);
        Assert.Equal(("three", 7, Now.AddMinutes(2)), (item.Event.Text, item.Rev, item.EditedAt));
        Assert.Equal(Now, item.Event.At);
        Assert.Equal(["one", "two", "three"], (await Log(Room, after: 4))!.Events.Select(e => e.Text));
        Assert.All((await Log(Room, after: 5))!.Events, e => Assert.Equal((EventType.MessageEdited, 5L), (e.Type, e.Target)));
    }

    [Fact]
    public async Task An_edit_to_the_present_text_changes_nothing()
    {
        await MakeRoom();
        await Done(Send(Bob, "one"));
        await Unchanged(5, Edit(Bob, 5, "one"));
        await Done(Edit(Bob, 5, "two"));
        await Done(React(Ann, 5, "👍"));
        await Unchanged(6, Edit(Bob, 5, "two"));
        await Done(Edit(Bob, 5, "one"));
    }

    [Fact]
    public async Task Texts_come_back_as_they_went_in()
    {
        await MakeRoom();
        string[] texts = ["'; DROP TABLE event; --", "%_\\", "葵 🪴\t\n", new string('é', 10_000), " ", "\u200b"];
        foreach (string text in texts)
        {
            await Done(Send(Ann, text));
        }

        Storage.Reopen();
        Assert.Equal(texts, (await Log(Room, after: 4))!.Events.Select(e => e.Text));
    }

    [Fact]
    public async Task Deleting_erases_the_text_and_that_of_the_edits_and_keeps_the_seqs()
    {
        await MakeRoom();
        await Done(Send(Bob, "secret one"));
        await Done(Edit(Bob, 5, "secret two"));
        await Done(Send(Bob, "other"));
        await Done(Edit(Bob, 7, "other two"));
        await Done(React(Ann, 5, "👍"));
        await Done(Pin(Ann, 5));
        await Done(Delete(Bob, 5));
        RoomEvent[] events = [.. (await Log(Room, after: 4))!.Events];
        Assert.Equal([null, null, "other", "other two", null, null, null], events.Select(e => e.Text));
        Assert.Equal([true, true, false, false, false, false, false], events.Select(e => e.Deleted));
        Assert.Equal((EventType.MessageDeleted, 5L), (events[^1].Type, events[^1].Target));

        TimelineItem item = await Item(5);
        Assert.True(item.Event.Deleted);
        Assert.Equal((11, null, false), (item.Rev, item.EditedAt, item.Pinned));
        Assert.Empty(item.Reactions);
        Assert.Empty((await Rooms.ReadPins(Tenant, Room, Ann, Cancel))!);
        Assert.Equal(1, await Rooms.CountUnread(Tenant, Room, Ann, 0, Cancel));
    }

    [Fact]
    public async Task Who_may_edit_and_delete()
    {
        await MakeRoom();
        await Done(Change(Ann, Cid, RoomRole.Moderator));
        await Rooms.Append([Send(Bob, "bob's"), Send(Bob, "bob's"), Send(Ann, "ann's"), Send(Bob, "bob's")], Now, Cancel);
        await Refused(RefusalCode.Forbidden, Edit(Ann, 6, "x"));
        await Refused(RefusalCode.Forbidden, Edit(Cid, 6, "x"));
        await Refused(RefusalCode.Forbidden, Delete(Bob, 8));
        await Refused(RefusalCode.NotFound, Delete(Dee, 8));
        await Refused(RefusalCode.NotFound, Edit(Bob, 1, "not a message"));
        await Refused(RefusalCode.NotFound, Edit(Bob, 99, "not there"));
        await Refused(RefusalCode.NotFound, Delete(Ann, 2));
        await Done(Delete(Bob, 6));
        await Done(Delete(Ann, 7));
        await Done(Delete(Cid, 8));
        await Done(Delete(Cid, 9));
    }

    [Fact]
    public async Task What_was_deleted_is_gone()
    {
        await MakeRoom();
        await Done(Send(Bob, "text"));
        await Done(Delete(Ann, 5));
        await Refused(RefusalCode.Gone, Edit(Bob, 5, "text"));
        await Refused(RefusalCode.Gone, React(Bob, 5, "👍"));
        await Refused(RefusalCode.Gone, Pin(Bob, 5));
        await Refused(RefusalCode.Gone, Pin(Bob, 5, on: false));
        await Refused(RefusalCode.Gone, Send(Bob, "re", replyTo: 5));
        await Refused(RefusalCode.Forbidden, Delete(Cid, 5));
        await Unchanged(6, Delete(Bob, 5));
    }

    [Fact]
    public async Task A_reply_is_to_a_message()
    {
        await MakeRoom();
        await Refused(RefusalCode.NotFound, Send(Bob, "re", replyTo: 1));
        await Refused(RefusalCode.NotFound, Send(Bob, "re", replyTo: 5));
        await Done(Send(Bob, "text"));
        await Done(Send(Ann, "re", replyTo: 5));
        Assert.Equal(5, (await Item(6)).Event.ReplyTo);
    }

    [Fact]
    public async Task Reactions_are_in_order_of_first_use_and_of_reacting()
    {
        await MakeRoom();
        await Rooms.Append(
            [
                Send(Ann, "text"), React(Cid, 5, "🪴"), React(Bob, 5, "👍"), React(Ann, 5, "🪴"), React(Cid, 5, "🪴", on: false),
                React(Cid, 5, "👍"), React(Cid, 5, "🪴"), React(Bob, 5, "❤️"), React(Bob, 5, "❤️", on: false),
            ],
            Now, Cancel);
        TimelineItem item = await Item(5);
        Assert.Equal(["🪴", "👍"], item.Reactions.Select(r => r.Emoji));
        Assert.Equal([Ann, Cid], item.Reactions[0].Users);
        Assert.Equal([Bob, Cid], item.Reactions[1].Users);
        Assert.Equal([2, 2], item.Reactions.Select(r => r.Count));
        Assert.Equal(13, item.Rev);

        // Gone altogether and back: it is used for the first time again.
        await Rooms.Append([React(Ann, 5, "🪴", on: false), React(Cid, 5, "🪴", on: false), React(Cid, 5, "🪴")], Now, Cancel);
        Assert.Equal(["👍", "🪴"], (await Item(5)).Reactions.Select(r => r.Emoji));
    }

    [Fact]
    public async Task A_reaction_that_is_as_it_was_changes_nothing()
    {
        await MakeRoom();
        await Done(Send(Ann, "text"));
        await Unchanged(5, React(Bob, 5, "👍", on: false));
        await Done(React(Bob, 5, "👍"));
        await Done(React(Cid, 5, "👍"));
        await Unchanged(6, React(Bob, 5, "👍"));
        await Done(React(Bob, 5, "👍", on: false));
        await Unchanged(8, React(Bob, 5, "👍", on: false));
        await Refused(RefusalCode.NotFound, React(Bob, 4, "👍"));
        await Refused(RefusalCode.NotFound, React(Dee, 5, "👍"));
    }

    [Fact]
    public async Task A_message_has_a_bounded_number_of_emoji_and_names_a_bounded_number_of_users()
    {
        UserId[] users = [.. Enumerable.Range(0, RoomLimits.ReactionUsersMax + 5).Select(i => new UserId(Id(100 + i)))];
        await Done(Create(Room, Ann, RoomKind.Public, "General", users));
        long message = (await Done(Send(Ann, "text"))).Seq;
        await Rooms.Append([.. users.Select(user => React(user, message, "👍"))], Now, Cancel);
        await Rooms.Append([.. Enumerable.Range(1, RoomLimits.EmojiPerMessageMax - 1).Select(i => React(Ann, message, $"e{i}"))], Now, Cancel);
        TimelineItem item = await Item(message);
        Assert.Equal(RoomLimits.EmojiPerMessageMax, item.Reactions.Count);
        Assert.Equal(users[..RoomLimits.ReactionUsersMax], item.Reactions[0].Users);
        Assert.Equal(users.Length, item.Reactions[0].Count);

        await Refused(RefusalCode.Conflict, React(Ann, message, "one more"));
        await Done(React(Ann, message, "👍"));
        await Done(React(Ann, message, "e1", on: false));
        await Done(React(Ann, message, "one more"));
    }

    [Fact]
    public async Task Pins_are_read_latest_first_and_bounded()
    {
        await MakeRoom();
        await Rooms.Append([.. Enumerable.Range(0, RoomLimits.PinsMax + 1).Select(i => Send(Ann, $"{i}"))], Now, Cancel);
        await Rooms.Append([.. Enumerable.Range(5, RoomLimits.PinsMax).Select(i => Pin(Bob, i))], Now, Cancel);
        await Refused(RefusalCode.Conflict, Pin(Bob, RoomLimits.PinsMax + 5));
        await Unchanged(106, Pin(Cid, 5));
        await Done(Pin(Cid, 5, on: false));
        await Unchanged(206, Pin(Ann, 5, on: false));
        await Unchanged(105, Pin(Ann, 105, on: false));
        await Done(Pin(Cid, 105));
        IReadOnlyList<TimelineItem> pins = (await Rooms.ReadPins(Tenant, Room, Bob, Cancel))!;
        Assert.Equal(Enumerable.Range(6, 100).Reverse().Select(i => (long)i), pins.Select(p => p.Event.Seq));
        Assert.All(pins, p => Assert.True(p.Pinned));
        Assert.Equal((207, true), (pins[0].Rev, (await Item(105)).Pinned));
        Assert.False((await Item(5)).Pinned);
    }

    [Fact]
    public async Task Only_a_message_is_found()
    {
        await MakeRoom();
        await Done(Send(Ann, "text"));
        await Done(Edit(Ann, 5, "text!"));
        Assert.Null(await Rooms.FindMessage(Tenant, Room, Ann, 1, Cancel));
        Assert.Null(await Rooms.FindMessage(Tenant, Room, Ann, 6, Cancel));
        Assert.Null(await Rooms.FindMessage(Tenant, Room, Ann, 7, Cancel));
        Assert.Null(await Rooms.FindMessage(Tenant, Room, Ann, long.MinValue, Cancel));
        Assert.NotNull(await Rooms.FindMessage(Tenant, Room, Ann, 5, Cancel));
    }
}
