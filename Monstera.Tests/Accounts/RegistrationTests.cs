using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

public sealed class RegistrationTests
{
    private static object Request(string userName = "aoi", string? invite = null, string? displayName = null, string? password = null) =>
        invite is null
            ? new { userName, displayName = displayName ?? "葵", password = password ?? RestClient.Password, token = true }
            : new { userName, displayName = displayName ?? "葵", password = password ?? RestClient.Password, invite, token = true };

    private static async Task<string> Invite(RestClient owner, int uses = 1) =>
        (await owner.Post("/api/invites", new { uses })).IsStatus(201)["code"].GetString()!;

    [Fact]
    public async Task Nobody_registers_before_the_workspace_is_set_up()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        (await server.Anonymous().Post("/api/register", Request())).Is("conflict", 409);
    }

    [Fact]
    public async Task Open_registration_takes_everybody_and_brings_them_into_the_first_room()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        RestClient owner = await server.SetUp();
        RestClient aoi = await server.Register("aoi");
        Assert.Equal("member", (await aoi.Get("/api/me"))["user"].GetProperty("role").GetString());
        string room = Assert.Single((await aoi.Get("/api/rooms")).Items).GetProperty("id").GetString()!;
        Assert.Equal(2, (await owner.Get($"/api/rooms/{room}")).IsStatus(200)["members"].GetInt32());
    }

    [Fact]
    public async Task Open_registration_uses_up_no_invitation()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        RestClient owner = await server.SetUp();
        string code = await Invite(owner);
        (await server.Anonymous().Post("/api/register", Request(invite: code))).IsStatus(201);
        Assert.Equal(1, Assert.Single((await owner.Get("/api/invites")).Items).GetProperty("usesLeft").GetInt32());
    }

    [Fact]
    public async Task By_invitation_only_those_with_one_register()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp();
        (await server.Anonymous().Post("/api/register", Request())).Is("forbidden", 403, "invite");
        (await server.Anonymous().Post("/api/register", Request(invite: "no such code"))).Is("gone", 410);
        (await server.Anonymous().Post("/api/register", Request(invite: new string('x', 5_000)))).Is("gone", 410);

        string code = await Invite(owner);
        (await server.Anonymous().Post("/api/register", Request(invite: code))).IsStatus(201);
        (await server.Anonymous().Post("/api/register", Request("ren", code))).Is("gone", 410);
    }

    [Fact]
    public async Task Closed_registration_takes_nobody()
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "closed")]);
        RestClient owner = await server.SetUp();
        string code = await Invite(owner);
        (await server.Anonymous().Post("/api/register", Request(invite: code))).Is("forbidden", 403);
        (await server.Anonymous().Get($"/api/join/{code}")).Is("gone", 410);
        Assert.Equal("closed", (await server.Anonymous().Get("/api/workspace"))["registration"].GetString());
    }

    [Fact]
    public async Task Of_many_with_the_last_use_of_an_invitation_one_registers()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp();
        string code = await Invite(owner, uses: 2);
        Answer[] answers = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(i => server.Anonymous().Post("/api/register", Request("guest" + i, code))));
        Assert.Equal(2, answers.Count(answer => answer.Status == 201));
        Assert.All(answers.Where(answer => answer.Status != 201), answer => answer.Is("gone", 410));
        Assert.Equal(3, (await owner.Get("/api/users")).Items.Count);
    }

    [Fact]
    public async Task A_name_is_taken_whatever_its_case_and_width_and_the_invitation_is_kept()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp("aoi");
        string code = await Invite(owner);
        foreach (string same in new[] { "aoi", "AOI", "aoi", " Aoi " })
        {
            (await server.Anonymous().Post("/api/register", Request(same, code))).Is("conflict", 409, "userName");
        }

        // What is one character and becomes three capital letters is compared in small ones too.
        string more = await Invite(owner);
        Answer tel = (await server.Anonymous().Post("/api/register", Request("℡", more))).IsStatus(201);
        Assert.Equal("tel", tel["user"].GetProperty("userName").GetString());

        Answer made = (await server.Anonymous().Post("/api/register", Request("レン.Ren_2-x", code))).IsStatus(201);
        Assert.Equal("レン.ren_2-x", made["user"].GetProperty("userName").GetString());
    }

    [Theory]
    [InlineData("userName", "")]
    [InlineData("userName", "   ")]
    [InlineData("userName", "two words")]
    [InlineData("userName", "a@b")]
    [InlineData("userName", "a/b")]
    [InlineData("userName", "smile🙂")]
    [InlineData("userName", "tab\tbed")]
    [InlineData("userName", "zero\u200bwidth")]
    [InlineData("userName", "\u0301accent")]
    [InlineData("userName", "abcdefghijklmnopqrstuvwxyz1234567")]
    [InlineData("userName", "ﷺﷺﷺﷺ")]
    [InlineData("displayName", "")]
    [InlineData("displayName", "\u200b\u200d")]
    [InlineData("displayName", "line\nbreak")]
    [InlineData("displayName", "turned\u202earound")]
    [InlineData("displayName", "nul\0")]
    [InlineData("displayName", "12345678901234567890123456789012345678901234567890123456789012345")]
    [InlineData("password", "")]
    [InlineData("password", "seven77")]
    public async Task What_is_out_of_bounds_is_refused_and_named(string field, string value)
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        await server.SetUp();
        Answer answer = await server.Anonymous().Post(
            "/api/register",
            Request(
                field == "userName" ? value : "aoi",
                displayName: field == "displayName" ? value : "葵",
                password: field == "password" ? value : RestClient.Password));
        answer.Is("invalid", 400, field + ":");
    }

    [Theory]
    [InlineData("สมชาย")]
    [InlineData("मीरा")]
    [InlineData("иван")]
    [InlineData("田中.一郎")]
    [InlineData("x")]
    [InlineData("12345678901234567890123456789012")]
    public async Task Names_of_any_script_are_taken(string userName)
    {
        await using RunningServer server = await RunningServer.Start([("Registration", "open")]);
        await server.SetUp();
        RestClient client = await server.Register(userName);
        Assert.Equal(userName, (await client.Get("/api/me"))["user"].GetProperty("userName").GetString());
        (await server.Anonymous().Post("/api/sign-in", new { userName, password = RestClient.Password })).IsStatus(200);
    }
}
