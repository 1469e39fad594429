using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Monstera.Data.Sqlite;

/// <summary>One step of the schema: an embedded file <c>0001_name.sql</c>. Once released, never edited: only appended to by further files.</summary>
internal sealed record SqliteMigration(int Version, string Name, string Script)
{
    /// <summary>SHA-256 of the script with line feeds, so that a checkout's line ends do not matter.</summary>
    public string Checksum { get; } =
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Script.Replace("\r\n", "\n", StringComparison.Ordinal))));
}

/// <summary>Brings a database file to the schema of this binary.</summary>
internal static class SqliteMigrations
{
    private static readonly SqliteQuery HasTable = new("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'");
    private static readonly SqliteQuery CountTables = new("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    private static readonly SqliteQuery ReadApplied = new("SELECT version, name, checksum FROM schema_migration ORDER BY version");
    private static readonly SqliteQuery Record = new("INSERT INTO schema_migration (version, name, checksum) VALUES (?, ?, ?)");

    /// <summary>Those of this binary, in order.</summary>
    public static IReadOnlyList<SqliteMigration> Embedded { get; } = Load();

    /// <summary>
    /// In one exclusive transaction, so that a second opener waits and then finds nothing to do, and a failure leaves the file as it was:
    /// 1. reads what was applied; 2. refuses a file that is not ours, is newer, or was made by scripts that differ; 3. applies and records the rest.
    /// </summary>
    public static void Run(SqliteConnection connection, IReadOnlyList<SqliteMigration> known)
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
            Refuse(applied, known);

            // 3.
            foreach (SqliteMigration migration in known.Skip(applied.Count))
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

    private static void Refuse(List<(int Version, string Name, string Checksum)> applied, IReadOnlyList<SqliteMigration> known)
    {
        int newest = known.Count == 0 ? 0 : known[^1].Version;
        if (applied.Count > 0 && applied[^1].Version > newest)
        {
            throw new StorageRefusedException(
                $"The database has schema version {applied[^1].Version}, and this server knows versions up to {newest}. Start the newer server that made it, or restore a backup from before the upgrade.");
        }

        for (int i = 0; i < applied.Count; i++)
        {
            if (applied[i].Version != known[i].Version || applied[i].Checksum != known[i].Checksum)
            {
                throw new StorageRefusedException(
                    $"Schema version {applied[i].Version} ({applied[i].Name}) of the database differs from {known[i].Name} of this server: a migration was edited after its release. Start the server that made the database.");
            }
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

    private static List<SqliteMigration> Load()
    {
        System.Reflection.Assembly assembly = typeof(SqliteMigrations).Assembly;
        List<SqliteMigration> migrations = [];
        foreach (string resource in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
            string name = resource[..^".sql".Length];
            migrations.Add(new SqliteMigration(int.Parse(name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture), name, reader.ReadToEnd()));
        }

        return migrations;
    }
}
