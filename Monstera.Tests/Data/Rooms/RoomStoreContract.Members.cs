using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

public abstract partial class RoomStoreContract
{
    private async Task<RoomRole?> RoleOf(UserId user) => (await Rooms.FindMember(Tenant, Room, user, Cancel))?.Role;

    [Fact]
    public async Task Creating_makes_the_room_and_its_members()
    {
        var create = new CreateRoom(RoomKind.Private, "Plans", "Of all kinds", [Bob, Ann, Bob, Cid]) { Tenant = Tenant, Room = Room, Sender = Ann, ClientId = Client(1) };
        AppendOutcome outcome = await Done(create);
        Assert.Equal(
            [EventType.RoomCreated, EventType.MemberJoined, EventType.MemberJoined, EventType.MemberJoined], outcome.Events.Select(e => e.Type));
        Assert.Equal([null, Ann, Bob, Cid], outcome.Events.Select(e => e.User));
        Assert.Equal([null, RoomRole.Owner, RoomRole.Member, RoomRole.Member], outcome.Events.Select(e => e.Role));
        Assert.Equal([Client(1), null, null, null], outcome.Events.Select(e => e.ClientId));
        Assert.Equal((RoomKind.Private, "Plans", "Of all kinds"), (outcome.Events[0].Kind, outcome.Events[0].Name, outcome.Events[0].Topic));
        Assert.Equal(outcome.Events, (await Log(Room))!.Events);
        Assert.Equal(new RoomInfo(Room, RoomKind.Private, "Plans", "Of all kinds", 1, 4, 3, Now), await Rooms.FindRoom(Tenant, Room, Cancel));
        Assert.Equal(new RoomMember(Bob, RoomRole.Member, 3, Now), await Rooms.FindMember(Tenant, Room, Bob, Cancel));
    }

    [Fact]
    public async Task Creating_a_room_that_is_there_changes_nothing_or_is_a_conflict()
    {
        await MakeRoom();
        await Unchanged(1, Create(Room, Bob, RoomKind.Public, "Other name"));
        await Refused(RefusalCode.Conflict, Create(Room, Ann, RoomKind.Private, "General"));
        await Refused(RefusalCode.Conflict, Create(Room, Dee, RoomKind.Public, "General"));
        AppendOutcome other = await Do(Create(Room, Ann, RoomKind.Public, "General") with { Tenant = OtherTenant });
        Assert.Equal(RefusalCode.Conflict, other.Refusal?.Code);
    }

    [Fact]
    public async Task A_direct_room_has_two_equal_members_and_keeps_them()
    {
        await Done(Create(Room, Ann, RoomKind.Direct, null, Bob));
        Assert.Equal((RoomRole.Member, RoomRole.Member), (await RoleOf(Ann), await RoleOf(Bob)));
        await Unchanged(1, Create(Room, Bob, RoomKind.Direct, null, Ann));
        await Done(Send(Ann, "hello"));
        await Done(Pin(Bob, 4));
        await Refused(RefusalCode.NotFound, Join(Cid));
        await Refused(RefusalCode.Forbidden, Add(Ann, Cid));
        await Refused(RefusalCode.Forbidden, Remove(Ann, Ann));
        await Refused(RefusalCode.Forbidden, Remove(Ann, Bob));
        await Refused(RefusalCode.Forbidden, Change(Ann, Bob, RoomRole.Owner));
        await Refused(RefusalCode.Forbidden, Update(Ann, "Name", null));
        await Refused(RefusalCode.Forbidden, Delete(Bob, 4));
        await Refused(RefusalCode.NotFound, Admit(Cid, "Name"));
        await Refused(RefusalCode.Conflict, Create(Room2, Ann, RoomKind.Direct, null, Bob, Cid));

        await Done(Create(Room2, Ann, RoomKind.Direct, null, Ann));
        Assert.Equal(1, (await Rooms.FindRoom(Tenant, Room2, Cancel))!.Members);
        IReadOnlyList<RoomSummary> summaries = (await Rooms.Summarize(Tenant, Ann, [new(Room, 0), new(Room2, 0)], Cancel)).Items;
        Assert.Equal([Bob, Ann], summaries.Select(s => s.With));
    }

