using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>The table "who may what" of docs/protocol.md section 6, cell by cell, without any storage.</summary>
public class RoomRulesTests
{
    private const RoomRole Member = RoomRole.Member;
    private const RoomRole Moderator = RoomRole.Moderator;
    private const RoomRole Owner = RoomRole.Owner;

    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, TimeSpan.Zero);
    private static readonly TenantId Tenant = new(Guid.CreateVersion7(Now));
    private static readonly RoomId Room = RoomId.New(Now);
    private static readonly UserId Self = UserId.New(Now);
    private static readonly UserId Other = UserId.New(Now);

    private static RoomState State(RoomKind kind = RoomKind.Public) => new(Room, kind, "General", 1, null, 1, 1, 10, 5);

    private static RoomMember As(RoomRole role, UserId? user = null) => new(user ?? Self, role, 2, Now);

    private static MessageState Message(UserId sender) => new(7, sender, "text", 7, null, false, null);

    private static T Of<T>(T draft)
        where T : Draft => draft with { Tenant = Tenant, Room = Room, Sender = Self };

    private static void Is(bool allowed, Decision decision)
    {
        Assert.Equal(allowed ? null : RefusalCode.Forbidden, decision.Refusal?.Code);
        Assert.Equal(allowed ? [11L] : [], decision.Events.Select(e => e.Seq));
    }

    [Theory]
    [InlineData(Member)]
    [InlineData(Moderator)]
    [InlineData(Owner)]
    public void Everybody_sends_reacts_pins_and_edits_and_deletes_their_own(RoomRole role)
    {
        Is(true, RoomRules.Send(Of(new SendMessage("text") { Tenant = default, Room = default, Sender = default }), State(), As(role), null, Now));
        Is(true, RoomRules.React(Of(new React(7, "👍", true) { Tenant = default, Room = default, Sender = default }), State(), As(role), Message(Other), null, false, 0, Now));
        Is(true, RoomRules.Pin(Of(new Pin(7, true) { Tenant = default, Room = default, Sender = default }), State(), As(role), Message(Other), 0, Now));
        Is(true, RoomRules.Edit(Of(new EditMessage(7, "new") { Tenant = default, Room = default, Sender = default }), State(), As(role), Message(Self), Now));
        Is(true, RoomRules.Delete(Of(new DeleteMessage(7) { Tenant = default, Room = default, Sender = default }), State(), As(role), Message(Self), Now));
        Is(false, RoomRules.Edit(Of(new EditMessage(7, "new") { Tenant = default, Room = default, Sender = default }), State(), As(role), Message(Other), Now));
    }

    [Theory]
    [InlineData(Member, RoomKind.Public, true)]
    [InlineData(Member, RoomKind.Private, false)]
    [InlineData(Moderator, RoomKind.Public, true)]
    [InlineData(Moderator, RoomKind.Private, true)]
    [InlineData(Owner, RoomKind.Public, true)]
    [InlineData(Owner, RoomKind.Private, true)]
    [InlineData(Member, RoomKind.Direct, false)]
    public void Who_adds_members(RoomRole role, RoomKind kind, bool allowed) =>
        Is(allowed, RoomRules.Add(Of(new AddMember(Other, Member) { Tenant = default, Room = default, Sender = default }), State(kind), As(role), null, Now));

    [Theory]
    [InlineData(Member, Member, true)]
    [InlineData(Member, Moderator, false)]
    [InlineData(Member, Owner, false)]
    [InlineData(Moderator, Moderator, true)]
    [InlineData(Moderator, Owner, false)]
    [InlineData(Owner, Owner, true)]
    public void Nobody_gives_a_role_above_their_own(RoomRole role, RoomRole given, bool allowed) =>
        Is(allowed, RoomRules.Add(Of(new AddMember(Other, given) { Tenant = default, Room = default, Sender = default }), State(), As(role), null, Now));

    [Theory]
    [InlineData(Member, false)]
    [InlineData(Moderator, true)]
    [InlineData(Owner, true)]
    public void Who_renames_and_deletes_the_messages_of_others(RoomRole role, bool allowed)
    {
        Is(allowed, RoomRules.Update(Of(new UpdateRoom("New", null) { Tenant = default, Room = default, Sender = default }), State(), As(role), Now));
        Is(allowed, RoomRules.Update(Of(new UpdateRoom(null, "New") { Tenant = default, Room = default, Sender = default }), State(), As(role), Now));
        Is(allowed, RoomRules.Delete(Of(new DeleteMessage(7) { Tenant = default, Room = default, Sender = default }), State(), As(role), Message(Other), Now));
    }

    [Theory]
    [InlineData(Member, Member, false)]
    [InlineData(Member, Owner, false)]
    [InlineData(Moderator, Member, true)]
    [InlineData(Moderator, Moderator, false)]
    [InlineData(Moderator, Owner, false)]
    [InlineData(Owner, Member, true)]
    [InlineData(Owner, Moderator, true)]
    [InlineData(Owner, Owner, true)]
    public void Who_removes_whom(RoomRole role, RoomRole theirs, bool allowed) =>
        Is(allowed, RoomRules.Remove(Of(new RemoveMember(Other) { Tenant = default, Room = default, Sender = default }), State(), As(role), As(theirs, Other), 3, 2, Now));

    [Theory]
    [InlineData(Member, false)]
    [InlineData(Moderator, false)]
    [InlineData(Owner, true)]
    public void Who_changes_roles(RoomRole role, bool allowed) =>
        Is(allowed, RoomRules.Change(Of(new ChangeRole(Other, Moderator) { Tenant = default, Room = default, Sender = default }), State(), As(role), As(Member, Other), 3, 2, Now));

    [Theory]
    [InlineData(1, 5, RefusalCode.Conflict)]
    [InlineData(2, 5, null)]
    [InlineData(1, 1, null)]
    public void The_last_owner_stays_while_others_remain(int owners, int members, RefusalCode? code) =>
        Assert.Equal(code, RoomRules.Remove(
            Of(new RemoveMember(Self) { Tenant = default, Room = default, Sender = default }), State() with { Members = members }, As(Owner), As(Owner), 2, owners, Now).Refusal?.Code);

    [Theory]
    [InlineData(RoomKind.Public, null)]
    [InlineData(RoomKind.Private, RefusalCode.NotFound)]
    [InlineData(RoomKind.Direct, RefusalCode.NotFound)]
    public void Who_joins(RoomKind kind, RefusalCode? code) =>
        Assert.Equal(code, RoomRules.Join(Of(new JoinRoom { Tenant = default, Room = default, Sender = default }), State(kind), null, Now).Refusal?.Code);
}
