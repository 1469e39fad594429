using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Tests.Data.Archive;

namespace Monstera.Tests.Data.Postgres;

public sealed class PostgresDirectoryArchiveTests : DirectoryArchiveContract
{
    private readonly PostgresDirectoryStorage _storage = new();
    private readonly PostgresDatabase _owner;

    public PostgresDirectoryArchiveTests() => _owner = PostgresDatabase.OpenAsOwner(
        new PostgresOptions { ConnectionString = _storage.AppConnection, OwnerConnectionString = _storage.OwnerConnection }, PostgresParts.Directory);

    protected override IDirectoryArchive Archive => new PostgresDirectoryArchive(_owner);

    protected override IDirectory Directory => _storage.Directory;

    public override void Dispose()
    {
        _owner.Dispose();
        _storage.Dispose();
    }
}
