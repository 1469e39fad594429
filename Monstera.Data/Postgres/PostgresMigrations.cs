using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>A PostgreSQL schema (namespace) and how it is made. The last step leaves a function <c>grant_app(name)</c> in it, which gives the serving role its rights.</summary>
internal sealed record PostgresSchema(string Name, IReadOnlyList<Migration> Migrations)
{
    /// <summary>The embedded files <c>postgres.{name}/0001_….sql</c>.</summary>
    public static PostgresSchema Load(string name) => new(name, Migration.Load($"postgres.{name}/"));
}

/// <summary>Brings a schema of a database to that of this binary, as its owner.</summary>
internal static class PostgresMigrations
{
    /// <summary>Of the advisory lock that keeps two who migrate apart. Of all schemas: they are made one after another.</summary>
    private const long LockKey = 0x4D6F_6E73_7465_7261;

    /// <summary>
    /// In one transaction, so that a second one waits and then finds nothing to do, and a failure leaves the database as it was:
    /// 1. takes the lock; 2. reads what was applied; 3. refuses a schema that is not ours, is newer, or was made by scripts that differ; 4. applies and records the rest;
    /// 5. gives <paramref name="app"/> its rights.
    /// </summary>
    /// <param name="owner">Open, as the role that owns the schema or is to own it.</param>
    /// <param name="app">The role that serves.</param>
    /// <exception cref="StorageRefusedException">See 3.</exception>
    public static void Run(NpgsqlConnection owner, PostgresSchema schema, string app)
    {
        using NpgsqlTransaction transaction = owner.BeginTransaction();

        // 1.
        Execute(owner, "SELECT pg_advisory_xact_lock($1)", LockKey);

        // 2.
        bool there = Scalar<bool>(owner, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema.Name);
        if (!there)
        {
            RefuseEncoding(Scalar<string>(owner, "SELECT current_setting('server_encoding')"));
            Execute(owner, $"CREATE SCHEMA {schema.Name}");
            Execute(owner, $"CREATE TABLE {schema.Name}.schema_migration (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)");
        }

        // 3. Who must know all of it is told so by Check.
        List<(int Version, string Name, string Checksum)> applied = Applied(owner, schema);
        Migration.Refuse(applied, schema.Migrations, $"schema {schema.Name}", toServe: true);

        // 4.
        foreach (Migration migration in schema.Migrations.Skip(applied.Count))
        {
            Execute(owner, migration.Script);
            Execute(
                owner, $"INSERT INTO {schema.Name}.schema_migration (version, name, checksum) VALUES ($1, $2, $3)", migration.Version, migration.Name, migration.Checksum);
        }

        // 5.
        Execute(owner, $"SELECT {schema.Name}.grant_app($1)", app);
        transaction.Commit();
    }

    /// <summary>The schema is the one that is known, or, to serve, a newer one that only adds: <see cref="Migration.Refuse"/>.</summary>
    /// <exception cref="StorageRefusedException">It is not.</exception>
    public static void Check(NpgsqlConnection app, PostgresSchema schema, bool toServe)
    {
        if (!Scalar<bool>(app, "SELECT to_regclass($1 || '.schema_migration') IS NOT NULL", schema.Name))
        {
            throw new StorageRefusedException($"The database has no schema {schema.Name}. Give the owner's connection string once, so that it is made.");
        }

        List<(int Version, string Name, string Checksum)> applied = Applied(app, schema);
        Migration.Refuse(applied, schema.Migrations, $"schema {schema.Name}", toServe);
        if (applied.Count < schema.Migrations.Count)
        {
            throw new StorageRefusedException(
                $"The schema {schema.Name} has version {applied.Count}, and this server needs {schema.Migrations.Count}. Give the owner's connection string once, so that it is brought up to date.");
        }
    }

    private static void RefuseEncoding(string encoding)
    {
        if (encoding != "UTF8")
        {
            throw new StorageRefusedException($"The database has the encoding {encoding}. Create it with ENCODING 'UTF8'.");
        }
    }

    private static List<(int Version, string Name, string Checksum)> Applied(NpgsqlConnection connection, PostgresSchema schema)
    {
        List<(int, string, string)> rows = [];
        try
        {
            using NpgsqlCommand command = Command(connection, $"SELECT version, name, checksum FROM {schema.Name}.schema_migration ORDER BY version");
            using NpgsqlDataReader reader = command.ExecuteReader();
            while (reader.Read())
            {
                rows.Add((reader.GetInt32(0), reader.GetString(1), reader.GetString(2)));
            }

            return rows;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new StorageRefusedException(
                $"The schema {schema.Name} of the database is not Monstera's, or its schema_migration cannot be read ({e.MessageText}). Give another database, or another role.", e);
        }
    }

    private static void Execute(NpgsqlConnection connection, string sql, params object[] values)
    {
        using NpgsqlCommand command = Command(connection, sql, values);
        command.ExecuteNonQuery();
    }

    private static T Scalar<T>(NpgsqlConnection connection, string sql, params object[] values)
    {
        using NpgsqlCommand command = Command(connection, sql, values);
        return (T)command.ExecuteScalar()!;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] values)
    {
#pragma warning disable CA2100 // Embedded scripts and names of ours.
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }
}
