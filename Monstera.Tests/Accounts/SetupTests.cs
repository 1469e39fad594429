using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

public sealed class SetupTests
{
    private static object Request(string userName = "aoi", bool token = false) =>
        new { workspaceName = "みどり", userName, displayName = "葵", password = RestClient.Password, token };

    [Fact]
    public async Task A_new_server_says_that_it_wants_to_be_set_up()
    {
        await using RunningServer server = await RunningServer.Start();
        Answer workspace = (await server.Anonymous().Get("/api/workspace")).IsStatus(200);
        Assert.False(workspace["setUp"].GetBoolean());
        Assert.Equal("invite", workspace["registration"].GetString());
        Assert.NotEmpty(workspace["version"].GetString()!);
        Assert.DoesNotContain("+", workspace["version"].GetString()!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Setting_up_makes_the_owner_signs_in_and_makes_the_first_room()
    {
        await using RunningServer server = await RunningServer.Start();
        Answer done = (await server.Anonymous().Post("/api/setup", Request())).IsStatus(201);
        Assert.Equal("aoi", done["user"].GetProperty("userName").GetString());
        Assert.Equal("owner", done["user"].GetProperty("role").GetString());
        Assert.False(done.Body.TryGetProperty("token", out _));
        Assert.True(done["session"].GetProperty("current").GetBoolean());

        RestClient browser = new(server.Address) { Cookie = done.SessionCookie };
        Answer me = (await browser.Get("/api/me")).IsStatus(200);
        Assert.Equal("葵", me["user"].GetProperty("displayName").GetString());
        Answer rooms = (await browser.Get("/api/rooms")).IsStatus(200);
        Assert.Equal("general", Assert.Single(rooms.Items).GetProperty("name").GetString());
        Assert.Equal("public", rooms.Items[0].GetProperty("kind").GetString());

        Answer workspace = await server.Anonymous().Get("/api/workspace");
        Assert.True(workspace["setUp"].GetBoolean());
        Assert.Equal("みどり", workspace["name"].GetString());
    }

    [Theory]
    [InlineData("ja", "雑談")]
    [InlineData("fr, ja;q=0.9, en;q=0.8", "雑談")]
    [InlineData("en-US, ja;q=0.9", "general")]
    [InlineData("de", "general")]
    [InlineData("ja;q=0.5, en", "general")]
    public async Task The_first_room_is_named_in_the_language_that_the_browser_asks_for(string acceptLanguage, string name)
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient client = server.Anonymous();
        client.Headers["Accept-Language"] = acceptLanguage;
        client.SignedIn((await client.Post("/api/setup", Request(token: true))).IsStatus(201));
        Assert.Equal(name, (await client.Get("/api/rooms")).Items[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task Of_many_who_set_up_at_once_one_gets_the_workspace()
    {
        await using RunningServer server = await RunningServer.Start();
        Answer[] answers = await Task.WhenAll(
            Enumerable.Range(0, 12).Select(i => server.Anonymous().Post("/api/setup", Request("owner" + i, token: true))));

        Answer winner = Assert.Single(answers, answer => answer.Status == 201);
        Assert.All(answers.Where(answer => answer != winner), answer => answer.Is("conflict", 409));
        RestClient owner = server.Anonymous().SignedIn(winner);
        Assert.Single((await owner.Get("/api/users")).Items);
        Assert.Single((await owner.Get("/api/rooms")).Items);
    }

    [Fact]
    public async Task Setting_up_again_is_refused_also_after_a_restart()
    {
        string folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
        try
        {
            await using (RunningServer server = await RunningServer.Start(dataFolder: folder))
            {
                await server.SetUp();
            }

            await using RunningServer again = await RunningServer.Start(dataFolder: folder);
            (await again.Anonymous().Post("/api/setup", Request())).Is("conflict", 409);
        }
        finally
        {
            System.IO.Directory.Delete(folder, recursive: true);
        }
    }
}
