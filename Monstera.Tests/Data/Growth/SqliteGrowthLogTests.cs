using Monstera.Data.Growth;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Sqlite;

namespace Monstera.Tests.Data.Growth;

public sealed class SqliteGrowthLogTests : GrowthLogContract
{
    private readonly SqliteStorage _storage = new();

    public SqliteGrowthLogTests() => Log = new SqliteGrowthLog(_storage.Database);

    protected override IGrowthLog Log { get; }

    public override void Dispose() => _storage.Dispose();
}
