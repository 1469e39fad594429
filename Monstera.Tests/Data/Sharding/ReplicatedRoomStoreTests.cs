using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Data.Rooms;

namespace Monstera.Tests.Data.Sharding;

/// <summary>The contract, with history read from a standby.</summary>
public class ReplicatedRoomStoreTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new ReplicatedStorage();

    [Fact]
    public async Task History_of_the_contract_is_read_from_the_replica()
    {
        await MakeRoom();
        await Done(Send(Ann, "a"));
        TimelinePage page = (await Rooms.ReadTimeline(Tenant, Room, Bob, new TimelineQuery.Newest(), 10, Cancel))!;
        Assert.Equal((5, "a"), (page.Head, page.Items[^1].Event.Text));
        Assert.Null(await Rooms.ReadTimeline(Tenant, Room, Dee, new TimelineQuery.Newest(), 10, Cancel));
        HistoryReads reads = ((ReplicatedStorage)Storage).Reads;
        Assert.Equal((1, 1), (reads.Of(HistorySource.Replica), reads.Of(HistorySource.Unknown)));
    }
}
