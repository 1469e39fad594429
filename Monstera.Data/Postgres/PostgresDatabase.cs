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
    private long _deadlocks;

    private PostgresDatabase(NpgsqlDataSource source, PostgresOptions options, string place)
    {
        Source = source;
        Options = options;
        Place = place;
    }

    public PostgresOptions Options { get; }

    /// <summary>Which database on which host, for people to read; nothing secret.</summary>
    public string Place { get; }

    /// <summary>How often PostgreSQL ended a transaction of this process because it and another waited for each other, tried again or not.</summary>
    public long Deadlocks => Interlocked.Read(ref _deadlocks);

    internal NpgsqlDataSource Source { get; }

    /// <summary>
    /// 1. brings the schemas up to date, when an owner is given; 2. connects as the one who serves, and refuses a role that row level security does not bind, or a schema of
    /// another version; 3. <see cref="Identify"/>, when an identity is given.
    /// </summary>
    /// <exception cref="StorageRefusedException">Not ours, of another version, another shard than believed, tampered with, or not safe.</exception>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static PostgresDatabase Open(PostgresOptions options, PostgresParts parts, ShardIdentity? identity = null)
    {
        PostgresDatabase database = Open(options, SchemasOf(parts));
        try
        {
            if (identity is { } shard)
            {
                database.Identify(shard);
            }

            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>
    /// For commands that move, copy and check data of all tenants: connects as the owner, whom row level security lets list rooms and tenants, and whom no server may serve as.
    /// </summary>
    /// <param name="options">With <see cref="PostgresOptions.OwnerConnectionString"/>; the other names the role that serves.</param>
    /// <param name="migrate">Brings the schemas up to date before. Otherwise a schema of another version is refused, and nothing is changed.</param>
    /// <inheritdoc cref="Open(PostgresOptions, PostgresParts, ShardIdentity?)"/>
    public static PostgresDatabase OpenAsOwner(PostgresOptions options, PostgresParts parts, bool migrate = false)
    {
        ArgumentNullException.ThrowIfNull(options);
        string ownerString = options.OwnerConnectionString ?? throw new ArgumentException("There is no owner's connection string.", nameof(options));
        return Guard(open =>
        {
            IReadOnlyList<PostgresSchema> schemas = SchemasOf(parts);
            if (migrate)
            {
                Migrate(options, schemas);
            }

            PostgresDatabase database = open(Complete(new NpgsqlConnectionStringBuilder(ownerString), options with { Pooler = false }));
            using NpgsqlConnection owner = database.Source.OpenConnection();
            foreach (PostgresSchema schema in schemas)
            {
                PostgresMigrations.Check(owner, schema, toServe: false);
            }

            return database;
        }, options);
    }

    /// <summary>
    /// Makes sure that the database is this shard: with an owner's connection string its identity is written when it has none (a database without rooms that becomes another shard than 0
    /// gives up its slots in the same transaction); otherwise it must be there already.
    /// </summary>
    /// <exception cref="StorageRefusedException">It is another shard, or of another installation; or it has no identity, and no owner is given, or rooms stand against it.</exception>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public void Identify(ShardIdentity identity) => PostgresFailure.Translate(() =>
    {
        if (Options.OwnerConnectionString is { } ownerString)
        {
            using NpgsqlConnection owner = OpenOwner(ownerString);
            identity.Claim(owner);
        }
        else
        {
            using NpgsqlConnection app = Source.OpenConnection();
            identity.Check(app);
        }

        return true;
    });

    /// <summary>Null: the database was never told which shard it is.</summary>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public ShardIdentity? FindIdentity() => PostgresFailure.Translate(() =>
    {
        using NpgsqlConnection connection = Source.OpenConnection();
        return ShardIdentity.Find(connection);
    });

    internal static PostgresDatabase Open(PostgresOptions options, params IReadOnlyList<PostgresSchema> schemas)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Guard(open =>
        {
            // 1.
            if (options.OwnerConnectionString is not null)
            {
                Migrate(options, schemas);
            }

            // 2.
            PostgresDatabase database = open(Complete(new NpgsqlConnectionStringBuilder(options.ConnectionString), options));
            using NpgsqlConnection app = database.Source.OpenConnection();
            foreach (PostgresSchema schema in schemas)
            {
                PostgresMigrations.Check(app, schema, toServe: true);
                RefuseRole(app, schema);
            }

            return database;
        }, options);
    }

    /// <summary>How much the database keeps on its server's disks, indexes included.</summary>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public Task<long> MeasureSize(CancellationToken cancel) => PostgresFailure.Translate(async () =>
    {
        await using NpgsqlConnection connection = await Source.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("SELECT pg_database_size(current_database())", connection);
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    });

    public void Dispose() => Source.Dispose();

    internal void CountIfDeadlock(Exception e)
    {
        if (PostgresFailure.IsDeadlock(e))
        {
            Interlocked.Increment(ref _deadlocks);
        }
    }

    private static List<PostgresSchema> SchemasOf(PostgresParts parts)
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

        return schemas;
    }

    private static void Migrate(PostgresOptions options, IReadOnlyList<PostgresSchema> schemas)
    {
        string app = new NpgsqlConnectionStringBuilder(options.ConnectionString).Username ?? throw new StorageRefusedException("The connection string names no user.");
        using NpgsqlConnection owner = OpenOwner(options.OwnerConnectionString!);
        foreach (PostgresSchema schema in schemas)
        {
            PostgresMigrations.Run(owner, schema, app);
        }
    }

    private static NpgsqlConnection OpenOwner(string connectionString)
    {
        var owner = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        try
        {
            owner.Open();
            return owner;
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    /// <summary>Opens; what fails is closed again, and told as the contract has it.</summary>
    /// <param name="use">Is given how connections are pooled.</param>
    private static PostgresDatabase Guard(Func<Func<NpgsqlConnectionStringBuilder, PostgresDatabase>, PostgresDatabase> use, PostgresOptions options)
    {
        NpgsqlDataSource? source = null;
        try
        {
            return use(builder =>
            {
                // The driver's own figures are told by this name; without one they would show the connection string.
                source = new NpgsqlDataSourceBuilder(builder.ConnectionString) { Name = options.Name ?? builder.Database ?? "postgres" }.Build();
                return new PostgresDatabase(source, options, $"{builder.Database ?? builder.Username} on {builder.Host}:{builder.Port}");
            });
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

    /// <summary>Sets over the string what the options say.</summary>
    private static NpgsqlConnectionStringBuilder Complete(NpgsqlConnectionStringBuilder given, PostgresOptions options)
    {
        int connectSeconds = Math.Max((int)options.ConnectTimeout.TotalSeconds, 1);
        return new NpgsqlConnectionStringBuilder(given.ConnectionString)
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
