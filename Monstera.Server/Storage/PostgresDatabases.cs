using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Server.Configuration;

namespace Monstera.Server.Storage;

/// <summary>
/// The databases of the directory and of the shards. The directory is open; a shard is opened when it can be. One whose connection string equals the directory's is the same database,
/// with connections that both share.
/// </summary>
internal sealed class PostgresDatabases : IDisposable
{
    /// <summary>Of the directory where figures name databases.</summary>
    public const string DirectoryName = "directory";

    private readonly ConnectionStrings _strings;
    private readonly PostgresSettings _settings;
    private readonly Guid _installation;
    private readonly ConcurrentBag<PostgresDatabase> _shards = [];
    private readonly ConcurrentDictionary<string, PostgresDatabase> _open = new(StringComparer.Ordinal);

    private PostgresDatabases(PostgresDatabase directory, ConnectionStrings strings, PostgresSettings settings)
    {
        (Directory, _strings, _settings) = (directory, strings, settings);
        _installation = PostgresInstallation.Read(directory).Id;
        _open[strings.SharedShard is { } shared ? NameOf(shared) : DirectoryName] = directory;
    }

    public PostgresDatabase Directory { get; }

    public string Place => _strings.ShardCount == 1
        ? _strings.IsWithDirectory(0) ? $"PostgreSQL ({Directory.Place})" : $"PostgreSQL (directory: {Directory.Place}; rooms in another database)"
        : $"PostgreSQL (directory: {Directory.Place}; rooms in {_strings.ShardCount} shards)";

    /// <summary>Opens the directory, and the shard that is in its database, if there is one.</summary>
    /// <exception cref="StorageRefusedException">See <see cref="PostgresDatabase.Open(PostgresOptions, PostgresParts, ShardIdentity?)"/>.</exception>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static PostgresDatabases Open(ConnectionStrings strings, PostgresSettings settings)
    {
        int? shared = strings.SharedShard;
        PostgresDatabase directory = PostgresDatabase.Open(
            Options(strings.Directory!, strings.DirectoryOwner, settings, shared is { } both ? NameOf(both) : DirectoryName),
            shared is null ? PostgresParts.Directory : PostgresParts.Directory | PostgresParts.Rooms);
        try
        {
            PostgresDatabases databases = new(directory, strings, settings);
            if (shared is { } number)
            {
                directory.Identify(databases.Identity(number));
            }

            return databases;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>All databases that are open, by the name that figures have for them: a shard's number, or <c>directory</c>. One that is both is a shard.</summary>
    public IReadOnlyList<KeyValuePair<string, PostgresDatabase>> Named => [.. _open];

    /// <summary>The rooms of all shards.</summary>
    /// <exception cref="StorageRefusedException">A shard must not be used as it is.</exception>
    /// <exception cref="StorageUnavailableException">The directory cannot be reached. Shards may be away.</exception>
    public ShardedRoomStore OpenRooms(ShardReplicas replicas, Meter meter, TimeProvider time) => ShardedRoomStore.Open(
        new PostgresSlotAssignments(Directory),
        _strings.ShardCount,
        (shard, epochOf) => new MeasuredRoomStore(OpenShard(shard, epochOf, replicas, meter, time), new StorageMeter(meter, NameOf(shard), time)),
        time,
        CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>Bytes of each database that is open.</summary>
    /// <exception cref="StorageUnavailableException">One cannot be reached.</exception>
    public async ValueTask<IReadOnlyList<long>> MeasureSizes(CancellationToken cancel)
    {
        List<long> sizes = [];
        foreach (PostgresDatabase database in _shards.Prepend(Directory))
        {
            sizes.Add(await database.MeasureSize(cancel));
        }

        return sizes;
    }

    public void Dispose()
    {
        Directory.Dispose();
        foreach (PostgresDatabase shard in _shards)
        {
            shard.Dispose();
        }
    }

    /// <summary>The one place where a shard's store is made, and what stands before it.</summary>
    private IRoomStore OpenShard(int shard, Func<short, long> epochOf, ShardReplicas replicas, Meter meter, TimeProvider time)
    {
        PostgresDatabase database = Directory;
        if (!_strings.IsWithDirectory(shard))
        {
            database = PostgresDatabase.Open(Options(_strings.Shard(shard)!, _strings.ShardOwner(shard), _settings, NameOf(shard)), PostgresParts.Rooms, Identity(shard));
            _shards.Add(database);
            _open[NameOf(shard)] = database;
        }

        PostgresRoomStore primary = new(database, epochOf);
        if (_strings.Replica(shard) is not { } connectionString)
        {
            return primary;
        }

        PostgresReplica replica = new(Options(connectionString, owner: null, _settings, NameOf(shard) + "-replica"), database, time, epochOf);
        replicas.Add(shard, replica);
        return new ReplicatedRoomStore(primary, replica.ReadTimeline, new ReplicaPatience(), new HistoryReads(meter, shard), time);
    }

    private static string NameOf(int shard) => shard.ToString(CultureInfo.InvariantCulture);

    private ShardIdentity Identity(int shard) => new((short)shard, _installation);

    private static PostgresOptions Options(string connectionString, string? owner, PostgresSettings settings, string name) => new()
    {
        Name = name,
        ConnectionString = connectionString,
        OwnerConnectionString = owner,
        Pooler = settings.Pooler,
        ConnectionsMax = settings.ConnectionsMax,
        ConnectTimeout = TimeSpan.FromSeconds(settings.ConnectTimeoutSeconds),
        StatementTimeout = TimeSpan.FromSeconds(settings.StatementTimeoutSeconds),
        LockTimeout = TimeSpan.FromSeconds(settings.LockTimeoutSeconds),
        IdleInTransactionTimeout = TimeSpan.FromSeconds(settings.IdleInTransactionTimeoutSeconds),
    };
}
