using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

// A tenant is a wall. Every method of the contract has a case here that tries to look over it, and a test sees to it that none is forgotten.
public abstract partial class RoomStoreContract
{
    /// <summary>By contract of all tenants: only the server itself calls these.</summary>
    private static readonly string[] OfAllTenants = [$"get_{nameof(IRoomStore.Partitions)}", $"get_{nameof(IRoomStore.Outboxes)}", nameof(IRoomStore.PartitionOf)];

    /// <summary>Calls each method for a room of <see cref="Tenant"/> with its member Ann, but in the name of another tenant.</summary>
    private Dictionary<string, Func<Task>> Intrusions() => new()
    {
        [nameof(IRoomStore.Append)] = IntrudeWithDrafts,
        [nameof(IRoomStore.ReadAfter)] = async () =>
        {
            Assert.Null(await Rooms.ReadAfter(OtherTenant, Room, Ann, 0, 10, 1000, Cancel));
            Assert.Null(await Rooms.ReadAfter(OtherTenant, Room, null, 0, 10, 1000, Cancel));
        },
        [nameof(IRoomStore.ReadTimeline)] = async () =>
            Assert.Null(await Rooms.ReadTimeline(OtherTenant, Room, Ann, new TimelineQuery.Newest(), 10, Cancel)),
        [nameof(IRoomStore.FindMessage)] = async () => Assert.Null(await Rooms.FindMessage(OtherTenant, Room, Ann, 5, Cancel)),
        [nameof(IRoomStore.ReadPins)] = async () => Assert.Null(await Rooms.ReadPins(OtherTenant, Room, Ann, Cancel)),
        [nameof(IRoomStore.ReadHeads)] = async () => Assert.Empty((await Rooms.ReadHeads(OtherTenant, [Room], Cancel)).Items),
        [nameof(IRoomStore.FindRoom)] = async () => Assert.Null(await Rooms.FindRoom(OtherTenant, Room, Cancel)),
        [nameof(IRoomStore.FindMember)] = async () => Assert.Null(await Rooms.FindMember(OtherTenant, Room, Ann, Cancel)),
        [nameof(IRoomStore.FindMembers)] = async () => Assert.Null(await Rooms.FindMembers(OtherTenant, Room, [Ann], Cancel)),
        [nameof(IRoomStore.ReadMembers)] = async () => Assert.Null(await Rooms.ReadMembers(OtherTenant, Room, Ann, null, 10, Cancel)),
        [nameof(IRoomStore.Summarize)] = async () => Assert.Empty((await Rooms.Summarize(OtherTenant, Ann, [new ReadMarker(Room, 0)], Cancel)).Items),
        [nameof(IRoomStore.CountUnread)] = async () => Assert.Null(await Rooms.CountUnread(OtherTenant, Room, Ann, 0, Cancel)),
        [nameof(IRoomStore.ReadPublicRooms)] = async () => Assert.Empty((await Rooms.ReadPublicRooms(OtherTenant, Ann, null, null, 10, Cancel)).Items),
    };

    private async Task IntrudeWithDrafts()
    {
        Draft[] drafts =
        [
            Send(Ann, "intruder"), Send(Ann, "retry", Client(1)), Edit(Ann, 5, "intruder"), Delete(Ann, 5), React(Ann, 5, "👎"), Pin(Ann, 5, on: false), Update(Ann, "intruder", null),
            Join(Dee), Add(Ann, Dee), Remove(Ann, Bob), Remove(Ann, Ann), Change(Ann, Bob, RoomRole.Owner), Admit(Dee, "intruder"),
            Create(Room, Ann, RoomKind.Public, "General"),
        ];
        Assert.Equal(Subclasses<Draft>(), drafts.Select(d => d.GetType()).Distinct().OrderBy(t => t.Name));
        IReadOnlyList<AppendOutcome> outcomes = await Rooms.Append([.. drafts.Select(d => d with { Tenant = OtherTenant })], Now, Cancel);
        Assert.All(outcomes, (outcome, i) =>
            Assert.Equal(drafts[i] is CreateRoom ? RefusalCode.Conflict : RefusalCode.NotFound, outcome.Refusal?.Code));
    }

    [Fact]
    public async Task No_call_sees_or_changes_a_room_of_another_tenant()
    {
        await MakeRoom();
        await Rooms.Append([Send(Ann, "text", Client(1)), Pin(Ann, 5), React(Bob, 5, "👍")], Now, Cancel);
        LogPage before = (await Log(Room))!;
        RoomInfo? info = await Rooms.FindRoom(Tenant, Room, Cancel);
        int changes = (await Rooms.Outboxes[Rooms.PartitionOf(Room)].Read(100, Cancel)).Count;
        foreach (bool warm in new[] { true, false })
        {
            if (!warm)
            {
                Storage.Reopen();
            }

            foreach (Func<Task> intrusion in Intrusions().Values)
            {
                await intrusion();
                Assert.Equal(before.Events, (await Log(Room))!.Events);
            }
        }

        Assert.Equal(info, await Rooms.FindRoom(Tenant, Room, Cancel));
        Assert.Equal(changes, (await Rooms.Outboxes[Rooms.PartitionOf(Room)].Read(100, Cancel)).Count);
        Assert.Null(await Rooms.FindRoom(OtherTenant, Room, Cancel));
    }

    [Fact]
    public void No_method_is_without_a_case() =>
        Assert.Equal(
            typeof(IRoomStore).GetMethods().Select(m => m.Name).Distinct().Order(),
            Intrusions().Keys.Concat(OfAllTenants).Order());
}