    [Fact]
    public async Task Updating_says_what_changed()
    {
        await MakeRoom();
        await Refused(RefusalCode.Forbidden, Update(Bob, "Name", null));
        await Refused(RefusalCode.NotFound, Update(Dee, "Name", null));
        await Unchanged(1, Update(Ann, "General", ""));
        await Unchanged(1, Update(Ann, null, null));
        AppendOutcome outcome = await Done(Update(Ann, "General", "Topic"));
        Assert.Equal((EventType.RoomUpdated, null, "Topic"), (outcome.Events[0].Type, outcome.Events[0].Name, outcome.Events[0].Topic));
        await Done(Update(Ann, "Name", "Topic"));
        await Unchanged(5, Update(Ann, null, "Topic"));
        await Unchanged(6, Update(Ann, "Name", "Topic"));
        Assert.Equal(("Name", "Topic"), ((await Rooms.FindRoom(Tenant, Room, Cancel))!.Name, (await Rooms.FindRoom(Tenant, Room, Cancel))!.Topic));
        Assert.Equal("", (await Done(Update(Ann, null, ""))).Events[0].Topic);
        Assert.Null((await Rooms.FindRoom(Tenant, Room, Cancel))!.Topic);
        Assert.Equal(outcome.Events[0], (await Log(Room, after: 4))!.Events[0]);
        await Done(Change(Ann, Bob, RoomRole.Moderator));
        await Done(Update(Bob, "By a moderator", null));
    }

    [Fact]
    public async Task Joining_is_for_public_rooms()
    {
        await MakeRoom();
        await Done(Create(Room2, Ann, RoomKind.Private, "Private", Bob));
        AppendOutcome joined = await Done(Join(Dee));
        Assert.Equal((EventType.MemberJoined, Dee, Dee, RoomRole.Member), (joined.Events[0].Type, joined.Events[0].Sender, joined.Events[0].User, joined.Events[0].Role));
        await Unchanged(5, Join(Dee));
        await Unchanged(2, Join(Ann));
        await Refused(RefusalCode.NotFound, Join(Dee, Room2));
        await Refused(RefusalCode.NotFound, Join(Dee, new RoomId(Id(99))));
        Assert.Equal(3, (await Done(Join(Bob, Room2))).Seq);
    }

    [Fact]
    public async Task Who_may_add_members()
    {
        await MakeRoom();
        await Done(Add(Bob, Dee));
        await Unchanged(5, Add(Ann, Dee, RoomRole.Owner));
        Assert.Equal(RoomRole.Member, await RoleOf(Dee));
        UserId eve = new(Id(15));
        await Refused(RefusalCode.Forbidden, Add(Bob, eve, RoomRole.Moderator));
        await Refused(RefusalCode.NotFound, Add(eve, eve));
        await Done(Change(Ann, Bob, RoomRole.Moderator));
        await Refused(RefusalCode.Forbidden, Add(Bob, eve, RoomRole.Owner));
        Assert.Equal(RoomRole.Moderator, (await Done(Add(Bob, eve, RoomRole.Moderator))).Events[0].Role);
    }

    [Fact]
    public async Task Who_may_add_members_to_a_private_room()
    {
        await MakeRoom(RoomKind.Private);
        await Refused(RefusalCode.Forbidden, Add(Bob, Dee));
        await Refused(RefusalCode.Forbidden, Add(Bob, Cid));
        await Done(Change(Ann, Bob, RoomRole.Moderator));
        await Done(Add(Bob, Dee));
        Assert.Equal((RoomRole.Member, RoomRole.Owner), (await RoleOf(Dee), await RoleOf(Ann)));
    }

