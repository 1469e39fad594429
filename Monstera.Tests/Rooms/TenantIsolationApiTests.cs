using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Rooms;

/// <summary>
/// Somebody of one tenant calls every endpoint there is with the ids of another. The endpoints are taken from the running server, so that one which is added later is covered
/// without anybody thinking of it.
/// </summary>
public sealed partial class TenantIsolationApiTests
{
    private const string Secret = "told to nobody outside";

    [Fact]
    public async Task No_endpoint_tells_or_changes_anything_of_another_tenant()
    {
        await using RunningServer server = await RunningServer.Start([("ConnectionTokens:Secret", Tokens.Secret), ("Registration", "open")]);
        RestClient owner = await server.SetUp();
        RestClient friend = await server.Register("friend");
        string room = (await owner.Post("/api/rooms", new { kind = "public", name = Secret, topic = Secret })).IsStatus(201)["id"].GetString()!;
        string seq = (await owner.Post($"/api/rooms/{room}/messages", new { clientId = Guid.NewGuid(), text = Secret })).IsStatus(200)["seq"].GetInt64().ToString(System.Globalization.CultureInfo.InvariantCulture);
        await owner.Put($"/api/rooms/{room}/messages/{seq}/pin");
        string invite = (await owner.Post("/api/invites")).IsStatus(201)["id"].GetString()!;
        string session = (await owner.Get("/api/me"))["session"].GetProperty("id").GetString()!;
        string before = (await owner.Get($"/api/rooms/{room}/events?seq=0")).Text;

        RestClient stranger = new(server.Address) { Token = Tokens.Make("stranger", ["own"], tenant: "elsewhere") };
        string[] own = [.. (await stranger.Get("/api/rooms")).Items.Select(one => one.GetProperty("id").GetString()!)];
        int called = 0;
        foreach ((string method, string template) in Endpoints(server))
        {
            string path = Parameter().Replace(template, match => match.Groups["name"].Value switch
            {
                "room" => room,
                "seq" => seq,
                "user" => friend.UserId,
                "emoji" => "x",
                "id" => template.Contains("invites", StringComparison.Ordinal) ? invite : session,
                "code" => "none",
                string other => throw new InvalidOperationException($"A parameter that this test does not know: {other}."),
            });
            object body = new
            {
                clientId = Guid.NewGuid(), text = "intruder", name = "intruder", user = friend.UserId, seq = 1, kind = "private", members = new[] { friend.UserId },
                current = "whatever", next = "whatever else", userName = "intruder", displayName = "x", password = RestClient.Password, workspaceName = "x",
            };
            Answer answer = await stranger.Send(HttpMethod.Parse(method), path, method is "GET" or "DELETE" ? null : body);
            Assert.True(answer.Status != 500, $"{method} {path}: {answer.Text}");
            Assert.DoesNotContain(Secret, answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(friend.UserId, answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(owner.UserId, answer.Text, StringComparison.Ordinal);
            if (template.Contains("{room}", StringComparison.Ordinal) || template.Contains("{id}", StringComparison.Ordinal))
            {
                Assert.True(answer.Status is 404 or 403, $"{method} {path}: {answer.Status} {answer.Text}");
            }

            called++;
        }

        Assert.InRange(called, 36, 100);
        Assert.Equal(before, (await owner.Get($"/api/rooms/{room}/events?seq=0")).Text);
        (await owner.Get("/api/me")).IsStatus(200);
        Assert.Single((await owner.Get("/api/invites")).Items);
        Assert.Equal(own, (await stranger.Get("/api/rooms")).Items.Select(one => one.GetProperty("id").GetString()!));
        (await stranger.Get($"/api/users?ids={owner.UserId},{friend.UserId}")).IsStatus(200);
        Assert.Empty((await stranger.Get($"/api/users?ids={owner.UserId},{friend.UserId}")).Items);
    }

    [Fact]
    public async Task Every_endpoint_but_those_for_getting_in_wants_a_caller()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        string[] open = ["GET /api/workspace", "POST /api/setup", "POST /api/register", "POST /api/sign-in", "GET /api/join/{code}"];
        foreach ((string method, string template) in Endpoints(server))
        {
            string path = Parameter().Replace(template, match => match.Groups["name"].Value == "seq" ? "1" : Guid.NewGuid().ToString());
            Answer answer = await server.Anonymous().Send(HttpMethod.Parse(method), path);
            Assert.True(answer.Status == 401 != open.Contains($"{method} {template}"), $"{method} {path}: {answer.Status}");
            if (answer.Status == 401)
            {
                answer.Is("unauthenticated", 401);
            }
        }
    }

    private static IEnumerable<(string Method, string Template)> Endpoints(RunningServer server) =>
        from endpoint in server.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        let template = "/" + endpoint.RoutePattern.RawText!.Trim('/')
        where template.StartsWith("/api/", StringComparison.Ordinal)
        from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? []
        where template is not ("/api/sign-out" or "/api/me/password")
        select (method, template);

    [GeneratedRegex(@"\{(?<name>\w+)\}", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Parameter();
}
