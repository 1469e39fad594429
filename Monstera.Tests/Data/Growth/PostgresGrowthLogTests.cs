using Monstera.Data.Growth;
using Monstera.Data.Postgres.Directory;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Data.Growth;

public sealed class PostgresGrowthLogTests : GrowthLogContract
{
    private readonly PostgresDirectoryStorage _storage = new();

    public PostgresGrowthLogTests() => Log = new PostgresGrowthLog(_storage.OpenDatabase());

    protected override IGrowthLog Log { get; }

    public override void Dispose() => _storage.Dispose();
}