    [Fact]
    public async Task Who_may_remove_whom()
    {
        await MakeRoom();
        await Rooms.Append([Change(Ann, Bob, RoomRole.Moderator), Add(Ann, Dee, RoomRole.Moderator)], Now, Cancel);
        await Refused(RefusalCode.Forbidden, Remove(Cid, Bob));
        await Refused(RefusalCode.Forbidden, Remove(Cid, new UserId(Id(99))));
        await Refused(RefusalCode.Forbidden, Remove(Bob, Dee));
        await Refused(RefusalCode.Forbidden, Remove(Bob, Ann));
        await Unchanged(1, Remove(Bob, new UserId(Id(99))));
        AppendOutcome removed = await Done(Remove(Bob, Cid));
        Assert.Equal((EventType.MemberLeft, Bob, Cid, null), (removed.Events[0].Type, removed.Events[0].Sender, removed.Events[0].User, removed.Events[0].Role));
        await Unchanged(7, Remove(Bob, Cid));
        await Unchanged(7, Remove(Cid, Cid));
        await Refused(RefusalCode.NotFound, Send(Cid, "out"));
        await Done(Remove(Ann, Dee));
        await Done(Change(Ann, Bob, RoomRole.Owner));
        await Done(Remove(Bob, Ann));
        Assert.Equal(1, (await Rooms.FindRoom(Tenant, Room, Cancel))!.Members);
    }

    [Fact]
    public async Task Leaving_and_the_last_owner()
    {
        await MakeRoom();
        await Refused(RefusalCode.NotFound, Remove(Dee, Dee));
        await Refused(RefusalCode.Conflict, Remove(Ann, Ann));
        await Done(Remove(Bob, Bob));
        await Unchanged(5, Remove(Bob, Bob));
        await Done(Change(Ann, Cid, RoomRole.Owner));
        await Done(Remove(Ann, Ann));
        await Done(Remove(Cid, Cid));
        Assert.Equal(0, (await Rooms.FindRoom(Tenant, Room, Cancel))!.Members);
        Assert.Equal(9, (await Done(Join(Ann))).Seq);
        Assert.Equal(RoomRole.Member, await RoleOf(Ann));
    }

