using Monstera.Tests.Data.Rooms;

namespace Monstera.Tests.Data.Sqlite;

public class SqliteRoomStoreTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new SqliteStorage();
}

public class SqliteRoomStoreModelTests : RoomStoreModelContract
{
    protected override StorageUnderTest OpenStorage() => new SqliteStorage();
}
