using Monstera.Tests.Data.Directory;

namespace Monstera.Tests.Data.Sqlite;

public class SqliteDirectoryTests : DirectoryContract
{
    protected override StorageUnderTest OpenStorage() => new SqliteStorage();
}
