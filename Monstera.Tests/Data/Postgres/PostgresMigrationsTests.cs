using Monstera.Data;
using Monstera.Data.Postgres;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

public sealed class PostgresMigrationsTests : IDisposable
{
    private static readonly Migration First = new(
        1, "0001_first", "CREATE TABLE s.a AS SELECT 1 AS x; CREATE FUNCTION s.grant_app(app name) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA s TO %I', app); EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA s TO %I', app); END $$;");

    private static readonly Migration Second = new(2, "0002_second", "ALTER TABLE s.a ADD COLUMN y integer; UPDATE s.a SET y = x + 1;");

    private readonly Lazy<string> _name = new(PostgresServer.Shared.CreateEmptyDatabase);

    private string Name => _name.Value;

    public void Dispose()
    {
        if (_name.IsValueCreated)
        {
            PostgresServer.Shared.DropDatabase(Name);
        }
    }

    [Fact]
    public async Task A_fresh_database_gets_all_migrations_once()
    {
        for (int i = 0; i < 3; i++)
        {
            Open(PostgresRoomStore.Schema);
        }

        Assert.Equal(PostgresRoomStore.Schema.Migrations.Select(m => m.Version), await Versions("rooms"));
    }

    [Fact]
    public void Migrations_are_numbered_from_one_without_a_gap()
    {
        Assert.NotEmpty(PostgresRoomStore.Schema.Migrations);
        Assert.Equal(Enumerable.Range(1, PostgresRoomStore.Schema.Migrations.Count), PostgresRoomStore.Schema.Migrations.Select(m => m.Version));
        Assert.All(PostgresRoomStore.Schema.Migrations, m => Assert.Matches("^[0-9]{4}_[a-z_]+(?:_needs_[0-9]{4})?$", m.Name));
    }

    /// <summary>What was released is not edited: databases out there were made by it. A change is a further file.</summary>
    [Theory]
    [InlineData(1, "0001_rooms")]
    public void Released_migrations_are_as_they_were(int version, string name)
    {
        using Stream frozen = typeof(PostgresMigrationsTests).Assembly.GetManifestResourceStream($"postgres_{name}.frozen.sql")!;
        using var reader = new StreamReader(frozen);
        Assert.Equal(new Migration(version, name, reader.ReadToEnd()), PostgresRoomStore.Schema.Migrations[version - 1]);
    }

    [Fact]
    public async Task Further_migrations_are_applied_to_what_is_there()
    {
        Open(Of(First));
        Open(Of(First, Second));
        Assert.Equal([1, 2], await Versions("s"));
        await using NpgsqlConnection app = await PostgresDesk.Open(PostgresServer.Shared.AppConnection(Name));
        Assert.Equal(2, await app.Scalar<int>("SELECT y FROM s.a"));
    }

    [Fact]
    public async Task A_newer_schema_is_served_when_it_only_adds_or_takes_away_what_is_not_needed_and_left_as_it_is()
    {
        Open(Of(First, Second));
        foreach (bool asOwner in new[] { true, false })
        {
            Open(Of(First), asOwner);
        }

        // Who copies must know all of it.
        await using NpgsqlConnection owner = await PostgresDesk.Open(PostgresServer.Shared.OwnerConnection(Name));
        StorageRefusedException e = Assert.Throws<StorageRefusedException>(() => PostgresMigrations.Check(owner, Of(First), toServe: false));
        Assert.Contains("version 2", e.Message, StringComparison.Ordinal);
        Assert.Contains("up to 1", e.Message, StringComparison.Ordinal);

        Open(Of(First, Second, new Migration(3, "0003_drop_x_needs_0002", "ALTER TABLE s.a DROP COLUMN x")));
        foreach (bool asOwner in new[] { true, false })
        {
            Open(Of(First, Second), asOwner);
            Assert.Contains("up to 1", Assert.Throws<StorageRefusedException>(() => Open(Of(First), asOwner)).Message, StringComparison.Ordinal);
        }

        Assert.Equal([1, 2, 3], await Versions("s"));
    }

