using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Directory;

public abstract partial class DirectoryContract
{
    private static readonly UserId Ann = new(Id(11));
    private static readonly RoomId Room = new(Id(21));

    private static MembershipChange Change(TenantId tenant, long seq, bool member, RoomId? room = null, UserId? user = null) =>
        new(seq, tenant, user ?? Ann, room ?? Room, seq, member, Now.AddMinutes(seq));

    private async Task Apply(params MembershipChange[] changes) => await Directory.ApplyMemberships(changes, Cancel);

    [Fact]
    public async Task A_membership_is_in_the_list_while_it_lasts()
    {
        TenantId tenant = await ATenant();
        await Apply(Change(tenant, 7, true));
        Assert.Equal(new UserRoom(Room, 7, Now.AddMinutes(7), 7), await Directory.FindRoom(tenant, Ann, Room, Cancel));
        Assert.Single((await Directory.ReadRooms(tenant, Ann, null, 10, Cancel)).Items);
        await Apply(Change(tenant, 9, false));
        Assert.Null(await Directory.FindRoom(tenant, Ann, Room, Cancel));
        Assert.Empty((await Directory.ReadRooms(tenant, Ann, null, 10, Cancel)).Items);
        await Apply();
    }

    /// <summary>Whenever and however often the changes come, the end is the same.</summary>
    [Fact]
    public async Task The_change_with_the_greatest_seq_counts_in_any_order()
    {
        TenantId tenant = await ATenant();
        MembershipChange[] changes = [Change(tenant, 3, true), Change(tenant, 5, false), Change(tenant, 8, true)];
        int n = 0;
        foreach (int[] order in new int[][] { [0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1, 2, 0], [0, 0, 2, 2, 1, 1] })
        {
            RoomId room = new(Id(100 + n++));
            foreach (int i in order)
            {
                await Apply(changes[i] with { Room = room });
            }

            Assert.Equal(new UserRoom(room, 8, Now.AddMinutes(8), 8), await Directory.FindRoom(tenant, Ann, room, Cancel));
            await Apply([.. order.Select(i => changes[i] with { Room = room, User = new UserId(Id(12)) })]);
            Assert.Equal(new UserRoom(room, 8, Now.AddMinutes(8), 8), await Directory.FindRoom(tenant, new UserId(Id(12)), room, Cancel));
        }

        await Apply(Change(tenant, 9, false), Change(tenant, 8, true));
        Assert.Null(await Directory.FindRoom(tenant, Ann, Room, Cancel));
    }

    [Fact]
    public async Task The_read_marker_never_goes_back()
    {
        TenantId tenant = await ATenant();
        await Apply(Change(tenant, 3, true));
        Assert.Equal(10, await Directory.MarkRead(tenant, Ann, Room, 10, Cancel));
        Assert.Equal(10, await Directory.MarkRead(tenant, Ann, Room, 6, Cancel));
        Assert.Equal(10, await Directory.MarkRead(tenant, Ann, Room, -1, Cancel));
        await Apply(Change(tenant, 4, false), Change(tenant, 5, true));
        Storage.Reopen();
        Assert.Equal(new UserRoom(Room, 5, Now.AddMinutes(5), 10), await Directory.FindRoom(tenant, Ann, Room, Cancel));
        await Apply(Change(tenant, 20, false));
        Assert.Equal(0, await Directory.MarkRead(tenant, Ann, Room, 30, Cancel));
        await Apply(Change(tenant, 25, true));
        Assert.Equal(25, (await Directory.FindRoom(tenant, Ann, Room, Cancel))!.ReadSeq);
        Assert.Equal(0, await Directory.MarkRead(tenant, Ann, new RoomId(Id(99)), 30, Cancel));
        Assert.Null(await Directory.FindRoom(tenant, Ann, new RoomId(Id(99)), Cancel));
    }

    [Fact]
    public async Task Markers_moved_at_once_end_at_the_greatest()
    {
        TenantId tenant = await ATenant();
        await Apply(Change(tenant, 1, true));
        await Task.WhenAll(Enumerable.Range(1, 50).Select(i => Task.Run(async () => await Directory.MarkRead(tenant, Ann, Room, i * 7 % 53, Cancel), Cancel)));
        Assert.Equal(52, (await Directory.FindRoom(tenant, Ann, Room, Cancel))!.ReadSeq);
    }

    [Fact]
    public async Task The_list_is_by_room_id_in_pages()
    {
        TenantId tenant = await ATenant();
        RoomId[] rooms = [.. Enumerable.Range(0, 25).Select(i => new RoomId(Id(100 + (i * 7 % 25))))];
        await Apply([.. rooms.Select((room, i) => Change(tenant, i + 1, true, room))]);
        await Apply(Change(tenant, 1, true, user: new UserId(Id(12))));
        List<RoomId> read = [];
        string? after = null;
        do
        {
            Page<UserRoom> page = await Directory.ReadRooms(tenant, Ann, after, 10, Cancel);
            Assert.InRange(page.Items.Count, 1, 10);
            read.AddRange(page.Items.Select(r => r.Room));
            after = page.Next;
        }
        while (after is not null);

        Assert.Equal(rooms.OrderBy(r => r.ToString(), StringComparer.Ordinal), read);
        await Assert.ThrowsAsync<FormatException>(async () => await Directory.ReadRooms(tenant, Ann, "AAAA", 10, Cancel));
    }
}
