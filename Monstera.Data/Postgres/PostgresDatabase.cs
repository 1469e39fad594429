using Monstera.Data.Postgres.Directory;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>What a database is for; each part is a schema of its own, so that a small installation has both in one.</summary>
[Flags]
public enum PostgresParts
{
    None = 0,
    Rooms = 1,
    Directory = 2,
}

/// <summary>Connections to one PostgreSQL database, for the room store or the directory or both.</summary>
public sealed class PostgresDatabase : IDisposable
{
    private PostgresDatabase(NpgsqlDataSource source, PostgresOptions options, string place)
    {
        Source = source;
        Options = options;
        Place = place;
    }

    public PostgresOptions Options { get; }

    /// <summary>Which database on which host, for people to read; nothing secret.</summary>
    public string Place { get; }

    internal NpgsqlDataSource Source { get; }

    /// <summary>
    /// 1. brings the schemas up to date, when an owner is given; 2. connects as the one who serves, and refuses a role that row level security does not bind, or a schema of
    /// another version.
    /// </summary>
    /// <exception cref="StorageRefusedException">Not ours, of another version, tampered with, or not safe.</exception>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static PostgresDatabase Open(PostgresOptions options, PostgresParts parts)
    {
        List<PostgresSchema> schemas = [];
        if (parts.HasFlag(PostgresParts.Rooms))
        {
            schemas.Add(PostgresRoomStore.Schema);
        }

        if (parts.HasFlag(PostgresParts.Directory))
        {
            schemas.Add(PostgresDirectory.Schema);
        }

        return Open(options, schemas);
    }

    internal static PostgresDatabase Open(PostgresOptions options, params IReadOnlyList<PostgresSchema> schemas)
    {
        ArgumentNullException.ThrowIfNull(options);
        NpgsqlDataSource? source = null;
        try
        {
            NpgsqlConnectionStringBuilder builder = ConnectionString(options);

            // 1.
            if (options.OwnerConnectionString is not null)
            {
                using var owner = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(options.OwnerConnectionString) { Pooling = false }.ConnectionString);
                owner.Open();
                foreach (PostgresSchema schema in schemas)
                {
                    PostgresMigrations.Run(owner, schema, builder.Username ?? throw new StorageRefusedException("The connection string names no user."));
                }
            }

            // 2.
            source = NpgsqlDataSource.Create(builder);
            using NpgsqlConnection app = source.OpenConnection();
            foreach (PostgresSchema schema in schemas)
            {
                PostgresMigrations.Check(app, schema);
                RefuseRole(app, schema);
            }

            return new PostgresDatabase(source, options, $"{builder.Database ?? builder.Username} on {builder.Host}:{builder.Port}");
        }
        catch (Exception e)
        {
            source?.Dispose();
            if (PostgresFailure.IsFault(e))
            {
                throw PostgresFailure.Of(e)!;
            }

            if (e is PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } denied)
            {
                throw new StorageRefusedException($"A role lacks a right that it needs: {denied.MessageText}.", e);
            }

            throw;
        }
    }

    public void Dispose() => Source.Dispose();

    private static NpgsqlConnectionStringBuilder ConnectionString(PostgresOptions options)
    {
        int connectSeconds = Math.Max((int)options.ConnectTimeout.TotalSeconds, 1);
        return new NpgsqlConnectionStringBuilder(options.ConnectionString)
        {
            Pooling = true,
            MinPoolSize = 0,
            MaxPoolSize = options.ConnectionsMax,
            Timeout = connectSeconds,

            // The server's own timeouts come first and leave the connection whole; this one is for a server that does not answer.
            CommandTimeout = (int)options.StatementTimeout.TotalSeconds + connectSeconds,

            // Nothing is left behind in a session, so nothing is to be reset; behind a pooler there is no session to reset.
            NoResetOnClose = true,
            MaxAutoPrepare = options.Pooler ? 0 : 128,
            AutoPrepareMinUsages = 2,
            Enlist = false,

            // Details of errors quote what is in the rows.
            IncludeErrorDetail = false,
        };
    }

    private static void RefuseRole(NpgsqlConnection app, PostgresSchema schema)
    {
        using var command = new NpgsqlCommand(
            """
            SELECT r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, n.nspowner, 'MEMBER')
            FROM pg_roles r, pg_namespace n WHERE r.rolname = current_user AND n.nspname = $1
            """,
            app);
        command.Parameters.Add(new NpgsqlParameter { Value = schema.Name });
        if (command.ExecuteScalar() is not false)
        {
            throw new StorageRefusedException(
                $"The role that serves is a superuser, bypasses row level security, or owns the schema {schema.Name}: tenants would not be kept apart. Give a role of its own.");
        }
    }
}
