using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Archive;

namespace Monstera.Tests.Data.Sqlite;

public sealed class SqliteDirectoryArchiveTests : DirectoryArchiveContract
{
    private readonly SqliteStorage _storage = new();

    protected override IDirectoryArchive Archive => new SqliteDirectoryArchive(_storage.Database);

    protected override IDirectory Directory => _storage.Directory;

    public override void Dispose() => _storage.Dispose();

    [Fact]
    public async Task Beside_the_owner_it_is_read_and_never_written()
    {
        Tenant tenant = await Directory.EnsureTenant("green", Postgres.PostgresDesk.Now, TestContext.Current.CancellationToken);
        using SqliteDatabase beside = SqliteDatabase.OpenReadOnly(_storage.Folder);
        var archive = new SqliteDirectoryArchive(beside);
        Assert.Equal([tenant.Id], (await archive.ReadTenants(null, 10, TestContext.Current.CancellationToken)).Select(row => row.Tenant));
        Installation installation = await archive.ReadInstallation(TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await archive.TrySetInstallation(installation, installation with { State = InstallationState.ReceivesCopy }, TestContext.Current.CancellationToken));
        Assert.Null(SqliteDatabase.TryOpen(_storage.Folder));
        Assert.Equal(InstallationState.Served, (await Archive.ReadInstallation(TestContext.Current.CancellationToken)).State);
    }
}
