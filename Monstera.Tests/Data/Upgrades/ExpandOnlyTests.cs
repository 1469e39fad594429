using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Postgres;
using Npgsql;

namespace Monstera.Tests.Data.Upgrades;

/// <summary>
/// Every migration only adds, so that the binary before it runs on the schema after it: docs/upgrading.md. One that takes something away says in its name since which schema version nothing reads that
/// (<c>_needs_0007</c>); then that version must be an earlier one, and servers that are older refuse the schema.
/// </summary>
public sealed class ExpandOnlyTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Of_SQLite()
    {
        Assert.Empty(Faults(SqliteMigrations.Embedded, TakenAway(SqliteMigrations.Embedded)));
    }

    [Fact]
    public async Task Of_PostgreSQL()
    {
        foreach (PostgresSchema schema in new[] { PostgresRoomStore.Schema, PostgresDirectory.Schema })
        {
            Assert.True(schema.Migrations.Count > 1);
            Assert.Empty(Faults(schema.Migrations, await TakenAway(schema)));
        }
    }

    [Theory]
    [InlineData("ALTER TABLE a DROP COLUMN y")]
    [InlineData("ALTER TABLE a RENAME COLUMN y TO z")]
    [InlineData("DROP TABLE a")]
    [InlineData("ALTER TABLE a RENAME TO b")]
    [InlineData("CREATE UNIQUE INDEX a_y ON a (y)")]
    [InlineData("CREATE TABLE c (x INTEGER NOT NULL); DROP TABLE a; ALTER TABLE c RENAME TO a")]
    [InlineData("CREATE TRIGGER t BEFORE INSERT ON a BEGIN SELECT raise(ABORT, 'no'); END")]
    public void A_step_of_SQLite_that_takes_away_is_found_unless_it_says_for_whom_that_is_nothing(string script)
    {
        Migration first = new(1, "0001_first", "CREATE TABLE a (x INTEGER NOT NULL, y TEXT)");
        Assert.NotEmpty(Faults([first, new Migration(2, "0002_second", script)], TakenAway([first, new Migration(2, "0002_second", script)])));
        Migration named = new(2, "0002_second_needs_0001", script);
        Assert.Empty(Faults([first, named], TakenAway([first, named])));
        Migration itself = new(2, "0002_second_needs_0002", script);
        Assert.NotEmpty(Faults([first, itself], TakenAway([first, itself])));
    }

    [Theory]
    [InlineData("ALTER TABLE s.a DROP COLUMN y", false)]
    [InlineData("ALTER TABLE s.a RENAME COLUMN y TO z", false)]
    [InlineData("DROP TABLE s.a", false)]
    [InlineData("ALTER TABLE s.a ALTER COLUMN x TYPE smallint", false)]
    [InlineData("ALTER TABLE s.a ALTER COLUMN y SET NOT NULL", false)]
    [InlineData("ALTER TABLE s.a ADD COLUMN z integer NOT NULL", false)]
    [InlineData("ALTER TABLE s.a ADD CHECK (x > 3)", false)]
    [InlineData("ALTER TABLE s.a ADD COLUMN z integer DEFAULT 0 CHECK (z < x)", false)]
    [InlineData("CREATE UNIQUE INDEX ON s.a (y)", false)]
    [InlineData("DROP FUNCTION s.f(integer)", false)]
    [InlineData("ALTER TABLE s.a ADD COLUMN z integer NOT NULL DEFAULT 0 CHECK (z BETWEEN 0 AND 2)", true)]
    [InlineData("ALTER TABLE s.a ADD COLUMN z text UNIQUE", true)]
    [InlineData("CREATE TABLE s.b (x integer NOT NULL PRIMARY KEY CHECK (x > 0))", true)]
    [InlineData("CREATE INDEX ON s.a (y)", true)]
    [InlineData("CREATE OR REPLACE FUNCTION s.f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 2'", true)]
    public async Task A_step_of_PostgreSQL_that_takes_away_is_found(string script, bool onlyAdds)
    {
        Migration first = new(1, "0001_first", """
            CREATE TABLE s.a (x integer NOT NULL, y text);
            CREATE FUNCTION s.f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
            CREATE FUNCTION s.grant_app(app name) RETURNS void LANGUAGE sql AS 'SELECT';
            """);
        Migration[] migrations = [first, new Migration(2, "0002_second", script)];
        Assert.Equal(onlyAdds, !Faults(migrations, await TakenAway(new PostgresSchema("s", migrations))).Any());
    }

    /// <summary>What was taken away and not said, and names that say what cannot be.</summary>
    private static IEnumerable<string> Faults(IReadOnlyList<Migration> migrations, IReadOnlyList<(Migration Step, string Taken)> taken) =>
    [
        .. taken.Where(one => Migration.Needs(one.Step.Name) == 0).Select(one => $"{one.Step.Name}: {one.Taken}"),
        .. migrations.Where(step => Migration.Needs(step.Name) >= step.Version).Select(step => $"{step.Name} needs what comes with it: the binary before could not run"),
    ];

    private IReadOnlyList<(Migration Step, string Taken)> TakenAway(IReadOnlyList<Migration> migrations)
    {
        string folder = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        List<(Migration, string)> taken = [];
        SchemaShape? before = null;
        for (int i = 1; i <= migrations.Count; i++)
        {
            SqliteDatabase.Open(folder, [.. migrations.Take(i)]).Dispose();
            using SqliteConnection connection = SqliteConnection.Open(Path.Combine(folder, SqliteDatabase.FileName), readOnly: true);
            SchemaShape after = SchemaShape.Read(connection);
            taken.AddRange((before?.TakenAwayBy(after) ?? []).Select(one => (migrations[i - 1], one)));
            Assert.True(i > 1 || after.Columns.Count > 0);
            before = after;
        }

        return taken;
    }

    private static async Task<IReadOnlyList<(Migration Step, string Taken)>> TakenAway(PostgresSchema schema)
    {
        string name = PostgresServer.Shared.CreateEmptyDatabase();
        try
        {
            List<(Migration, string)> taken = [];
            SchemaShape? before = null;
            await using NpgsqlConnection owner = await PostgresDesk.Open(PostgresServer.Shared.OwnerConnection(name));
            for (int i = 1; i <= schema.Migrations.Count; i++)
            {
                await Apply(owner, schema, i);
                SchemaShape after = await SchemaShape.Read(owner, schema.Name);
                taken.AddRange((before?.TakenAwayBy(after) ?? []).Select(one => (schema.Migrations[i - 1], one)));
                Assert.True(i > 1 || after.Columns.Count > 0);
                before = after;
            }

            return taken;
        }
        finally
        {
            PostgresServer.Shared.DropDatabase(name);
        }
    }

    /// <summary>The first steps may not have all that gives the serving role its rights.</summary>
    private static async Task Apply(NpgsqlConnection owner, PostgresSchema schema, int steps)
    {
#pragma warning disable CA2100 // Embedded scripts and those of this test.
        await using var command = new NpgsqlCommand((steps == 1 ? $"CREATE SCHEMA {schema.Name};" : "") + schema.Migrations[steps - 1].Script, owner);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync();
    }
}
