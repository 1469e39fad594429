using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>What is watched: a server alone on SQLite, and two nodes on PostgreSQL with a replica and Redis, with people on all three who do a little of everything until this is disposed of.</summary>
internal sealed class WatchedNodes : IAsyncDisposable
{
    private const string Room = "watched";

    private readonly List<ServerProcess> _nodes = [];
    private readonly List<ChatClient> _people = [];
    private readonly List<FallbackHub> _others = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _life = Task.CompletedTask;

    private WatchedNodes()
    {
    }

    public Uri[] Addresses => [.. _nodes.Select(node => node.Address)];

    /// <summary>Why people do nothing any more; empty while they do.</summary>
    public string Trouble => _life.Exception?.ToString() ?? "";

    public static async Task<WatchedNodes> Start()
    {
        WatchedNodes nodes = new();
        try
        {
            // So that limits are met, and garbage is collected, within seconds.
            (string, string)[] limits = [("Limits:ConnectionsPerNode", "500"), ("Limits:SignInsPerMinutePerAddress", "1"), ("DOTNET_GCgen0size", "400000")];
            string database = PostgresPair.Shared.Primary.CreateEmptyDatabase();
            await PostgresPair.Shared.CaughtUp(TestContext.Current.CancellationToken);
            Task<ServerProcess> alone = ServerProcess.Start([("NodeName", "alone"), .. limits]);
            nodes._nodes.Add(await ServerProcess.Start([.. OnPostgres(database, "node1"), .. limits]));
            nodes._nodes.Add(await ServerProcess.Start([.. OnPostgres(database, "node2"), .. limits]));
            nodes._nodes.Add(await alone);
            await nodes.Populate();
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _life.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (IAsyncDisposable part in (IAsyncDisposable[])[.. _people, .. _others, .. _nodes])
        {
            await part.DisposeAsync();
        }

        _stop.Dispose();
    }

    private static (string Key, string Value)[] OnPostgres(string database, string name) =>
    [
        ("Storage", "postgres"),
        ("NodeName", name),
        ("Backplane", "redis"),
        ("ConnectionStrings:Redis", RedisServer.Shared.ConnectionString),
        ("ConnectionStrings:Directory", PostgresPair.Shared.Primary.AppConnection(database)),
        ("ConnectionStrings:Owners:Directory", PostgresPair.Shared.Primary.OwnerConnection(database)),
        ("ConnectionStrings:Shards:0", PostgresPair.Shared.Primary.AppConnection(database)),
        ("ConnectionStrings:Replicas:0", PostgresPair.Shared.Replica.AppConnection(database)),
    ];

    private async Task Populate()
    {
        foreach (ServerProcess node in _nodes)
        {
            foreach (string name in (string[])["ann", "bob"])
            {
                ChatClient person = new(() => node.Address, () => Tokens.For(name, Room));
                _people.Add(person);
                await person.Start();
                person.Follow(Tokens.RoomOf(person.Tenant, Room));
            }
        }

        foreach (FallbackTransport transport in Enum.GetValues<FallbackTransport>())
        {
            FallbackHub hub = await FallbackHub.Connect(_nodes[0].Address, Tokens.For($"{transport}", Room), transport);
            _others.Add(hub);
            await hub.Call("Hello", new { protocol = 1 });
        }

        _life = Task.Run(Live);
    }

    /// <summary>Messages, calls that are refused, lists and history over REST, passwords that are wrong, connections that come and go.</summary>
    private async Task Live()
    {
        RestClient[] rest = [.. _nodes.Select(node => new RestClient(node.Address.GetLeftPart(UriPartial.Authority)) { Token = Tokens.For("ann", Room) })];
        for (int i = 0; !_stop.IsCancellationRequested; i++)
        {
            await Task.WhenAll(_people.Select(person => person.Send(Tokens.RoomOf(person.Tenant, Room), $"message {i}")));
            foreach ((RestClient client, ServerProcess node) in rest.Zip(_nodes))
            {
                Guid room = Tokens.RoomOf(_people[_nodes.IndexOf(node) * 2].Tenant, Room);
                await client.Get("/api/rooms");
                await client.Get($"/api/rooms/{room}/messages?limit=5");
                await client.Get($"/api/rooms/{Guid.NewGuid()}");
                await client.Post("/api/sign-in", new { userName = "nobody", password = RestClient.Password });
                await using HubSocket guest = await HubSocket.Connect(node.Address, Tokens.For("guest", Room));
                await guest.Hello();
                await guest.Send(Guid.NewGuid(), "into no room");
            }
        }
    }
}
