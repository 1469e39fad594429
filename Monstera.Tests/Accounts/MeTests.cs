using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Server.Accounts;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

public sealed class MeTests
{
    private static async Task<RestClient> SignIn(RunningServer server, string userName, string password = RestClient.Password, string client = "")
    {
        RestClient rest = server.Anonymous();
        rest.Headers["User-Agent"] = client;
        return rest.SignedIn((await rest.Post("/api/sign-in", new { userName, password, token = true })).IsStatus(200));
    }

    [Fact]
    public async Task Signing_out_ends_the_session_and_says_so()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        List<string> ended = [];
        server.Services.GetRequiredService<SessionEndings>().Ended += session => ended.Add(session.ToString());
        string cookie = (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).SessionCookie!;
        RestClient browser = new(server.Address) { Cookie = cookie, Origin = server.Address };
        string id = (await browser.Get("/api/me"))["session"].GetProperty("id").GetString()!;

        Answer answer = (await browser.Post("/api/sign-out")).IsStatus(204);
        Assert.Equal("", answer.SessionCookie);
        Assert.Equal([id], ended);
        (await browser.Get("/api/me")).Is("unauthenticated", 401);
        (await browser.Post("/api/sign-out")).Is("unauthenticated", 401);
    }

    [Fact]
    public async Task The_display_name_is_changed()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp();
        Answer changed = (await owner.Patch("/api/me", new { displayName = "  新しい名前 " })).IsStatus(200);
        Assert.Equal("新しい名前", changed["user"].GetProperty("displayName").GetString());
        Assert.Equal("新しい名前", (await owner.Get("/api/me"))["user"].GetProperty("displayName").GetString());
        (await owner.Patch("/api/me", new { displayName = "" })).Is("invalid", 400, "displayName");
        (await owner.Patch("/api/me", new { })).Is("invalid", 400, "displayName");
        (await owner.Patch("/api/me", """{"displayName":null}""")).Is("invalid", 400, "displayName");
    }

    [Fact]
    public async Task Sessions_are_listed_with_the_present_one_marked_and_ended_one_by_one()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(time: time);
        RestClient first = await server.SetUp();
        time.Advance(TimeSpan.FromMinutes(1));
        RestClient second = await SignIn(server, "owner", client: "example/2 " + new string('x', 500));

        IReadOnlyList<JsonElement> sessions = (await second.Get("/api/sessions")).IsStatus(200).Items;
        Assert.Equal(2, sessions.Count);
        Assert.True(sessions[0].GetProperty("current").GetBoolean());
        Assert.StartsWith("example/2 ", sessions[0].GetProperty("client").GetString(), StringComparison.Ordinal);
        Assert.Equal(200, sessions[0].GetProperty("client").GetString()!.Length);
        Assert.False(sessions[1].TryGetProperty("current", out _));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", sessions[1].GetProperty("createdAt").GetString()!);

        List<string> ended = [];
        server.Services.GetRequiredService<SessionEndings>().Ended += session => ended.Add(session.ToString());
        string other = sessions[1].GetProperty("id").GetString()!;
        (await second.Delete($"/api/sessions/{other}")).IsStatus(204);
        Assert.Equal([other], ended);
        (await first.Get("/api/me")).Is("unauthenticated", 401);
        (await second.Delete($"/api/sessions/{other}")).Is("not_found", 404);
        (await second.Delete("/api/sessions/nonsense")).Is("invalid", 400, "id");
        (await second.Delete($"/api/sessions/{sessions[0].GetProperty("id").GetString()!.ToUpperInvariant()}")).IsStatus(204);
        (await second.Get("/api/me")).Is("unauthenticated", 401);
    }

    [Fact]
    public async Task Nobody_ends_or_sees_the_session_of_another()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        RestClient owner = await server.SetUp();
        RestClient aoi = await server.Register("aoi");
        string session = (await owner.Get("/api/me"))["session"].GetProperty("id").GetString()!;
        (await aoi.Delete($"/api/sessions/{session}")).Is("not_found", 404);
        Assert.DoesNotContain(session, (await aoi.Get("/api/sessions")).Text, StringComparison.Ordinal);
        (await owner.Get("/api/me")).IsStatus(200);
    }

    [Fact]
    public async Task A_new_password_ends_all_other_sessions()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient other = await server.SetUp();
        RestClient mine = await SignIn(server, "owner");
        List<string> ended = [];
        server.Services.GetRequiredService<SessionEndings>().Ended += session => ended.Add(session.ToString());

        (await mine.Post("/api/me/password", new { current = "not the one", next = "another horse" })).Is("forbidden", 403, "current");
        (await mine.Post("/api/me/password", new { current = RestClient.Password, next = "short" })).Is("invalid", 400, "next");
        (await mine.Post("/api/me/password", new { current = RestClient.Password, next = new string('x', 201) })).Is("invalid", 400, "next");
        (await other.Get("/api/me")).IsStatus(200);

        (await mine.Post("/api/me/password", new { current = RestClient.Password, next = "another horse" })).IsStatus(204);
        (await mine.Get("/api/me")).IsStatus(200);
        (await other.Get("/api/me")).Is("unauthenticated", 401);
        Assert.Single(ended);
        (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).Is("unauthenticated", 401);
        await SignIn(server, "owner", "another horse");
    }

    [Fact]
    public async Task Guessing_the_present_password_locks_out_too()
    {
        await using RunningServer server = await RunningServer.Start(time: new FakeTime());
        RestClient owner = await server.SetUp();
        for (int i = 0; i < 5; i++)
        {
            (await owner.Post("/api/me/password", new { current = "guess " + i, next = "another horse" })).Is("forbidden", 403);
        }

        (await owner.Post("/api/me/password", new { current = RestClient.Password, next = "another horse" })).Is("locked_out", 429);
    }

    [Fact]
    public async Task Invitations_are_for_owners_and_admins()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        await server.SetUp();
        RestClient member = await server.Register("aoi");
        (await member.Get("/api/invites")).Is("forbidden", 403);
        (await member.Post("/api/invites", new { })).Is("forbidden", 403);
        (await member.Delete($"/api/invites/{Guid.NewGuid()}")).Is("forbidden", 403);
    }

    [Fact]
    public async Task An_invitation_lives_until_it_expires_or_is_taken_back()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(time: time);
        RestClient owner = await server.SetUp();
        Answer usual = (await owner.Post("/api/invites")).IsStatus(201);
        Assert.Equal(1, usual["usesLeft"].GetInt32());
        Assert.Equal(time.GetUtcNow().AddDays(7), usual["expiresAt"].GetDateTimeOffset());
        Assert.Equal(owner.UserId, usual["createdBy"].GetString());
        Assert.Matches("^[A-Za-z0-9_-]{22}$", usual["code"].GetString()!);

        Answer brief = (await owner.Post("/api/invites", new { expiresInSeconds = 60, uses = 3 })).IsStatus(201);
        string code = brief["code"].GetString()!;
        Assert.Equal("Green", (await server.Anonymous().Get($"/api/join/{code}")).IsStatus(200)["workspace"].GetString());
        Assert.Equal(2, (await owner.Get("/api/invites")).Items.Count);
        time.Advance(TimeSpan.FromSeconds(61));
        (await server.Anonymous().Get($"/api/join/{code}")).Is("gone", 410);
        Assert.Single((await owner.Get("/api/invites")).Items);

        (await owner.Delete($"/api/invites/{usual["id"].GetString()}")).IsStatus(204);
        (await owner.Delete($"/api/invites/{usual["id"].GetString()}")).Is("not_found", 404);
        (await server.Anonymous().Get($"/api/join/{usual["code"].GetString()}")).Is("gone", 410);
    }

    [Theory]
    [InlineData("""{"expiresInSeconds":59}""", "expiresInSeconds")]
    [InlineData("""{"expiresInSeconds":31536001}""", "expiresInSeconds")]
    [InlineData("""{"uses":0}""", "uses")]
    [InlineData("""{"uses":1001}""", "uses")]
    [InlineData("""{"uses":1.5}""", "uses")]
    [InlineData("""{"uses":"3"}""", "uses")]
    [InlineData("""{"uses":99999999999999999999}""", "uses")]
    public async Task An_invitation_out_of_bounds_is_refused(string body, string field)
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp();
        (await owner.Post("/api/invites", body)).Is("invalid", 400, field);
    }

    [Fact]
    public async Task People_are_found_by_part_of_a_name_by_id_and_page_by_page()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        RestClient owner = await server.SetUp();
        foreach (string name in new[] { "aoi", "ren", "sora" })
        {
            await server.Register(name);
        }

        Assert.Equal(["aoi", "owner", "ren", "sora"], Names(await owner.Get("/api/users")));
        Assert.Equal(["ren"], Names(await owner.Get("/api/users?query=REN")));
        Assert.Empty(Names(await owner.Get("/api/users?query=%25")));

        Answer page = (await owner.Get("/api/users?limit=3")).IsStatus(200);
        Assert.Equal(3, page.Items.Count);
        Answer rest = (await owner.Get($"/api/users?limit=3&after={Uri.EscapeDataString(page["next"].GetString()!)}")).IsStatus(200);
        Assert.Equal(["sora"], Names(rest));
        Assert.False(rest.Body.TryGetProperty("next", out _));

        Assert.Equal(["owner"], Names(await owner.Get($"/api/users?ids={owner.UserId},{Guid.NewGuid()}")));
        (await owner.Get("/api/users?ids=nonsense")).Is("invalid", 400, "ids");
        (await owner.Get($"/api/users?ids={string.Join(',', Enumerable.Range(0, 101).Select(_ => Guid.NewGuid()))}")).Is("invalid", 400, "ids");
        (await owner.Get("/api/users?limit=0")).Is("invalid", 400, "limit");
        (await owner.Get("/api/users?limit=101")).Is("invalid", 400, "limit");
        (await owner.Get("/api/users?limit=many")).Is("invalid", 400, "limit");
        (await owner.Get("/api/users?after=nonsense")).Is("invalid", 400, "after");
        (await owner.Get("/api/users?query=" + new string('x', 101))).Is("invalid", 400, "query");

        static string[] Names(Answer answer) => [.. answer.IsStatus(200).Items.Select(user => user.GetProperty("userName").GetString()!)];
    }
}
