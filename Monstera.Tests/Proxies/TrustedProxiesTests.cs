using System.Net;
using System.Net.WebSockets;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Proxies;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Proxies;

/// <summary>Behind a balancer that ends TLS: for whom it asks is believed when it is one of ours, and never else.</summary>
public sealed class TrustedProxiesTests
{
    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("10.1.3.1", false)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("192.168.7.7", true)]
    [InlineData("192.168.7.8", false)]
    [InlineData("fd00::5", true)]
    [InlineData("fd01::5", false)]
    public void Addresses_and_networks_are_named(string address, bool isTrusted)
    {
        MonsteraOptions options = new() { Proxies = ["10.1.2.0/24", "192.168.7.7", "fd00::/16"] };
        Assert.Equal(isTrusted, new TrustedProxies(Options.Create(options)).Contains(IPAddress.Parse(address)));
        Assert.False(new TrustedProxies(Options.Create(new MonsteraOptions())).Contains(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("everybody")]
    [InlineData("10.0.0.0/33")]
    [InlineData("")]
    public async Task A_proxy_that_is_none_is_named_at_the_start(string proxy)
    {
        OptionsValidationException wrong = await Assert.ThrowsAsync<OptionsValidationException>(() => RunningServer.Start([("Proxies:0", proxy)]));
        Assert.Contains($"Monstera:Proxies:0 is '{proxy}'", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_cookie_and_the_origin_are_those_of_the_address_that_people_see()
    {
        await using RunningServer server = await LiveServer.Start(("Proxies:0", "127.0.0.0/8"));
        await server.SetUp();
        RestClient behind = server.Anonymous();
        behind.Headers["X-Forwarded-Proto"] = "https";
        behind.Headers["X-Forwarded-For"] = "203.0.113.7";
        behind.Headers["Host"] = "chat.example.org";
        Answer signedIn = (await behind.Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).IsStatus(200);
        Assert.Contains("secure", signedIn.Header("Set-Cookie")!, StringComparison.OrdinalIgnoreCase);

        behind.Cookie = signedIn.SessionCookie;
        behind.Origin = "https://chat.example.org";
        (await behind.Patch("/api/me", new { displayName = "Somebody" })).IsStatus(200);
        behind.Origin = "http://chat.example.org";
        (await behind.Patch("/api/me", new { displayName = "Somebody" })).Is("forbidden", 403);
        foreach (string path in (string[])["/hub", "/HUB"])
        {
            Assert.Null(await Refusal(server, path, signedIn.SessionCookie!, "https://chat.example.org"));
            Assert.Contains("403", await Refusal(server, path, signedIn.SessionCookie!, "http://chat.example.org"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("10.0.0.0/8")]
    public async Task Who_is_no_proxy_of_ours_is_not_believed(string? proxy)
    {
        // The framework's own switch, which believes everybody, changes nothing.
        Environment.SetEnvironmentVariable("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true");
        await using RunningServer server = await LiveServer.Start([("Limits:SignInsPerMinutePerAddress", "2"), .. proxy is null ? [] : new[] { ("Proxies:0", proxy) }]);
        Environment.SetEnvironmentVariable("ASPNETCORE_FORWARDEDHEADERS_ENABLED", null);
        await server.SetUp();
        RestClient liar = server.Anonymous();
        liar.Headers["X-Forwarded-Proto"] = "https";
        liar.Headers["X-Forwarded-For"] = "203.0.113.1";
        Answer signedIn = (await liar.Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).IsStatus(200);
        Assert.DoesNotContain("secure", signedIn.Header("Set-Cookie")!, StringComparison.OrdinalIgnoreCase);

        // Another address every time would be no limit at all. The set-up was the first of two.
        liar.Headers["X-Forwarded-For"] = "203.0.113.2";
        (await liar.Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).Is("rate_limited", 429);
    }

    [Fact]
    public async Task Of_several_proxies_each_must_be_ours()
    {
        await using RunningServer server = await LiveServer.Start(("Limits:SignInsPerMinutePerAddress", "1"), ("Proxies:0", "127.0.0.1"), ("Proxies:1", "10.0.0.0/8"));
        RestClient behind = server.Anonymous();
        object wrong = new { userName = "nobody", password = RestClient.Password };

        // The last is ours and adds whom it saw; what stands before a stranger is the stranger's invention.
        behind.Headers["X-Forwarded-For"] = "203.0.113.1, 198.51.100.9, 10.0.0.4";
        (await behind.Post("/api/sign-in", wrong)).Is("unauthenticated", 401);
        behind.Headers["X-Forwarded-For"] = "203.0.113.2, 198.51.100.9, 10.0.0.5";
        (await behind.Post("/api/sign-in", wrong)).Is("rate_limited", 429);
        behind.Headers["X-Forwarded-For"] = "203.0.113.2, 198.51.100.10, 10.0.0.5";
        (await behind.Post("/api/sign-in", wrong)).Is("unauthenticated", 401);
    }

    [Theory]
    [InlineData("/hub")]
    [InlineData("/HUB")]
    public async Task Connections_of_an_address_are_counted_by_the_address_behind_the_proxy(string path)
    {
        await using RunningServer server = await LiveServer.Start(("Limits:ConnectionsPerAddress", "2"), ("Proxies:0", "127.0.0.1"));
        List<ClientWebSocket> open = [];
        for (int i = 0; i < 6; i++)
        {
            open.Add(await Open(server, path, $"203.0.113.{i / 2}"));
        }

        WebSocketException full = await Assert.ThrowsAsync<WebSocketException>(() => Open(server, path, "203.0.113.1"));
        Assert.Contains("429", full.Message, StringComparison.Ordinal);
        open[2].Abort();
        await Signal.Poll(() => server.Get<Monstera.Server.Realtime.ConnectionRegistry>().Count == 5, "the place to be free");
        await Signal.Poll(() => TryOpen().GetAwaiter().GetResult(), "the place to be taken again");
        foreach (ClientWebSocket socket in open)
        {
            socket.Dispose();
        }

        async Task<bool> TryOpen()
        {
            try
            {
                open.Add(await Open(server, path, "203.0.113.1"));
                return true;
            }
            catch (WebSocketException)
            {
                return false;
            }
        }
    }

    private static async Task<ClientWebSocket> Open(RunningServer server, string path, string address)
    {
        ClientWebSocket socket = new();
        socket.Options.SetRequestHeader("X-Forwarded-For", address);
        try
        {
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{server.Uri().Port}{path}?access_token={Tokens.For("aoi")}"), CancellationToken.None);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <returns>Why the WebSocket was not opened; null: it was.</returns>
    private static async Task<string?> Refusal(RunningServer server, string path, string cookie, string origin)
    {
        using ClientWebSocket socket = new();
        socket.Options.SetRequestHeader("X-Forwarded-Proto", "https");
        socket.Options.SetRequestHeader("Host", "chat.example.org");
        socket.Options.SetRequestHeader("Cookie", "monstera_session=" + cookie);
        socket.Options.SetRequestHeader("Origin", origin);
        try
        {
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{server.Uri().Port}{path}"), CancellationToken.None);
            return null;
        }
        catch (WebSocketException e)
        {
            return e.Message;
        }
    }
}
