namespace Monstera.Data.Postgres;

/// <summary>How a PostgreSQL database is reached and how long is waited for it.</summary>
public sealed record PostgresOptions
{
    /// <summary>
    /// Npgsql's connection string of the role that serves. Neither a superuser, nor with BYPASSRLS, nor the owner of the schema: row level security would not hold for it.
    /// What this record sets is set over it.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>
    /// The role that owns the schema, straight to the server and not through a pooler. Given, the schema is brought up to date when opening; otherwise somebody did that before.
    /// </summary>
    public string? OwnerConnectionString { get; init; }

    /// <summary>
    /// A pooler in transaction mode (PgBouncer) stands between: nothing of a session is relied on then, and statements are not prepared, which costs their planning each time.
    /// </summary>
    public bool Pooler { get; init; }

    /// <summary>Under which the driver's own figures name the database: neither host nor user. Null: the database's name.</summary>
    public string? Name { get; init; }

    /// <summary>Connections of this process at most; further callers wait <see cref="ConnectTimeout"/> for one.</summary>
    public int ConnectionsMax { get; init; } = 20;

    /// <summary>For a new connection, or for one to become free. Whole seconds.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For one statement, on the server.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For one lock: another server's batch on the same rooms. Slots that are being moved are not waited for.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Between the two halves of an append, after which the server ends the transaction of a process that hangs, and frees its rooms.</summary>
    public TimeSpan IdleInTransactionTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Without the connection strings, which have passwords in them.</summary>
    public override string ToString() => nameof(PostgresOptions);
}
