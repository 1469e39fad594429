using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Fixtures;

/// <summary>Two servers in this process, on one PostgreSQL database and one backplane that can be cut.</summary>
internal sealed class TwoNodes : IAsyncDisposable
{
    private readonly string _database;

    private TwoNodes(string database, RunningServer here, RunningServer there, MemoryBackplaneWire wire) => (_database, Here, There, Wire) = (database, here, there, wire);

    public RunningServer Here { get; }

    public RunningServer There { get; }

    public MemoryBackplaneWire Wire { get; }

    /// <param name="timeThere">The second node's clock.</param>
    /// <param name="replaceThere">Changes services of the second node.</param>
    /// <param name="replaceBoth">Changes services of both.</param>
    public static async Task<TwoNodes> Start(
        TimeProvider? timeThere = null,
        Action<IServiceCollection>? replaceThere = null,
        Action<IServiceCollection>? replaceBoth = null,
        params (string Key, string Value)[] settings)
    {
        PostgresServer postgres = PostgresServer.Shared;
        string database = PostgresStorage.CreateDatabase(postgres);
        Dictionary<string, string?> strings = new(StringComparer.Ordinal)
        {
            [ConnectionStrings.DirectoryKey] = postgres.AppConnection(database),
            [ConnectionStrings.DirectoryOwnerKey] = postgres.OwnerConnection(database),
            [ConnectionStrings.ShardKey(0)] = postgres.AppConnection(database),
        };
        MemoryBackplaneWire wire = new();
        Task<RunningServer> Node(string name, TimeProvider? time, Action<IServiceCollection>? replace) => LiveServer.Start(
            time,
            null,
            [("Storage", "postgres"), ("NodeName", name), .. settings],
            services =>
            {
                services.AddSingleton(new ConnectionStrings(new ConfigurationBuilder().AddInMemoryCollection(strings).Build()));
                services.AddSingleton(wire);
                replaceBoth?.Invoke(services);
                replace?.Invoke(services);
            });

        RunningServer here = await Node("here", null, null);
        return new TwoNodes(database, here, await Node("there", timeThere, replaceThere), wire);
    }

    public async ValueTask DisposeAsync()
    {
        await Here.DisposeAsync();
        await There.DisposeAsync();
        PostgresServer.Shared.DropDatabase(_database);
    }
}
