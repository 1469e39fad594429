using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

/// <summary>Who may use the cookie: docs/protocol.md section 4.</summary>
public sealed class OriginTests
{
    private const string Allowed = "https://app.example.org";

    [Theory]
    [InlineData("own", true)]
    [InlineData(Allowed, true)]
    [InlineData(null, false)]
    [InlineData("null", false)]
    [InlineData("", false)]
    [InlineData("https://evil.example.org", false)]
    [InlineData("http://app.example.org", false)]
    [InlineData("https://app.example.org:8443", false)]
    [InlineData("https://app.example.org.evil.example", false)]
    [InlineData("https://app.example.org/", false)]
    [InlineData("own with another port", false)]
    [InlineData("own with another scheme", false)]
    [InlineData("own with a path", false)]
    public async Task With_the_cookie_a_change_and_the_hub_need_a_known_origin(string? origin, bool allowed)
    {
        await using RunningServer server = await RunningServer.Start([("AllowedOrigins:0", Allowed)]);
        await server.SetUp();
        string cookie = (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).SessionCookie!;
        RestClient browser = new(server.Address)
        {
            Cookie = cookie,
            Origin = origin switch
            {
                "own" => server.Address,
                "own with another port" => "http://127.0.0.1:1",
                "own with another scheme" => server.Address.Replace("http:", "https:", StringComparison.Ordinal),
                "own with a path" => server.Address + "/x",
                _ => origin,
            },
        };

        foreach (Func<Task<Answer>> change in new Func<Task<Answer>>[]
        {
            () => browser.Patch("/api/me", new { displayName = "x" }),
            () => browser.Post("/hub/negotiate?negotiateVersion=1"),
        })
        {
            Answer answer = await change();
            _ = allowed ? answer.IsStatus(200) : answer.Is("forbidden", 403, "Origin");
        }

        // The hub's other transports: refused before the hub looks at the missing id.
        Answer poll = await browser.Get("/hub?id=none");
        _ = allowed ? poll.IsStatus(404) : poll.Is("forbidden", 403, "Origin");
        (await browser.Get("/api/me")).IsStatus(200);

        // A token is sent on purpose, from wherever it is.
        string token = (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password, token = true }))["token"].GetString()!;
        (await new RestClient(server.Address) { Token = token, Origin = browser.Origin }.Patch("/api/me", new { displayName = "y" })).IsStatus(200);
    }

    [Theory]
    [InlineData("same-origin", true)]
    [InlineData("same-site", false)]
    [InlineData("cross-site", false)]
    [InlineData("none", false)]
    public async Task A_poll_of_the_servers_own_page_has_no_origin_and_is_known_by_what_the_browser_says(string site, bool allowed)
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        string cookie = (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).SessionCookie!;
        RestClient browser = new(server.Address) { Cookie = cookie };
        browser.Headers["Sec-Fetch-Site"] = site;
        Answer poll = await browser.Get("/hub?id=none");
        _ = allowed ? poll.IsStatus(404) : poll.Is("forbidden", 403);

        // Neither for a change nor for a WebSocket.
        (await browser.Post("/hub/negotiate?negotiateVersion=1")).Is("forbidden", 403);
        (await browser.Post("/api/sign-out")).Is("forbidden", 403);
        browser.Headers["Connection"] = "Upgrade";
        browser.Headers["Upgrade"] = "websocket";
        (await browser.Get("/hub?id=none")).Is("forbidden", 403);
    }

    [Fact]
    public async Task Pages_of_allowed_origins_may_read_the_answers_and_others_not()
    {
        await using RunningServer server = await RunningServer.Start([("AllowedOrigins:0", Allowed)]);
        foreach (string path in new[] { "/api/workspace", "/api/me", "/api/nothing" })
        {
            Answer allowed = await new RestClient(server.Address) { Origin = Allowed }.Get(path);
            Assert.Equal(Allowed, allowed.Header("Access-Control-Allow-Origin"));
            Assert.Equal("true", allowed.Header("Access-Control-Allow-Credentials"));
            Answer other = await new RestClient(server.Address) { Origin = "https://evil.example.org" }.Get(path);
            Assert.Null(other.Header("Access-Control-Allow-Origin"));
        }
    }

    [Theory]
    [InlineData("/api/me", "PATCH")]
    [InlineData("/hub/negotiate", "POST")]
    public async Task Preflights_are_answered_for_allowed_origins(string path, string method)
    {
        await using RunningServer server = await RunningServer.Start([("AllowedOrigins:0", Allowed)]);
        RestClient page = new(server.Address) { Origin = Allowed };
        page.Headers["Access-Control-Request-Method"] = method;
        page.Headers["Access-Control-Request-Headers"] = "authorization,x-requested-with,x-signalr-user-agent";
        Answer answer = (await page.Send(HttpMethod.Options, path)).IsStatus(204);
        Assert.Equal(Allowed, answer.Header("Access-Control-Allow-Origin"));
        Assert.Contains(method, answer.Header("Access-Control-Allow-Methods")!, StringComparison.Ordinal);

        page.Origin = "https://evil.example.org";
        Assert.Null((await page.Send(HttpMethod.Options, path)).Header("Access-Control-Allow-Origin"));
    }
}
