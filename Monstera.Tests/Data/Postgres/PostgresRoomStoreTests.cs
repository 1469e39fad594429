using Monstera.Tests.Data.Rooms;

namespace Monstera.Tests.Data.Postgres;

public class PostgresRoomStoreTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new PostgresStorage();
}

public class PostgresRoomStoreModelTests : RoomStoreModelContract
{
    protected override int Histories => 40;

    protected override StorageUnderTest OpenStorage() => new PostgresStorage();
}

/// <summary>Through PgBouncer in transaction mode, where nothing may rest on a session.</summary>
public class PostgresRoomStorePoolerTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new PostgresStorage(pooler: true);
}
