using Monstera.Tests.Data.Rooms;

namespace Monstera.Tests.Data.Sharding;

public class ShardedRoomStoreTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new ThreeShards();
}

public class ShardedRoomStoreModelTests : RoomStoreModelContract
{
    protected override int Histories => 25;

    protected override StorageUnderTest OpenStorage() => new ThreeShards();
}
