using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>One server for the tests of a class; each test takes rooms of its own.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    public RunningServer Server { get; private set; } = null!;

    /// <summary>The tenant of connection tokens that name none.</summary>
    public Guid Tenant { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Server = await LiveServer.Start();
        await using HubSocket hub = await HubSocket.Connect(Server.Uri(), Tokens.For("first"));
        JsonElement hello = await hub.Hello();
        Tenant = hello.GetProperty("tenant").GetProperty("id").GetGuid();
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    /// <summary>A room that nobody else has heard of.</summary>
    public (string Key, Guid Id) NewRoom()
    {
        string key = "room " + Guid.NewGuid().ToString("N")[..12];
        return (key, Tokens.RoomOf(Tenant, key));
    }
}
