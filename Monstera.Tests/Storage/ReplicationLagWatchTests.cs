using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Monstera.Data;
using Monstera.Server.Storage;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Storage;

/// <summary>What the one who is on call sees of a replica.</summary>
public sealed class ReplicationLagWatchTests
{
    [Fact]
    public async Task Lag_is_exported_and_a_replica_that_is_lost_is_said_once()
    {
        using PostgresPair pair = new();
        FakeTime time = new();
        using ReplicatedStorage storage = new(pair, time);
        using CapturedLogs logs = new();
        using ServiceProvider services = new ServiceCollection().AddMetrics().AddLogging(logging => logging.AddProvider(logs)).BuildServiceProvider();
        IMeterFactory meters = services.GetRequiredService<IMeterFactory>();
        using ShardReplicas replicas = new();
        replicas.Add(3, storage.Replica);
        using ReplicationLagWatch watch = new(replicas, meters, time, services.GetRequiredService<ILogger<ReplicationLagWatch>>());
        ConcurrentDictionary<string, double> values = new(StringComparer.Ordinal);
        using MeterListener listener = Listen(meters.Create(StorageMeter.Name), values);

        await storage.Rooms.Do(Create(Room(1)));
        await pair.CaughtUp(Cancel);
        Look();
        Assert.Empty(values);
        await watch.StartAsync(Cancel);
        string tags = $"shard=3 replica=127.0.0.1:{pair.Replica.Port}";
        await Signal.Poll(() => Look().Count == 2, "the first measurement");
        Assert.Equal((0, 0), (values[$"db_replication_lag_seconds {tags}"], values[$"db_replication_lag_bytes {tags}"]));

        pair.PauseReplay();
        await storage.Rooms.Do(Send(Room(1), "a"));
        await Turn(() => Look().GetValueOrDefault($"db_replication_lag_bytes {tags}") > 0, "bytes that are not replayed");
        Assert.InRange(values[$"db_replication_lag_seconds {tags}"], double.Epsilon, 3_600);

        pair.ResumeReplay();
        pair.KillReplica();
        await Turn(() => Look().IsEmpty, "no value");
        await Turn(() => logs.Lines.Any(line => line.Contains("[1301]", StringComparison.Ordinal)), "the warning");
        pair.Replica.Restart();
        await pair.CaughtUp(Cancel);
        await Turn(() => Look().GetValueOrDefault($"db_replication_lag_bytes {tags}", 1) == 0, "the replica is back");
        await watch.StopAsync(Cancel);
        Assert.Equal(
            ["1301", "1302"], logs.Lines.Where(line => line.Contains("[130", StringComparison.Ordinal)).Select(line => line[(line.IndexOf('[', StringComparison.Ordinal) + 1)..][..4]));

        ConcurrentDictionary<string, double> Look()
        {
            values.Clear();
            listener.RecordObservableInstruments();
            return values;
        }

        // The clock goes on until it is so.
        Task Turn(Func<bool> condition, string what) => Signal.Poll(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return condition();
            },
            what);
    }

    private static MeterListener Listen(Meter meter, ConcurrentDictionary<string, double> values)
    {
        MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter == meter)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => values[Name(instrument, tags)] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => values[Name(instrument, tags)] = value);
        listener.Start();
        return listener;
    }

    private static string Name(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        $"{instrument.Name} {string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}";
}
