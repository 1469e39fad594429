using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Data.Sqlite;
using Monstera.Server.Configuration;

namespace Monstera.Server.Storage;

/// <summary>
/// Figures about whole databases: how large they are (asked every minute, since it is a question to each), how many connections there may be, deadlocks, and the map of slots. One that is away
/// keeps its last size.
/// </summary>
internal sealed class DatabaseWatch : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, long> _sizes = new(StringComparer.Ordinal);
    private readonly Func<IReadOnlyList<KeyValuePair<string, PostgresDatabase>>>? _databases;
    private readonly TimeProvider _time;

    public DatabaseWatch(IServiceProvider services, IRoomStore rooms, IMeterFactory meters, IOptions<MonsteraOptions> options, TimeProvider time)
    {
        _time = time;
        Meter meter = meters.Create(StorageMeter.Name);
        meter.CreateObservableGauge("data_size_bytes", Sizes, "By", "What a database keeps on disk, indexes and logs included.");
        if (options.Value.Storage == StorageProvider.Sqlite)
        {
            SqliteDatabase file = services.GetRequiredService<SqliteDatabase>();
            _sizes.TryAdd("sqlite", 0);
            ReadFile = () => file.Size;
            return;
        }

        PostgresDatabases databases = services.GetRequiredService<PostgresDatabases>();
        _databases = () => databases.Named;
        int connectionsMax = options.Value.Postgres.ConnectionsMax;
        meter.CreateObservableGauge(
            "db_pool_max", () => databases.Named.Select(one => Of(connectionsMax, "database", one.Key)), "{connection}", "Connections that this process may have to a database.");
        meter.CreateObservableCounter(
            "db_deadlocks",
            () => databases.Named.Select(one => Of(one.Value.Deadlocks, "shard", one.Key)),
            "{transaction}",
            "Transactions that a database ended because they waited for each other, tried again or not.");
        if (rooms is ShardedRoomStore shards)
        {
            meter.CreateObservableGauge("slot_map_version", () => shards.MapVersion, null, "Version of the map of slots that this node follows: the same on all nodes but for a moment.");
            meter.CreateObservableGauge(
                "db_shard_away",
                () => Enumerable.Range(0, shards.Partitions).Select(shard => Of(shards.FailureOf(shard) is null ? 0 : 1, "shard", shard)),
                null,
                "1 while a shard does not answer, and its rooms cannot be used.");
        }
    }

    private Func<long>? ReadFile { get; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_databases is null)
        {
            return;
        }

        using PeriodicTimer timer = new(Every, _time);
        try
        {
            do
            {
                await Task.WhenAll(_databases().Select(one => Measure(one.Key, one.Value, stoppingToken)));
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task Measure(string name, PostgresDatabase database, CancellationToken stoppingToken)
    {
        try
        {
            _sizes[name] = await database.MeasureSize(stoppingToken);
        }
        catch (StorageUnavailableException)
        {
            // Others tell of it.
        }
    }

    private IEnumerable<Measurement<long>> Sizes() => _sizes.Select(one => Of(ReadFile?.Invoke() ?? one.Value, "database", one.Key));

    private static Measurement<T> Of<T>(T value, string label, object name)
        where T : struct => new(value, new KeyValuePair<string, object?>(label, name));
}