    [Fact]
    public async Task Many_are_looked_up_at_one_instant()
    {
        await MakeRoom();
        RoomStanding standing = (await Rooms.FindMembers(Tenant, Room, [Ann, Dee, Bob], Cancel))!;
        LogPage log = (await Log(Room))!;
        Assert.Equal((log.Epoch, log.Head), (standing.Epoch, standing.Head));
        Assert.Equal(new HashSet<UserId> { Ann, Bob }, standing.Members);

        await Done(Remove(Bob, Bob));
        standing = (await Rooms.FindMembers(Tenant, Room, [Bob, Cid], Cancel))!;
        Assert.Equal(log.Head + 1, standing.Head);
        Assert.Equal(new HashSet<UserId> { Cid }, standing.Members);
        Assert.Empty((await Rooms.FindMembers(Tenant, Room, [], Cancel))!.Members);
        Assert.Null(await Rooms.FindMembers(Tenant, Room2, [Ann], Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            async () => await Rooms.FindMembers(Tenant, Room, [.. Enumerable.Range(0, 1_001).Select(_ => new UserId(Guid.NewGuid()))], Cancel));
    }

    [Fact]
    public async Task Who_may_change_roles()
    {
        await MakeRoom();
        await Refused(RefusalCode.Forbidden, Change(Bob, Bob, RoomRole.Owner));
        await Refused(RefusalCode.NotFound, Change(Ann, Dee, RoomRole.Owner));
        await Refused(RefusalCode.NotFound, Change(Dee, Dee, RoomRole.Owner));
        await Refused(RefusalCode.Conflict, Change(Ann, Ann, RoomRole.Member));
        await Unchanged(2, Change(Ann, Ann, RoomRole.Owner));
        await Done(Change(Ann, Bob, RoomRole.Moderator));
        await Refused(RefusalCode.Forbidden, Change(Bob, Cid, RoomRole.Moderator));
        await Unchanged(5, Change(Ann, Bob, RoomRole.Moderator));
        Assert.Equal((RoomRole.Moderator, 3), (await RoleOf(Bob), (await Rooms.FindMember(Tenant, Room, Bob, Cancel))!.JoinedSeq));
        await Done(Change(Ann, Bob, RoomRole.Owner));
        await Done(Change(Bob, Ann, RoomRole.Member));
        Assert.Equal(RoomRole.Member, await RoleOf(Ann));
    }

    [Fact]
    public async Task Admitting_makes_the_room_and_the_member()
    {
        AppendOutcome made = await Done(Admit(Ann, "Host's room"));
        Assert.Equal([EventType.RoomCreated, EventType.MemberJoined], made.Events.Select(e => e.Type));
        Assert.Equal(new RoomInfo(Room, RoomKind.Private, "Host's room", null, 1, 2, 1, Now), await Rooms.FindRoom(Tenant, Room, Cancel));
        Assert.Equal(RoomRole.Owner, await RoleOf(Ann));
        await Unchanged(2, Admit(Ann, "Other name"));
        Assert.Equal(3, (await Done(Admit(Bob, "Other name"))).Seq);
        Assert.Equal(RoomRole.Member, await RoleOf(Bob));
        AppendOutcome other = await Do(Admit(Ann, "Host's room") with { Tenant = OtherTenant });
        Assert.Equal(RefusalCode.NotFound, other.Refusal?.Code);
    }

    [Fact]
    public async Task Members_are_read_by_id_in_pages()
    {
        UserId[] users = [.. Enumerable.Range(0, 25).Select(i => new UserId(Id(100 + i)))];
        await Done(Create(Room, Ann, RoomKind.Public, "General", users));
        List<UserId> read = [];
        string? after = null;
        do
        {
            Page<RoomMember> page = (await Rooms.ReadMembers(Tenant, Room, Ann, after, 10, Cancel))!;
            Assert.InRange(page.Items.Count, 1, 10);
            read.AddRange(page.Items.Select(m => m.User));
            after = page.Next;
        }
        while (after is not null);

        Assert.Equal(users.Append(Ann).OrderBy(u => u.ToString(), StringComparer.Ordinal), read);
        Assert.Null((await Rooms.ReadMembers(Tenant, Room, Ann, null, 26, Cancel))!.Next);
    }

    [Fact]
    public async Task Membership_changes_go_to_the_outbox_until_they_are_acknowledged()
    {
        await MakeRoom();
        await Refused(RefusalCode.NotFound, Send(Dee, "x"));
        await Done(Change(Ann, Bob, RoomRole.Moderator));
        await Done(Remove(Cid, Cid));
        IMembershipOutbox Outbox() => Rooms.Outboxes[Rooms.PartitionOf(Room)];
        IReadOnlyList<MembershipChange> changes = await Outbox().Read(100, Cancel);
        Assert.Equal([(Ann, 2, true), (Bob, 3, true), (Cid, 4, true), (Cid, 6, false)], changes.Select(c => (c.User, c.Seq, c.Member)));
        Assert.All(changes, c => Assert.Equal((Tenant, Room, Now), (c.Tenant, c.Room, c.At)));
        Assert.Equal(changes.Select(c => c.Id).Order(), changes.Select(c => c.Id));
        Assert.Equal(changes.Take(2), await Outbox().Read(2, Cancel));

        await Outbox().Acknowledge(changes[1].Id, Cancel);
        Assert.Equal(changes.Skip(2), await Outbox().Read(100, Cancel));
        await Outbox().Acknowledge(changes[^1].Id, Cancel);
        Storage.Reopen();
        await Done(Join(Cid));
        Assert.True(Assert.Single(await Outbox().Read(100, Cancel)).Id > changes[^1].Id);
    }
}
