using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Server.Accounts;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

public sealed class QueryTokenTests
{
    /// <summary>Everything the server and the framework log, at every level, over every way a token can come in.</summary>
    [Fact]
    public async Task No_token_ever_reaches_a_log()
    {
        await using RunningServer server = await RunningServer.Start([("ConnectionTokens:Secret", Tokens.Secret)]);
        RestClient owner = await server.SetUp();
        string jwt = Tokens.For("host-user", "lobby");
        foreach (string token in new[] { owner.Token!, jwt, jwt + "x", "mst_" + new string('z', 43) })
        {
            await server.Anonymous().Post("/hub/negotiate?negotiateVersion=1&access_token=" + token);
            await server.Anonymous().Get("/hub?access_token=" + token);
            await server.Anonymous().Get("/api/me?ACCESS_TOKEN=" + token);
            await server.Anonymous().Get("/?access%5ftoken=" + token);
            await new RestClient(server.Address) { Token = token }.Get("/api/me");
            await new RestClient(server.Address) { Cookie = token }.Get("/api/me");
        }

        await using (HubSocket hub = await HubSocket.Connect(new Uri(server.Address), owner.Token))
        {
            await hub.Hello();
        }

        await using (HubSocket hub = await HubSocket.Connect(new Uri(server.Address), jwt))
        {
            await hub.Hello();
        }

        (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = "a secret guess" })).Is("unauthenticated", 401);
        (await server.Anonymous().Post("/api/sign-in", """{"userName":"owner","password":["a secret guess"]}""")).Is("invalid", 400, "password");

        string[] lines = [.. server.Logs.Lines];
        Assert.Contains(lines, line => line.Contains("/hub", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("negotiateVersion=1", StringComparison.Ordinal));
        foreach (string secret in new[] { owner.Token!, jwt, jwt.Split('.')[2], new string('z', 43), RestClient.Password, "a secret guess", Tokens.Secret })
        {
            Assert.DoesNotContain(lines, line => line.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("/hub", "?access_token=secret", "", "secret")]
    [InlineData("/hub/negotiate", "?a=1&access_token=secret&b=%20", "?a=1&b=%20", "secret")]
    [InlineData("/HUB", "?ACCESS_TOKEN=secret", "", "secret")]
    [InlineData("/hub", "?%61ccess_token=se%63ret", "", "secret")]
    [InlineData("/hub", "?access_token=secret&access_token=secret", "", "")]
    [InlineData("/hub", "?access_token=", "", "")]
    [InlineData("/hub", "?access_token", "", "")]
    [InlineData("/hub", "?id=1", "?id=1", null)]
    [InlineData("/hub", "", "", null)]
    [InlineData("/hubs", "?access_token=secret", "", null)]
    [InlineData("/api/me", "?access_token=secret&x", "?x=", null)]
    public void A_token_is_taken_out_of_the_query_before_anything_else_sees_the_request(string path, string query, string rest, string? token)
    {
        using ServiceProvider services = new ServiceCollection().AddOptions().BuildServiceProvider();
        HttpRequestFeature request = new() { Path = path, QueryString = query, RawTarget = path + query };
        FeatureCollection features = new();
        features.Set<IHttpRequestFeature>(request);
        features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        HttpContext context = new QueryTokens(services).Create(features);
        Assert.Equal(rest, context.Request.QueryString.Value ?? "");
        Assert.Equal(path + rest, request.RawTarget);
        Assert.Equal(token, context.Features.Get<QueryToken>()?.Value);
    }

    [Fact]
    public async Task The_rest_of_the_query_is_left_as_it_was()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        RestClient owner = await server.SetUp();
        Answer found = (await owner.Get("/api/users?query=own%65r&access_token=x.y.z&limit=1")).IsStatus(200);
        Assert.Equal("owner", Assert.Single(found.Items).GetProperty("userName").GetString());
        (await owner.Get("/api/users?access_token=x&limit=0")).Is("invalid", 400, "limit");
    }
}