    [Fact]
    public void Who_only_serves_needs_the_schema_of_today()
    {
        Assert.Throws<StorageRefusedException>(() => Open(Of(First), asOwner: false));
        Open(Of(First));
        Open(Of(First), asOwner: false);
        Assert.Contains("needs 2", Assert.Throws<StorageRefusedException>(() => Open(Of(First, Second), asOwner: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_edited_migration_is_refused()
    {
        Open(Of(First));
        StorageRefusedException e = Assert.Throws<StorageRefusedException>(() => Open(Of(new Migration(1, First.Name, First.Script + " "), Second)));
        Assert.Contains("0001_first", e.Message, StringComparison.Ordinal);
        Assert.Equal([1], await Versions("s"));
    }

    [Fact]
    public void Line_ends_of_a_checkout_do_not_matter() =>
        Assert.Equal(new Migration(1, "a", "x\ny\n").Checksum, new Migration(1, "a", "x\r\ny\r\n").Checksum);

    [Fact]
    public async Task A_migration_that_fails_leaves_the_database_as_it_was()
    {
        Open(Of(First));
        Assert.Throws<PostgresException>(() => Open(Of(First, Second, new Migration(3, "0003_bad", "CREATE TABLE s.b (x integer); NONSENSE;"))));
        Assert.Equal([1], await Versions("s"));
        await using NpgsqlConnection owner = await PostgresDesk.Open(PostgresServer.Shared.OwnerConnection(Name));
        Assert.True(await owner.Scalar<bool>("SELECT to_regclass('s.b') IS NULL"));
        Open(Of(First, Second));
    }

    [Fact]
    public void A_schema_of_another_program_is_refused()
    {
        PostgresServer.Execute(PostgresServer.Shared.OwnerConnection(Name), "CREATE SCHEMA s", "CREATE TABLE s.theirs (x integer)");
        Assert.Throws<StorageRefusedException>(() => Open(Of(First)));
    }

    [Fact]
    public void A_database_that_does_not_hold_all_texts_is_refused()
    {
        string name = $"{Name}_ascii";
        PostgresServer.Execute(
            PostgresServer.Shared.SuperuserConnection("postgres"), $"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' OWNER {PostgresServer.Owner}");
        try
        {
            PostgresOptions options = new() { ConnectionString = PostgresServer.Shared.AppConnection(name), OwnerConnectionString = PostgresServer.Shared.OwnerConnection(name) };
            Assert.Throws<StorageRefusedException>(() => PostgresDatabase.Open(options, PostgresRoomStore.Schema));
        }
        finally
        {
            PostgresServer.Shared.DropDatabase(name);
        }
    }

    [Fact]
    public async Task Two_that_migrate_at_once_end_with_one_schema()
    {
        string name = Name;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Open(PostgresRoomStore.Schema), Cancel)));
        Assert.Equal(PostgresRoomStore.Schema.Migrations.Select(m => m.Version), await Versions("rooms"));
        Assert.Equal(name, Name);
    }

    private static PostgresSchema Of(params Migration[] migrations) => new("s", migrations);

    private void Open(PostgresSchema schema, bool asOwner = true)
    {
        PostgresOptions options = new()
        {
            ConnectionString = PostgresServer.Shared.AppConnection(Name),
            OwnerConnectionString = asOwner ? PostgresServer.Shared.OwnerConnection(Name) : null,
        };
        PostgresDatabase.Open(options, schema).Dispose();
    }

    private async Task<List<int>> Versions(string schema)
    {
        await using NpgsqlConnection owner = await PostgresDesk.Open(PostgresServer.Shared.OwnerConnection(Name));
        return [.. await owner.Scalar<int[]>($"SELECT array_agg(version ORDER BY version) FROM {schema}.schema_migration")];
    }
}
