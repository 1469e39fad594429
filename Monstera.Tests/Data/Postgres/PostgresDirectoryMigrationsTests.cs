using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Npgsql;

namespace Monstera.Tests.Data.Postgres;

public sealed class PostgresDirectoryMigrationsTests
{
    [Fact]
    public void Migrations_are_numbered_from_one_without_a_gap()
    {
        Assert.NotEmpty(PostgresDirectory.Schema.Migrations);
        Assert.Equal(Enumerable.Range(1, PostgresDirectory.Schema.Migrations.Count), PostgresDirectory.Schema.Migrations.Select(m => m.Version));
        Assert.All(PostgresDirectory.Schema.Migrations, m => Assert.Matches("^[0-9]{4}_[a-z_]+$", m.Name));
    }

    /// <summary>What was released is not edited: databases out there were made by it. A change is a further file.</summary>
    [Theory]
    [InlineData(1, "0001_directory")]
    [InlineData(2, "0002_shards")]
    [InlineData(3, "0003_installation")]
    public void Released_migrations_are_as_they_were(int version, string name)
    {
        using Stream frozen = typeof(PostgresDirectoryMigrationsTests).Assembly.GetManifestResourceStream($"postgres_{name}.frozen.sql")!;
        using var reader = new StreamReader(frozen);
        Assert.Equal(new Migration(version, name, reader.ReadToEnd()).Checksum, PostgresDirectory.Schema.Migrations[version - 1].Checksum);
    }

    [Fact]
    public async Task An_empty_database_gets_the_schema_once_also_of_several_at_once()
    {
        string name = PostgresServer.Shared.CreateEmptyDatabase();
        try
        {
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
                () => PostgresDirectoryStorage.Migrate(PostgresServer.Shared.OwnerConnection(name)), TestContext.Current.CancellationToken)));
            await using var owner = new NpgsqlConnection(PostgresServer.Shared.OwnerConnection(name));
            await owner.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = new NpgsqlCommand("SELECT array_agg(name ORDER BY version) FROM directory.schema_migration", owner);
            Assert.Equal(PostgresDirectory.Schema.Migrations.Select(m => m.Name), (string[])(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!);
            PostgresDatabase.Open(new PostgresOptions { ConnectionString = PostgresServer.Shared.AppConnection(name) }, PostgresDirectory.Schema).Dispose();
        }
        finally
        {
            PostgresServer.Shared.DropDatabase(name);
        }
    }

    /// <summary>What is compared is compared alike in every database, whatever language it was created with (that of the tests knows none).</summary>
    [Fact]
    public async Task Text_that_is_compared_is_so_by_code_point()
    {
        using var storage = new PostgresDirectoryStorage();
        await using var owner = new NpgsqlConnection(storage.OwnerConnection);
        await owner.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT array_agg(c.relname || '.' || a.attname ORDER BY c.relname, a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'directory'::regnamespace AND c.relkind = 'r' AND a.attcollation = '"C"'::regcollation
            """,
            owner);
        Assert.Equal(
            ["account.display_folded", "account.subject", "account.user_name", "growth_sample.node", "invite.code", "shard.name", "tenant.key"],
            (string[])(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!);
    }

    /// <summary>Row level security holds neither for a superuser, nor, where a policy is for it, for the owner.</summary>
    [Fact]
    public void A_role_that_the_wall_does_not_hold_is_refused()
    {
        using var storage = new PostgresDirectoryStorage();
        foreach (string connection in new[] { storage.OwnerConnection, storage.SuperuserConnection })
        {
            Assert.Throws<StorageRefusedException>(() => PostgresDatabase.Open(new PostgresOptions { ConnectionString = connection }, PostgresDirectory.Schema));
        }
    }
}
