using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Server.Configuration;

namespace Monstera.Server.Storage;

/// <summary>The open databases of the directory and of the one shard; the same one when their connection strings are equal, with connections that both share.</summary>
internal sealed class PostgresDatabases : IDisposable
{
    private PostgresDatabases(PostgresDatabase directory, PostgresDatabase rooms)
    {
        Directory = directory;
        Rooms = rooms;
    }

    public PostgresDatabase Directory { get; }

    public PostgresDatabase Rooms { get; }

    public string Place => Directory == Rooms ? $"PostgreSQL ({Directory.Place})" : $"PostgreSQL (directory: {Directory.Place}; rooms: {Rooms.Place})";

    /// <exception cref="Data.StorageRefusedException">See <see cref="PostgresDatabase.Open(PostgresOptions, PostgresParts, ShardIdentity?)"/>.</exception>
    /// <exception cref="Data.StorageUnavailableException">It cannot be reached.</exception>
    public static PostgresDatabases Open(ConnectionStrings strings, PostgresSettings settings)
    {
        if (strings.IsOneDatabase)
        {
            PostgresDatabase both = Open(strings.Directory, strings.DirectoryOwner ?? strings.ShardOwner, settings, PostgresParts.Directory | PostgresParts.Rooms);
            try
            {
                both.Identify(Identity(both));
                return new PostgresDatabases(both, both);
            }
            catch
            {
                both.Dispose();
                throw;
            }
        }

        PostgresDatabase directory = Open(strings.Directory, strings.DirectoryOwner, settings, PostgresParts.Directory);
        try
        {
            return new PostgresDatabases(directory, Open(strings.Shard, strings.ShardOwner, settings, PostgresParts.Rooms, Identity(directory)));
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Directory.Dispose();
        Rooms.Dispose();
    }

    private static PostgresDatabase Open(string? connectionString, string? owner, PostgresSettings settings, PostgresParts parts, ShardIdentity? identity = null) => PostgresDatabase.Open(
        new PostgresOptions
        {
            ConnectionString = connectionString!, // There: ConnectionStringsValidator.
            OwnerConnectionString = owner,
            Pooler = settings.Pooler,
            ConnectionsMax = settings.ConnectionsMax,
            ConnectTimeout = TimeSpan.FromSeconds(settings.ConnectTimeoutSeconds),
            StatementTimeout = TimeSpan.FromSeconds(settings.StatementTimeoutSeconds),
            LockTimeout = TimeSpan.FromSeconds(settings.LockTimeoutSeconds),
            IdleInTransactionTimeout = TimeSpan.FromSeconds(settings.IdleInTransactionTimeoutSeconds),
        },
        parts,
        identity);

    private static ShardIdentity Identity(PostgresDatabase directory) => new(Shard: 0, PostgresInstallation.Read(directory).Id);
}
