using System.Globalization;
using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Postgres;
using Npgsql;

namespace Monstera.Tests.Data.Upgrades;

/// <summary>
/// Makes the schema of today one of a later version, which only adds: each table has another column, with a default, and there is another table. This server is then the one before.
/// </summary>
internal static class GrownSchema
{
    public const string Column = "of_later";

    private static readonly SqliteQuery TablesOfSqlite =
        new("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_migration' ORDER BY name");

    private static readonly SqliteQuery ColumnsOfSqlite = new($"SELECT count(*) FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.name = '{Column}'");

    /// <summary>A version that this server does not know.</summary>
    public static int VersionOf(IReadOnlyList<Migration> known) => known[^1].Version + 1;

    public static void Sqlite(string folder)
    {
        using SqliteConnection connection = SqliteConnection.Open(Path.Combine(folder, SqliteDatabase.FileName), readOnly: false);
        foreach (string table in Tables(connection))
        {
            connection.Execute($"ALTER TABLE \"{table}\" ADD COLUMN {Column} TEXT NOT NULL DEFAULT 'later'; UPDATE \"{table}\" SET {Column} = 'kept'");
        }

        int version = VersionOf(SqliteMigrations.Embedded);
        connection.Execute($"""
            CREATE TABLE of_later (x INTEGER PRIMARY KEY, y TEXT NOT NULL);
            INSERT INTO of_later VALUES (1, 'kept');
            INSERT INTO schema_migration (version, name, checksum) VALUES ({version}, '{Name(version)}', 'of a later version');
            """);
    }

    /// <summary>Rows of each table with what was in them when the schema grew, and the newest version, which nobody has changed.</summary>
    public static IReadOnlyDictionary<string, long> KeptBySqlite(string folder)
    {
        using SqliteConnection connection = SqliteConnection.Open(Path.Combine(folder, SqliteDatabase.FileName), readOnly: true);
        using SqliteStatement columns = connection.Prepare(ColumnsOfSqlite);
        columns.Step();
        string[] tables = [.. Tables(connection).Where(table => table != "of_later")];
        Assert.Equal(tables.Length, columns.Int64(0));
        return tables.ToDictionary(table => table, table => Count(connection, new SqliteQuery($"SELECT count(*) FROM \"{table}\" WHERE {Column} = 'kept'")), StringComparer.Ordinal);
    }

    /// <summary>Those of the schemas that are in this database.</summary>
    public static void Postgres(string ownerConnection)
    {
        foreach (PostgresSchema schema in new[] { PostgresRoomStore.Schema, PostgresDirectory.Schema })
        {
            int version = VersionOf(schema.Migrations);
            PostgresServer.Execute(
                ownerConnection,
                $$"""
                DO $do$
                DECLARE one record;
                BEGIN
                    IF to_regnamespace('{{schema.Name}}') IS NULL THEN RETURN; END IF;
                    FOR one IN SELECT c.oid::regclass AS name FROM pg_class c
                        WHERE c.relnamespace = '{{schema.Name}}'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_migration'
                    LOOP
                        EXECUTE format('ALTER TABLE %s ADD COLUMN {{Column}} text NOT NULL DEFAULT ''kept''', one.name);
                        EXECUTE format('ALTER TABLE %s ALTER COLUMN {{Column}} SET DEFAULT ''later''', one.name);
                    END LOOP;
                    CREATE TABLE {{schema.Name}}.of_later (x integer PRIMARY KEY, y text NOT NULL);
                    INSERT INTO {{schema.Name}}.schema_migration (version, name, checksum) VALUES ({{version}}, '{{Name(version)}}', 'of a later version');
                END $do$
                """);
        }
    }

    /// <summary>As <see cref="KeptBySqlite"/>, of a schema's tables.</summary>
    public static async Task<IReadOnlyDictionary<string, long>> KeptByPostgres(string superuserConnection, string schema)
    {
        await using NpgsqlConnection connection = await PostgresDesk.Open(superuserConnection);
        Dictionary<string, long> kept = new(StringComparer.Ordinal);
        string tables = await connection.Scalar<string>(
            $"SELECT string_agg(table_name, ',' ORDER BY table_name) FROM information_schema.columns WHERE table_schema = '{schema}' AND column_name = '{Column}'");
        foreach (string table in tables.Split(','))
        {
            kept.Add(table, await connection.Scalar<long>($"SELECT count(*) FROM {schema}.{table} WHERE {Column} = 'kept'"));
        }

        return kept;
    }

    private static string Name(int version) => string.Create(CultureInfo.InvariantCulture, $"{version:0000}_of_later");

    private static List<string> Tables(SqliteConnection connection)
    {
        List<string> tables = [];
        using SqliteStatement row = connection.Prepare(TablesOfSqlite);
        while (row.Step())
        {
            tables.Add(row.Text(0));
        }

        Assert.True(tables.Count > 5);
        return tables;
    }

    private static long Count(SqliteConnection connection, SqliteQuery query)
    {
        using SqliteStatement row = connection.Prepare(query);
        row.Step();
        return row.Int64(0);
    }
}
