using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Postgres;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

public abstract partial class RoomArchiveContract
{
    private static readonly string[] OddTexts =
    [
        "", " ", "\u0001\u001f\u007f", "\ufeffa\u200b\u200d", "e\u0301 é", "葵と日本語のテスト、ｶﾀｶﾅ", "👩‍👩‍👧 🇯🇵", "\u2028\u2029\r\n\t", """\ " ' % _ {} $1 ?1""", "𠮷\uffff\U0010FFFF",
        new('長', 20_000),
    ];

    // In the order of UTF-16 and in that of bytes, which differ.
    private static readonly string[] OddEmoji = ["😀", "！", "+1", "\ue000", "é", "e\u0301", "Z", "a"];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Odd_texts_and_many_members_are_copied_as_they_are(bool sameProvider)
    {
        var random = new Random(7);
        UserId[] many = [.. Enumerable.Range(0, 40).Select(_ => new UserId(RandomId(random)))];
        IRoomStore store = From.Storage.Rooms;
        await store.Do(Create(Room(1), [Bob, .. many]) with { Name = "Ｇeneral 葵", Topic = "" });
        await store.Append([.. OddTexts.Select((text, i) => Send(Room(1), text, i))], Now, Cancel);
        long last = (await store.ReadHeads(Tenant, [Room(1)], Cancel)).Items[0].Head;
        await store.Append(
            [.. from user in many from emoji in OddEmoji.OrderBy(_ => random.Next()) select new React(last, emoji, true) { Tenant = Tenant, Room = Room(1), Sender = user }], Now.AddMinutes(1), Cancel);
        await store.Append(
            [
                new EditMessage(last, "葵") { Tenant = Tenant, Room = Room(1), Sender = Ann }, new React(last, "é", false) { Tenant = Tenant, Room = Room(1), Sender = many[0] },
                new UpdateRoom("ﾌﾟﾗﾝ", "…") { Tenant = Tenant, Room = Room(1), Sender = Ann },
            ],
            Now.AddDays(1), Cancel);

        await Copy(sameProvider);

        AssertSameDigests(From, To(sameProvider));
        Assert.Equal(OddTexts, (await To(sameProvider).Storage.Rooms.Log(Room(1))).Where(e => e.Type == EventType.MessageCreated).Select(e => e.Text));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_deleted_after_it_was_copied_is_erased_from_the_copy(bool sameProvider)
    {
        await From.Storage.Rooms.Append(
            [Create(Room(1), Bob), Send(Room(1), "the-secret"), new EditMessage(4, "the-secret, edited") { Tenant = Tenant, Room = Room(1), Sender = Ann }], Now, Cancel);
        IReadOnlyList<RoomEvent> before = await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel);
        ArchiveUnderTest to = To(sameProvider);
        await to.Archive.Write([new LogPart(Room(1), Tenant, 1, before)], Cancel);
        Assert.True(to.Holds("the-secret"));

        await From.Storage.Rooms.Do(new DeleteMessage(4) { Tenant = Tenant, Room = Room(1), Sender = Ann });
        await Copy(sameProvider);
        Assert.False(to.Holds("the-secret"));
        AssertSameDigests(From, to);

        // What was read before brings it no more.
        await to.Archive.Write([new LogPart(Room(1), Tenant, 1, before)], Cancel);
        Assert.False(to.Holds("the-secret"));
    }

    [Fact]
    public async Task A_part_with_a_text_and_its_deletion_brings_no_text()
    {
        await From.Storage.Rooms.Append([Create(Room(1)), Send(Room(1), "the-secret"), Send(Room(1), "b")], Now, Cancel);
        IReadOnlyList<RoomEvent> before = await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel);
        await From.Storage.Rooms.Do(new DeleteMessage(3) { Tenant = Tenant, Room = Room(1), Sender = Ann });
        IReadOnlyList<RoomEvent> after = await From.Archive.ReadLog(Tenant, Room(1), 4, 100, int.MaxValue, Cancel);

