using System.Net;
using System.Net.Sockets;
using System.Text;
using Monstera.Server.Limits;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>Who comes in at all: not too many at once, and not too many of one address.</summary>
public sealed class AdmissionTests
{
    [Theory]
    [InlineData("/hub")]
    [InlineData("/HUB")]
    public async Task More_than_so_many_at_once_are_told_to_come_later(string path)
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, [("Realtime:UpgradesPerSecond", "2"), ("Realtime:UpgradesBurst", "3")]);
        RestClient rest = new(server.Address) { Token = Tokens.For("aoi") };

        // Negotiations count as WebSockets do.
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).IsStatus(200);
        for (int i = 0; i < 2; i++)
        {
            using TcpClient client = new();
            Assert.StartsWith("HTTP/1.1 101", await Upgrade(client, server, path), StringComparison.Ordinal);
        }

        using (TcpClient refused = new())
        {
            string answer = await Upgrade(refused, server, path);
            Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
            Assert.Matches("Retry-After: [1-3]\r\n", answer);
            Assert.Contains("\"code\":\"overloaded\"", answer, StringComparison.Ordinal);
        }

        (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("overloaded", 503);
        (await rest.Get("/api/me")).IsStatus(200);
        time.AdvanceMs(500);
        using (TcpClient later = new())
        {
            Assert.StartsWith("HTTP/1.1 101", await Upgrade(later, server, path), StringComparison.Ordinal);
        }

        (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("overloaded", 503);
    }

    [Fact]
    public async Task An_address_with_all_its_connections_negotiates_no_more_and_uses_up_nobody_elses_turn()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(
            time, null, [("Limits:ConnectionsPerAddress", "1"), ("Realtime:UpgradesPerSecond", "1"), ("Realtime:UpgradesBurst", "3"), ("Proxies:0", "127.0.0.1")]);
        RestClient rest = new(server.Address) { Token = Tokens.For("aoi") };
        await using FallbackHub hub = await FallbackHub.Connect(server.Uri(), Tokens.For("aoi"), FallbackTransport.LongPolling);
        for (int i = 0; i < 5; i++)
        {
            (await rest.Post("/hub/negotiate?negotiateVersion=1")).Is("rate_limited", 429);
        }

        rest.Headers["X-Forwarded-For"] = "203.0.113.1";
        (await rest.Post("/hub/negotiate?negotiateVersion=1")).IsStatus(200);
    }

    [Fact]
    public async Task Thousands_of_sockets_of_one_address_are_closed_unread()
    {
        await using RunningServer server = await LiveServer.Start(("Limits:ConnectionsPerAddress", "10"));
        List<TcpClient> silent = [];
        for (int i = 0; i < 20; i++)
        {
            silent.Add(await Open(server));
        }

        using (TcpClient tooMany = await Open(server))
        {
            Assert.Equal(0, await Read(tooMany));
        }

        // One that leaves makes room, and so does one that was the HTTP server's.
        silent[0].Dispose();
        await Signal.Poll(() => Serves(server).GetAwaiter().GetResult(), "a free place");
        for (int i = 0; i < 5; i++)
        {
            await Signal.Poll(() => Serves(server).GetAwaiter().GetResult(), "the place to be free again");
        }

        foreach (TcpClient client in silent)
        {
            client.Dispose();
        }
    }

    [Fact]
    public async Task A_proxys_sockets_are_many_peoples()
    {
        await using RunningServer server = await LiveServer.Start(("Limits:ConnectionsPerAddress", "2"), ("Proxies:0", "127.0.0.1"));
        List<TcpClient> open = [];
        for (int i = 0; i < 20; i++)
        {
            open.Add(await Open(server));
        }

        Assert.True(await Serves(server));
        foreach (TcpClient client in open)
        {
            client.Dispose();
        }
    }

    [Fact]
    public void Places_are_counted_by_address_and_forgotten_when_they_are_left()
    {
        AddressPlaces places = new(2);
        IDisposable first = places.TryTake(1)!;
        IDisposable second = places.TryTake(1)!;
        Assert.Null(places.TryTake(1));
        Assert.True(places.IsFull(1));
        using (IDisposable? other = places.TryTake(2))
        {
            Assert.NotNull(other);
            Assert.Equal(2, places.Count);
        }

        first.Dispose();
        first.Dispose();
        Assert.NotNull(places.TryTake(1));
        Assert.Null(places.TryTake(1));
        second.Dispose();
        Assert.Equal(1, places.Count);

        AddressPlaces unbounded = new(0);
        Assert.All(Enumerable.Range(0, 1_000), _ => Assert.NotNull(unbounded.TryTake(1)));
    }

    private static async Task<TcpClient> Open(RunningServer server)
    {
        TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        return client;
    }

    /// <summary>A request over a socket of its own, which is closed afterwards.</summary>
    private static async Task<bool> Serves(RunningServer server)
    {
        using TcpClient client = await Open(server);
        try
        {
            await client.GetStream().WriteAsync("GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            return await Read(client) > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<int> Read(TcpClient client)
    {
        try
        {
            return await client.GetStream().ReadAsync(new byte[1_024]).AsTask().WaitAsync(Signal.Patience);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <returns>The answer's head and what came with it.</returns>
    private static async Task<string> Upgrade(TcpClient client, RunningServer server, string path)
    {
        await client.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET {path}?access_token={Tokens.For("aoi")} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
        StringBuilder answer = new();
        byte[] buffer = new byte[4_096];
        while (!answer.ToString().Contains("\r\n\r\n", StringComparison.Ordinal)
            || (answer.ToString().StartsWith("HTTP/1.1 503", StringComparison.Ordinal) && !answer.ToString().EndsWith('}')))
        {
            int read = await stream.ReadAsync(buffer).AsTask().WaitAsync(Signal.Patience);
            if (read == 0)
            {
                break;
            }

            answer.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }

        return answer.ToString();
    }
}
