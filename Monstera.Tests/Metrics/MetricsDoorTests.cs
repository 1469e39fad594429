using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Metrics;

/// <summary>Who may read the metrics: docs/metrics.md.</summary>
public sealed class MetricsDoorTests
{
    [Theory]
    [InlineData(200, "")]
    [InlineData(200, "Metrics:From:0=127.0.0.1")]
    [InlineData(200, "Metrics:From:0=10.0.0.0/8 Metrics:From:1=127.0.0.0/8")]
    [InlineData(404, "Metrics:From:0=10.0.0.0/8")]

    // Somebody passed it on who is not believed.
    [InlineData(404, "", "X-Forwarded-For=127.0.0.1")]
    [InlineData(404, "", "Forwarded=for=127.0.0.1")]

    // A balancer that is believed says for whom.
    [InlineData(200, "Proxies:0=127.0.0.1 Metrics:From:0=10.1.2.0/24", "X-Forwarded-For=10.1.2.3")]
    [InlineData(404, "Proxies:0=127.0.0.1 Metrics:From:0=10.1.2.0/24", "X-Forwarded-For=10.1.3.3")]
    [InlineData(404, "Proxies:0=127.0.0.1", "X-Forwarded-For=10.1.2.3")]
    [InlineData(404, "Proxies:0=127.0.0.1 Metrics:From:0=10.1.2.0/24", "X-Forwarded-For=10.1.2.3, 10.9.9.9")]
    public async Task At_the_public_port_those_of_the_networks_may(int expected, string settings, string? header = null)
    {
        (string, string)[] given = [.. settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(one => (one.Split('=')[0], one.Split('=')[1]))];
        await using RunningServer server = await LiveServer.Start(given);
        RestClient caller = server.Anonymous();
        if (header is not null)
        {
            caller.Headers[header.Split('=', 2)[0]] = header.Split('=', 2)[1];
        }

        Answer answer = await caller.Get("/metrics");
        Assert.Equal(expected, answer.Status);
        Assert.Equal(expected == 200, answer.Text.Contains("websocket_active_connections", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_may_not_learns_nothing_and_who_may_gets_nothing_of_a_users()
    {
        await using RunningServer server = await LiveServer.Start(("AllowedOrigins:0", "https://other.example.org"));
        RestClient caller = server.Anonymous();
        (await caller.Post("/metrics")).Is("not_found", 404);
        caller.Headers["Origin"] = "https://other.example.org";
        caller.Headers["Accept"] = "text/html,*/*";
        Answer answer = (await caller.Get("/metrics")).IsStatus(200);
        Assert.Equal("no-store", answer.Header("Cache-Control"));
        Assert.Null(answer.Header("Set-Cookie"));
        Assert.Null(answer.Header("Access-Control-Allow-Origin"));

        Answer described = (await server.Anonymous().Get("/openapi/v1.json")).IsStatus(200);
        Assert.DoesNotContain("/metrics", described.Text, StringComparison.Ordinal);
        await using RunningServer closed = await LiveServer.Start(("Metrics:From:0", "192.0.2.1"));
        string unknown = (await closed.Anonymous().Get("/api/nothing")).Is("not_found", 404).Text;
        Assert.Equal(unknown, (await closed.Anonymous().Get("/metrics")).Is("not_found", 404).Text);
    }

    [Fact]
    public async Task With_a_port_of_their_own_they_are_there_alone_and_nothing_else_is()
    {
        int port = PostgresTools.FreePort();
        await using RunningServer server = await LiveServer.Start(("Metrics:Port", port.ToString(CultureInfo.InvariantCulture)));
        Uri own = new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        Assert.NotEqual(port, server.Uri().Port);
        Assert.True((await Scrape.Of(own))["websocket_active_connections{server_id=\"" + Environment.MachineName + "\"}"] >= 0);

        (await server.Anonymous().Get("/metrics")).Is("not_found", 404);
        RestClient there = new(own.AbsoluteUri.TrimEnd('/'));
        foreach (string path in (string[])["/", "/healthz/live", "/api/me", "/openapi/v1.json", "/hub"])
        {
            (await there.Get(path)).Is("not_found", 404);
        }

        WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(() => HubSocket.Connect(own, Tokens.For("aoi", "general")));
        Assert.Contains("404", refused.Message, StringComparison.Ordinal);
        await using HubSocket hub = await server.Connect("aoi", ["general"]);
        Assert.Equal(1, (await Scrape.Of(own)).Sum("websocket_active_connections"));
    }

    [Fact]
    public async Task A_port_of_their_own_may_be_for_some_alone()
    {
        int port = PostgresTools.FreePort();
        await using RunningServer server = await LiveServer.Start(("Metrics:Port", port.ToString(CultureInfo.InvariantCulture)), ("Metrics:From:0", "192.0.2.0/24"));
        RestClient there = new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        Assert.Equal((int)HttpStatusCode.NotFound, (await there.Get("/metrics")).Status);
    }

    [Theory]
    [InlineData("Metrics:Port", "70000", "Monstera:Metrics:Port is '70000'")]
    [InlineData("Metrics:From:0", "nobody", "Monstera:Metrics:From:0 is 'nobody'")]
    [InlineData("Metrics:BusiestRooms", "-1", "Monstera:Metrics:BusiestRooms is '-1'")]
    public async Task A_wrong_setting_is_said(string key, string value, string expected)
    {
        Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => LiveServer.Start((key, value)));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }
}
