using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Data;
using Monstera.Server.Configuration;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Storage;

/// <summary>The whole server with <c>ConnectionStrings:Replicas:0</c>.</summary>
public sealed class ReplicaServerTests
{
    private readonly ConcurrentDictionary<string, long> _reads = new(StringComparer.Ordinal);

    [Fact]
    public async Task History_is_read_from_a_replica_that_may_come_late_and_go()
    {
        using PostgresPair pair = new();
        string database = pair.Primary.CreateEmptyDatabase();
        await pair.CaughtUp(Cancel);
        pair.KillReplica();
        await using RunningServer server = await Start(pair, database);
        using MeterListener listener = Listen(server.Services.GetRequiredService<IMeterFactory>().Create(StorageMeter.Name));
        RestClient ann = await server.SetUp("ann");
        string messages = $"/api/rooms/{(await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString()}/messages";
        (await ann.Post(messages, new { clientId = Guid.NewGuid(), text = "first" })).IsStatus(200);

        pair.Replica.Restart();
        await pair.CaughtUp(Cancel);
        Assert.Equal("first", await Newest(ann, messages));
        Assert.Equal(1, _reads["source=replica reason=current"]);

        pair.PauseReplay();
        (await ann.Post(messages, new { clientId = Guid.NewGuid(), text = "second" })).IsStatus(200);
        Assert.Equal("second", await Newest(ann, messages));
        Assert.Equal(1, _reads["source=primary reason=behind"]);

        pair.ResumeReplay();
        pair.KillReplica();
        Assert.Equal("second", await Newest(ann, messages));
        Assert.Equal("second", await Newest(ann, messages));
        Assert.Equal((1, 1), (_reads["source=primary reason=failed"], _reads["source=primary reason=resting"]));
        Assert.Equal(1, _reads["source=replica reason=current"]);
    }

    private static Task<RunningServer> Start(PostgresPair pair, string database)
    {
        Dictionary<string, string?> strings = new(StringComparer.Ordinal)
        {
            [ConnectionStrings.DirectoryKey] = pair.Primary.AppConnection(database),
            [ConnectionStrings.DirectoryOwnerKey] = pair.Primary.OwnerConnection(database),
            [ConnectionStrings.ShardKey(0)] = pair.Primary.AppConnection(database),
            [ConnectionStrings.ReplicaKey(0)] = pair.Replica.AppConnection(database),
        };
        return RunningServer.Start(
            [("Storage", "postgres")],
            new FakeTime(), // The replica is waited for as long as it takes, and rests for ever.
            replace: services => services.AddSingleton(new ConnectionStrings(new ConfigurationBuilder().AddInMemoryCollection(strings).Build())));
    }

    private static async Task<string?> Newest(RestClient client, string messages) =>
        (await client.Get(messages + "?limit=10")).IsStatus(200).Items[^1].GetProperty("text").GetString();

    private MeterListener Listen(Meter meter)
    {
        MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter == meter && instrument.Name == "db_history_reads")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, by, tags, _) => _reads.AddOrUpdate(
            string.Join(' ', tags.ToArray().Where(tag => tag.Key != "shard").Select(tag => $"{tag.Key}={tag.Value}")), by, (_, before) => before + by));
        listener.Start();
        return listener;
    }
}
