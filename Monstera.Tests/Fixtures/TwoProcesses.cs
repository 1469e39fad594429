using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Fixtures;

/// <summary>Two servers as processes of their own, on one PostgreSQL database and one Redis, called node1 and node2. No rates are limited unless a test says so. Restarted they listen where they did.</summary>
internal sealed class TwoProcesses : IAsyncDisposable
{
    private static readonly (string Key, string Value)[] NoLimits =
    [
        ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"), ("Limits:CallsPerSecondPerConnection", "0"),
        ("Limits:SignInsPerMinutePerAddress", "0"),
    ];

    private TwoProcesses(ServerProcess first, ServerProcess second) => (First, Second) = (first, second);

    public ServerProcess First { get; }

    public ServerProcess Second { get; }

    public ServerProcess this[string name] => name == "node1" ? First : Second;

    /// <param name="redis">For <c>ConnectionStrings:Redis</c>; null: the server that all tests share.</param>
    public static async Task<TwoProcesses> Start(string? redis = null, params (string Key, string Value)[] settings)
    {
        string database = PostgresStorage.CreateDatabase(PostgresServer.Shared);
        Task<ServerProcess>[] starting = [.. new[] { "node1", "node2" }.Select(name => ServerProcess.Start(
        [
            ("Storage", "postgres"),
            ("NodeName", name),
            ("ConnectionStrings:Directory", PostgresServer.Shared.AppConnection(database)),
            ("ConnectionStrings:Owners:Directory", PostgresServer.Shared.OwnerConnection(database)),
            ("ConnectionStrings:Shards:0", PostgresServer.Shared.AppConnection(database)),
            ("Backplane", "redis"),
            ("ConnectionStrings:Redis", redis ?? RedisServer.Shared.ConnectionString),
            .. NoLimits, .. settings,
        ]))];
        try
        {
            ServerProcess[] nodes = await Task.WhenAll(starting);
            Array.ForEach(nodes, node => node.KeepsAddress = true);
            return new TwoProcesses(nodes[0], nodes[1]);
        }
        catch
        {
            foreach (Task<ServerProcess> one in starting.Where(one => one.IsCompletedSuccessfully))
            {
                await (await one).DisposeAsync();
            }

            throw;
        }
    }

    public static string OtherThan(string node) => node == "node1" ? "node2" : "node1";

    public async ValueTask DisposeAsync()
    {
        await First.DisposeAsync();
        await Second.DisposeAsync();
    }
}