        await To(true).Archive.Write([new LogPart(Room(1), Tenant, 1, [.. before, .. after])], Cancel);
        Assert.False(To(true).Holds("the-secret"));
        AssertSameDigests(From, To(true));
    }

    [Fact]
    public async Task A_digest_tells_what_a_message_said_from_every_other_message()
    {
        await From.Storage.Rooms.Append([Create(Room(1), Bob), Send(Room(1), "a"), Send(Room(1), "b", 1) with { ReplyTo = 4 }], Now, Cancel);
        RoomEvent[] log = [.. await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel)];
        RoomEvent reply = log[^1];
        RoomEvent[] others = [reply with { ReplyTo = null }, reply with { Text = "c" }, reply with { Sender = Bob }, reply with { At = reply.At.AddMilliseconds(1) }, reply with { ClientId = null }];
        HashSet<string> digests = [await Digest(reply)];
        Assert.Contains(await Digest(reply), digests);
        foreach (RoomEvent other in others)
        {
            Assert.True(digests.Add(await Digest(other)), other.ToString());
        }

        async Task<string> Digest(RoomEvent last)
        {
            await To(true).Archive.Remove(Tenant, [Room(1)], Cancel);
            await To(true).Archive.Write([new LogPart(Room(1), Tenant, 1, [.. log[..^1], last])], Cancel);
            return (await To(true).Archive.Digest(Tenant, Room(1), Cancel))!.Sha256;
        }
    }

    [Fact]
    public async Task The_copy_has_the_epoch_of_the_part()
    {
        await From.Storage.Rooms.Append([Create(Room(1)), Send(Room(1), "a")], Now, Cancel);
        IReadOnlyList<RoomEvent> log = await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel);
        IRoomArchive to = To(true).Archive;
        await to.Write([new LogPart(Room(1), Tenant, 7, log)], Cancel);
        Assert.Equal(7, (await to.Digest(Tenant, Room(1), Cancel))!.Epoch);
        Assert.Equal(7, (await To(true).Storage.Rooms.FindRoom(Tenant, Room(1), Cancel))!.Epoch);

        // Also when it brings nothing else.
        await to.Write([new LogPart(Room(1), Tenant, 8, [])], Cancel);
        Assert.Equal(8, (await To(true).Storage.Rooms.Do(Send(Room(1), "b"))).Epoch);
        Assert.Equal([new ArchivedRoom(Room(1), Tenant, 8, 4)], await to.ReadRooms(null, null, 10, Cancel));
    }

    [Fact]
    public async Task Rooms_are_listed_by_slot_in_the_order_of_their_ids()
    {
        Draft[] drafts = [.. Enumerable.Range(0, 30).Select(i => Create(Room(29 - i)) with { Tenant = i % 3 == 0 ? OtherTenant : Tenant })];
        await From.Storage.Rooms.Append(drafts, Now, Cancel);
        RoomId[] all = [.. Enumerable.Range(0, 30).Select(Room).OrderBy(room => room.ToString(), StringComparer.Ordinal)];
        Assert.Equal(all, Rooms(From).Select(room => room.Id));
        Assert.Equal(10, Rooms(From).Count(room => room.Tenant == OtherTenant));
        Assert.All(Rooms(From), room => Assert.Equal((1, 2), (room.Epoch, room.Head)));

        short[] slots = [Slot.Of(all[3]), Slot.Of(all[17]), Slot.Of(all[29])];
        Assert.Equal([all[3], all[17]], (await From.Archive.ReadRooms(slots, null, 2, Cancel)).Select(room => room.Id));
        Assert.Equal([all[29]], (await From.Archive.ReadRooms(slots, all[17], 2, Cancel)).Select(room => room.Id));
        Assert.Empty(await From.Archive.ReadRooms([], null, 2, Cancel));
    }

    [Fact]
    public async Task A_room_that_is_not_there_is_empty()
    {
        await From.Storage.Rooms.Do(Create(Room(1)));
        Assert.Empty(await From.Archive.ReadLog(Tenant, Room(2), 0, 10, 1_000, Cancel));
        Assert.Empty(await From.Archive.ReadLog(OtherTenant, Room(1), 0, 10, 1_000, Cancel));
        Assert.Null(await From.Archive.Digest(Tenant, Room(2), Cancel));
        Assert.Null(await From.Archive.Digest(OtherTenant, Room(1), Cancel));
        await From.Archive.Remove(OtherTenant, [Room(1), Room(2)], Cancel);
        Assert.Single(Rooms(From));
    }

    [Fact]
    public async Task What_is_removed_is_gone_and_the_rest_stays()
    {
        await Fill(Tenant, Room(1), "first-text");
        await Fill(OtherTenant, Room(2), "other-text");
        await Copy(sameProvider: true);
        ArchiveUnderTest to = To(true);
        RoomDigest? stays = await to.Archive.Digest(OtherTenant, Room(2), Cancel);

        await to.Archive.Remove(Tenant, [Room(1), Room(9)], Cancel);
        Assert.False(to.Holds("first-text"));
        Assert.True(to.Holds("other-text"));
        Assert.Equal(stays, await to.Archive.Digest(OtherTenant, Room(2), Cancel));
        await to.Archive.Remove(OtherTenant, [Room(2)], Cancel);
        Assert.Equal(0, to.CountRows());

        // The way is free for another copy.
        await Copy(sameProvider: true);
        AssertSameDigests(From, to);
    }

    [Fact]
    public async Task Members_and_what_became_of_memberships_are_read()
    {
        var random = new Random(5);
        UserId[] many = [.. Enumerable.Range(0, 7).Select(_ => new UserId(RandomId(random))).OrderBy(user => user.ToString(), StringComparer.Ordinal)];
        IRoomStore store = From.Storage.Rooms;
        await store.Append([Create(Room(1), [Bob, .. many]), Create(Room(2))], Now, Cancel);
        await store.Append(
            [new RemoveMember(Bob) { Tenant = Tenant, Room = Room(1), Sender = Bob }, new ChangeRole(many[0], RoomRole.Moderator) { Tenant = Tenant, Room = Room(1), Sender = Ann }],
            Now.AddMinutes(1), Cancel);

        UserId[] all = [.. many.Append(Ann).OrderBy(user => user.ToString(), StringComparer.Ordinal)];
        Assert.Equal(all, (await From.Archive.ReadMembers(Tenant, Room(1), null, 100, Cancel)).Select(member => member.User));
        Assert.Equal(all[3..5], (await From.Archive.ReadMembers(Tenant, Room(1), all[2], 2, Cancel)).Select(member => member.User));
        Assert.Equal(await store.FindMember(Tenant, Room(1), many[0], Cancel), (await From.Archive.ReadMembers(Tenant, Room(1), null, 100, Cancel)).Single(m => m.User == many[0]));
        Assert.Empty(await From.Archive.ReadMembers(OtherTenant, Room(1), null, 100, Cancel));

        (RoomId, UserId)[] pairs = [(Room(1), Ann), (Room(1), Bob), (Room(1), many[0]), (Room(2), Bob), (Room(2), Ann), (Room(9), Ann)];
        Assert.Equal(
            [(Room(1), Ann, 2, true, Now), (Room(1), Bob, 11, false, Now.AddMinutes(1)), (Room(1), many[0], JoinOf(many[0]), true, Now), (Room(2), Ann, 2, true, Now)],
            (await From.Archive.ReadMemberships(Tenant, pairs, Cancel)).Select(c => (c.Room, c.User, c.Seq, c.Member, c.At)).OrderBy(c => Array.IndexOf(pairs, (c.Room, c.User))));
        Assert.Empty(await From.Archive.ReadMemberships(OtherTenant, pairs, Cancel));

        long JoinOf(UserId user) => Wait(store.FindMember(Tenant, Room(1), user, default))!.JoinedSeq;
    }

    private async Task Fill(TenantId tenant, RoomId room, string text) => await From.Storage.Rooms.Append(
        [
            Create(room, Bob) with { Tenant = tenant, Name = $"{text} name" }, Send(room, text) with { Tenant = tenant },
            new EditMessage(4, $"{text}, edited") { Tenant = tenant, Room = room, Sender = Ann }, new React(4, text, true) { Tenant = tenant, Room = room, Sender = Bob },
            new Pin(4, true) { Tenant = tenant, Room = room, Sender = Ann }, new UpdateRoom(null, $"{text} topic") { Tenant = tenant, Room = room, Sender = Ann },
        ],
        Now, Cancel);

    /// <summary>All of it, in one call.</summary>
    private async Task Copy(bool sameProvider)
    {
        List<LogPart> parts = [];
        foreach (ArchivedRoom room in Rooms(From))
        {
            parts.Add(new LogPart(room.Id, room.Tenant, room.Epoch, await From.Archive.ReadLog(room.Tenant, room.Id, 0, 100_000, int.MaxValue, Cancel)));
        }

        await To(sameProvider).Archive.Write(parts, Cancel);
    }

    private static Guid RandomId(Random random)
    {
        byte[] bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes, bigEndian: true);
    }
}
