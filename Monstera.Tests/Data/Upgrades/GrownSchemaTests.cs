using Monstera.Tests.Data.Directory;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Data.Rooms;
using Monstera.Tests.Data.Sqlite;

namespace Monstera.Tests.Data.Upgrades;

// This server on the schema of a later version that only adds: everything that stores promise holds there too (docs/upgrading.md).
public class GrownSqliteRoomsTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new SqliteStorage(grown: true);
}

public class GrownSqliteDirectoryTests : DirectoryContract
{
    protected override StorageUnderTest OpenStorage() => new SqliteStorage(grown: true);
}

public class GrownPostgresRoomsTests : RoomStoreContract
{
    protected override StorageUnderTest OpenStorage() => new PostgresStorage(grown: true);
}

public class GrownPostgresDirectoryTests : DirectoryContract
{
    protected override StorageUnderTest OpenStorage() => new PostgresStorage(grown: true);
}
