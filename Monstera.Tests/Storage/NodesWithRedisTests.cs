using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Storage;

/// <summary>Two real servers on one PostgreSQL and one Redis: ends of sessions, and limits.</summary>
public sealed class NodesWithRedisTests
{
    private const int PerSecond = 40;
    private const int Burst = 20;

    /// <summary>Within a second, it is promised; what else this machine does takes its time too. Far from the half minute that it takes without what is tested.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Sessions_end_and_limits_hold_on_both_nodes_with_Redis_and_sessions_end_without()
    {
        using RedisServer redis = RedisServer.Start();
        await using TwoProcesses nodes = await TwoProcesses.Start(
            redis.ConnectionString, ("Limits:WritesPerSecondPerUser", $"{PerSecond}"), ("Limits:WritesBurstPerUser", $"{Burst}"));
        (ServerProcess here, ServerProcess there) = (nodes.First, nodes.Second);
        RestClient[] sessions = [await SignIn(here, "setup"), await SignIn(there, "sign-in"), await SignIn(here, "sign-in"), await SignIn(there, "sign-in")];

        // 1. Told by Redis: signed out here, cut there.
        (HubSocket hub, SeenMessages seen) = await Connect(there, sessions[0]);
        RestClient elsewhere = new(AddressOf(there)) { Token = sessions[0].Token };
        (await elsewhere.Get("/api/me")).IsStatus(200);
        (await sessions[0].Post("/api/sign-out")).IsStatus(204);
        await seen.Changed.Until(() => seen.SignedOut == "session_ended", "SignedOut", Soon);
        await Signal.Poll(() => !hub.IsOpen, "the connection to close", Soon);
        (await elsewhere.Get("/api/me")).IsStatus(401);

        // 2. One user writes on both as fast as they let them.
        await using HubSocket one = await HubSocket.Connect(here.Address, sessions[2].Token);
        await one.Hello();
        await using HubSocket two = await HubSocket.Connect(there.Address, sessions[1].Token);
        await two.Hello();
        Guid room = (await sessions[1].Get("/api/rooms")).IsStatus(200).Items[0].GetProperty("id").GetGuid();
        long begun = TimeProvider.System.GetTimestamp();
        int[] written = await Task.WhenAll(Write(one, room, begun), Write(two, room, begun));
        double seconds = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
        double bound = (2 * (Burst + (PerSecond / 2.0))) + (PerSecond * seconds);
        Assert.InRange(written.Sum(), PerSecond * 2, bound);
        Assert.True(bound < 2 * (Burst + (PerSecond * (seconds - 1))), "Nodes that are each for themselves would stay within the bound too: nothing was proven.");

        // 3. Redis is gone: they find out.
        (HubSocket last, SeenMessages seenLast) = await Connect(there, sessions[3]);
        redis.Stop();
        (await new RestClient(AddressOf(here)) { Token = sessions[3].Token }.Post("/api/sign-out")).IsStatus(204);
        await seenLast.Changed.Until(() => seenLast.SignedOut == "session_ended", "SignedOut", Soon);
        (await sessions[3].Get("/api/me")).IsStatus(401);

        // 4. And each is for itself.
        string? code;
        do
        {
            code = (await one.Send(room, "alone")).Code();
        }
        while (code == "rate_limited");

        Assert.Null(code);
        await hub.DisposeAsync();
        await last.DisposeAsync();
    }

    private static string AddressOf(ServerProcess server) => server.Address.GetLeftPart(UriPartial.Authority);

    private static async Task<RestClient> SignIn(ServerProcess server, string how)
    {
        RestClient client = new(AddressOf(server));
        Answer answer = await client.Post("/api/" + how, new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true });
        Assert.InRange(answer.Status, 200, 201);
        return client.SignedIn(answer);
    }

    private static async Task<(HubSocket Hub, SeenMessages Seen)> Connect(ServerProcess server, RestClient session)
    {
        SeenMessages seen = new();
        HubSocket hub = await HubSocket.Connect(server.Address, session.Token, new HubSocketOptions { Received = seen.Take });
        await hub.Hello();
        return (hub, seen);
    }

    /// <summary>For four seconds, one after another, refused or not.</summary>
    private static async Task<int> Write(HubSocket hub, Guid room, long begun)
    {
        int written = 0;
        while (TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(4))
        {
            JsonElement answer = await hub.Send(room, "as fast as I can");
            if (answer.Code() is { } code)
            {
                Assert.Equal("rate_limited", code);
            }
            else
            {
                written++;
            }
        }

        return written;
    }
}
