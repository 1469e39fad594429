namespace Monstera.Data.Sqlite;

/// <summary>Brings a database file to the schema of this binary.</summary>
internal static class SqliteMigrations
{
    private static readonly SqliteQuery HasTable = new("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'");
    private static readonly SqliteQuery CountTables = new("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    private static readonly SqliteQuery ReadApplied = new("SELECT version, name, checksum FROM schema_migration ORDER BY version");
    private static readonly SqliteQuery Record = new("INSERT INTO schema_migration (version, name, checksum) VALUES (?, ?, ?)");

    /// <summary>Those of this binary, in order.</summary>
    public static IReadOnlyList<Migration> Embedded { get; } = Migration.Load("sqlite/");

    /// <summary>
    /// In one exclusive transaction, so that a second opener waits and then finds nothing to do, and a failure leaves the file as it was:
    /// 1. reads what was applied; 2. refuses a file that is not ours, is newer, or was made by scripts that differ; 3. applies and records the rest.
    /// </summary>
    /// <param name="toServe">Whether a newer schema that only adds will do: <see cref="Migration.Refuse"/>.</param>
    public static void Run(SqliteConnection connection, IReadOnlyList<Migration> known, bool toServe = false)
    {
        connection.Execute("BEGIN EXCLUSIVE");
        try
        {
            // 1.
            List<(int Version, string Name, string Checksum)> applied = [];
            if (Count(connection, HasTable) > 0)
            {
                applied = Applied(connection);
            }
            else if (Count(connection, CountTables) > 0)
            {
                throw new StorageRefusedException("The database file was not made by Monstera: it has tables but no schema_migration. Give another data folder.");
            }
            else
            {
                connection.Execute("CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)");
            }

            // 2.
            Migration.Refuse(applied, known, "database", toServe);

            // 3.
            foreach (Migration migration in known.Skip(applied.Count))
            {
                connection.Execute(migration.Script);
                connection.Prepare(Record).Bind(1, migration.Version).Bind(2, migration.Name).Bind(3, migration.Checksum).Run();
            }

            connection.Commit();
        }
        catch
        {
            connection.TryRollback();
            throw;
        }
    }

    /// <summary>For who only reads: the schema is exactly the one it knows.</summary>
    /// <exception cref="StorageRefusedException">It is not.</exception>
    public static void Check(SqliteConnection connection, IReadOnlyList<Migration> known)
    {
        if (Count(connection, HasTable) == 0)
        {
            throw new StorageRefusedException("The database file was not made by Monstera: it has no schema_migration. Give another data folder.");
        }

        List<(int Version, string Name, string Checksum)> applied = Applied(connection);
        Migration.Refuse(applied, known, "database", toServe: false);
        if (applied.Count < known.Count)
        {
            throw new StorageRefusedException(
                $"The database has schema version {applied.Count}, and {known.Count} is needed. Start the server of this version on it once, so that it is brought up to date.");
        }
    }

    private static List<(int Version, string Name, string Checksum)> Applied(SqliteConnection connection)
    {
        List<(int, string, string)> rows = [];
        using SqliteStatement statement = connection.Prepare(ReadApplied);
        while (statement.Step())
        {
            rows.Add((statement.Int32(0), statement.Text(1), statement.Text(2)));
        }

        return rows;
    }

    private static long Count(SqliteConnection connection, SqliteQuery query)
    {
        using SqliteStatement statement = connection.Prepare(query);
        statement.Step();
        return statement.Int64(0);
    }
}
