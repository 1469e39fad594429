using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Deploy;

/// <summary>Two real server processes on one PostgreSQL database, called node1 and node2, which a balancer of this machine stands before. Restarted they listen where they did.</summary>
internal sealed class TwoNodes : IAsyncDisposable
{
    private TwoNodes(ServerProcess first, ServerProcess second) => (First, Second) = (first, second);

    public ServerProcess First { get; }

    public ServerProcess Second { get; }

    public ServerProcess this[string name] => name == "node1" ? First : Second;

    public static async Task<TwoNodes> Start(params (string Key, string Value)[] settings)
    {
        string database = PostgresServer.Shared.CreateEmptyDatabase();
        ServerProcess first = await ServerProcess.Start([.. Settings(database, "node1"), .. settings]);
        try
        {
            TwoNodes nodes = new(first, await ServerProcess.Start([.. Settings(database, "node2"), .. settings]));
            nodes.First.KeepsAddress = true;
            nodes.Second.KeepsAddress = true;
            return nodes;
        }
        catch
        {
            await first.DisposeAsync();
            throw;
        }
    }

    public static string OtherThan(string node) => node == "node1" ? "node2" : "node1";

    public async ValueTask DisposeAsync()
    {
        await First.DisposeAsync();
        await Second.DisposeAsync();
    }

    private static (string Key, string Value)[] Settings(string database, string name) =>
    [
        ("Storage", "postgres"),
        ("NodeName", name),
        ("Proxies:0", "127.0.0.1"),
        ("ConnectionStrings:Directory", PostgresServer.Shared.AppConnection(database)),
        ("ConnectionStrings:Owners:Directory", PostgresServer.Shared.OwnerConnection(database)),
        ("ConnectionStrings:Shards:0", PostgresServer.Shared.AppConnection(database)),
        ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"), ("Limits:CallsPerSecondPerConnection", "0"),
        ("Limits:SignInsPerMinutePerAddress", "0"),

        // Nodes hear of each other's events by this alone.
        ("Realtime:HeadComparisonSeconds", "1"),
        ("Lifecycle:SettleSeconds", "2"),
        ("Lifecycle:DrainSeconds", "2"),
    ];
}
