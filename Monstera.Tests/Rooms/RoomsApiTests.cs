using System.Text.Json;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Rooms;

/// <summary>Rooms and members over REST: each row of docs/protocol.md section 10.</summary>
public sealed class RoomsApiTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private RestClient _owner = null!;
    private RestClient _aoi = null!;
    private RestClient _ren = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start([("Registration", "open")]);
        _owner = await _server.SetUp();
        _aoi = await _server.Register("aoi");
        _ren = await _server.Register("ren");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task<string> Create(RestClient by, string kind, string name, params string[] members) =>
        (await by.Post("/api/rooms", new { kind, name, members })).IsStatus(201)["id"].GetString()!;

    [Fact]
    public async Task A_room_is_made_with_its_first_members()
    {
        Answer made = (await _aoi.Post("/api/rooms", new { kind = "private", name = "  企画 ", topic = "秋", members = new[] { _ren.UserId, _ren.UserId } })).IsStatus(201);
        string id = made["id"].GetString()!;
        Assert.Equal($"/api/rooms/{id}", made.Header("Location"));
        Assert.Equal("企画", made["name"].GetString());
        Assert.Equal("秋", made["topic"].GetString());
        Assert.Equal("private", made["kind"].GetString());
        Assert.Equal("owner", made["role"].GetString());
        Assert.Equal(2, made["members"].GetInt32());
        Assert.Equal(3, made["head"].GetInt64());
        Assert.Equal(1, made["epoch"].GetInt64());
        Assert.False(made.Body.TryGetProperty("with", out _));
        Assert.False(made.Body.TryGetProperty("last", out _));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", made["joinedAt"].GetString()!);
        Assert.Equal("member", (await _ren.Get($"/api/rooms/{id}")).IsStatus(200)["role"].GetString());
        (await _owner.Get($"/api/rooms/{id}")).Is("not_found", 404);
    }

    [Fact]
    public async Task Asking_again_with_the_same_client_id_makes_no_second_room()
    {
        string clientId = Guid.NewGuid().ToString();
        Answer[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _aoi.Post("/api/rooms", new { kind = "public", name = "once", clientId })));
        Assert.Single(answers.Select(answer => answer.IsStatus(201)["id"].GetString()).Distinct());
        Assert.Single((await _ren.Get("/api/rooms/directory?query=once")).Items);
    }

    [Theory]
    [InlineData("""{"name":"x"}""", "kind")]
    [InlineData("""{"kind":"public"}""", "name")]
    [InlineData("""{"kind":"secret","name":"x"}""", "kind")]
    [InlineData("""{"kind":"direct","name":"x"}""", "kind")]
    [InlineData("""{"kind":1,"name":"x"}""", "kind")]
    [InlineData("""{"kind":null,"name":"x"}""", "kind")]
    [InlineData("""{"kind":"public","name":""}""", "name")]
    [InlineData("""{"kind":"public","name":"  "}""", "name")]
    [InlineData("""{"kind":"public","name":"two\nlines"}""", "name")]
    [InlineData("""{"kind":"public","name":7}""", "name")]
    [InlineData("""{"kind":"public","name":"x","topic":7}""", "topic")]
    [InlineData("""{"kind":"public","name":"x","members":["nobody"]}""", "members[0]")]
    [InlineData("""{"kind":"public","name":"x","members":[null]}""", "members[0]")]
    [InlineData("""{"kind":"public","name":"x","members":"all"}""", "members")]
    [InlineData("""{"kind":"public","name":"x","clientId":"1"}""", "clientId")]
    public async Task A_room_of_the_wrong_form_is_refused_and_the_field_is_named(string body, string mentions) =>
        (await _aoi.Post("/api/rooms", body)).Is("invalid", 400, mentions);

    [Fact]
    public async Task A_room_out_of_bounds_is_refused()
    {
        (await _aoi.Post("/api/rooms", new { kind = "public", name = new string('x', 81) })).Is("invalid", 400, "name");
        (await _aoi.Post("/api/rooms", new { kind = "public", name = new string('x', 10_000) })).Is("invalid", 400, "name");
        (await _aoi.Post("/api/rooms", new { kind = "public", name = "x", topic = new string('x', 501) })).Is("invalid", 400, "topic");
        (await _aoi.Post("/api/rooms", new { kind = "public", name = "x", members = Enumerable.Range(0, 101).Select(_ => Guid.NewGuid()) })).Is("invalid", 400, "members");
        (await _aoi.Post("/api/rooms", new { kind = "public", name = "x", members = new[] { Guid.NewGuid() } })).Is("not_found", 404, "user");
    }

    [Fact]
    public async Task Two_who_write_to_each_other_at_the_same_instant_get_one_direct_room()
    {
        Answer[] answers = await Task.WhenAll(
            Enumerable.Range(0, 6).Select(i => i % 2 == 0
                ? _aoi.Post("/api/rooms/direct", new { user = _ren.UserId })
                : _ren.Post("/api/rooms/direct", new { user = _aoi.UserId.ToUpperInvariant() })));
        string room = Assert.Single(answers.Select(answer => answer.IsStatus(200)["id"].GetString()).Distinct())!;
        Answer asAoi = await _aoi.Get($"/api/rooms/{room}");
        Assert.Equal("direct", asAoi["kind"].GetString());
        Assert.Equal("ren", asAoi["with"].GetProperty("userName").GetString());
        Assert.Equal("aoi", (await _ren.Get($"/api/rooms/{room}"))["with"].GetProperty("userName").GetString());
        Assert.False(asAoi.Body.TryGetProperty("name", out _));

        Answer own = (await _aoi.Post("/api/rooms/direct", new { user = _aoi.UserId })).IsStatus(200);
        Assert.Equal("aoi", own["with"].GetProperty("userName").GetString());
        (await _aoi.Post("/api/rooms/direct", new { user = Guid.NewGuid() })).Is("not_found", 404);
        (await _aoi.Post($"/api/rooms/{room}/leave")).IsStatus(403);
        (await _owner.Get($"/api/rooms/{room}")).Is("not_found", 404);
    }

    [Fact]
    public async Task Public_rooms_are_found_joined_and_left()
    {
        string tea = await Create(_aoi, "public", "お茶 Tea");
        await Create(_aoi, "private", "Tea secret");
        JsonElement found = Assert.Single((await _ren.Get("/api/rooms/directory?query=tEa")).IsStatus(200).Items);
        Assert.Equal(tea, found.GetProperty("id").GetString());
        Assert.False(found.GetProperty("joined").GetBoolean());
        Assert.Equal(1, found.GetProperty("members").GetInt32());

        Assert.Equal(2, (await _ren.Post($"/api/rooms/{tea}/join")).IsStatus(200)["members"].GetInt32());
        (await _ren.Post($"/api/rooms/{tea}/join")).IsStatus(200);
        Assert.True((await _ren.Get("/api/rooms/directory?query=tea")).Items.Single().GetProperty("joined").GetBoolean());
        Assert.Contains((await _ren.Get("/api/rooms")).Items, room => room.GetProperty("id").GetString() == tea);

        (await _ren.Post($"/api/rooms/{tea}/leave")).IsStatus(204);
        (await _ren.Get($"/api/rooms/{tea}")).Is("not_found", 404);
        Assert.DoesNotContain((await _ren.Get("/api/rooms")).Items, room => room.GetProperty("id").GetString() == tea);
    }

    [Fact]
    public async Task A_private_room_cannot_be_joined_or_known()
    {
        string room = await Create(_aoi, "private", "hidden");
        (await _ren.Post($"/api/rooms/{room}/join")).Is("not_found", 404);
        Assert.Equal(
            (await _ren.Post($"/api/rooms/{Guid.NewGuid()}/join")).Is("not_found", 404).Text,
            (await _ren.Post($"/api/rooms/{room}/join")).Text);
    }

    [Fact]
    public async Task Moderators_and_owners_rename_and_members_do_not()
    {
        string room = await Create(_aoi, "public", "before", _ren.UserId);
        (await _ren.Patch($"/api/rooms/{room}", new { name = "after" })).Is("forbidden", 403);
        (await _aoi.Put($"/api/rooms/{room}/members/{_ren.UserId}", new { role = "moderator" })).IsStatus(204);
        Assert.Equal("after", (await _ren.Patch($"/api/rooms/{room}", new { name = "after" })).IsStatus(200)["name"].GetString());
        Assert.Equal("new", (await _ren.Patch($"/api/rooms/{room}", new { topic = "new" })).IsStatus(200)["topic"].GetString());
        (await _ren.Patch($"/api/rooms/{room}", new { })).Is("invalid", 400);
        (await _ren.Patch($"/api/rooms/{room}", new { name = "" })).Is("invalid", 400, "name");
        (await _owner.Patch($"/api/rooms/{room}", new { name = "x" })).Is("not_found", 404);
    }

    [Fact]
    public async Task Members_are_added_raised_and_removed()
    {
        string room = await Create(_aoi, "public", "people");
        string members = $"/api/rooms/{room}/members";
        (await _aoi.Put($"{members}/{_ren.UserId}")).IsStatus(204);
        (await _aoi.Put($"{members}/{_ren.UserId}", new { })).IsStatus(204);
        (await _ren.Put($"{members}/{_owner.UserId}", new { })).IsStatus(204);
        (await _ren.Put($"{members}/{_owner.UserId}", new { role = "owner" })).Is("forbidden", 403);
        (await _aoi.Put($"{members}/{_ren.UserId}", new { role = "king" })).Is("invalid", 400, "role");
        (await _aoi.Put($"{members}/{_ren.UserId}", new { role = 2 })).Is("invalid", 400, "role");
        (await _aoi.Put($"{members}/{Guid.NewGuid()}", new { })).Is("not_found", 404);

        Answer listed = (await _ren.Get(members)).IsStatus(200);
        Assert.Equal(3, listed.Items.Count);
        Assert.Equal(["joinedSeq", "role", "user"], listed.Items[0].EnumerateObject().Select(field => field.Name).Order());
        Answer first = (await _ren.Get(members + "?limit=2")).IsStatus(200);
        Answer second = (await _ren.Get($"{members}?limit=2&after={Uri.EscapeDataString(first["next"].GetString()!)}")).IsStatus(200);
        Assert.Equal(listed.Items.Select(Id), first.Items.Concat(second.Items).Select(Id));
        (await _ren.Get(members + "?after=nonsense")).Is("invalid", 400, "after");

        (await _ren.Delete($"{members}/{_aoi.UserId}")).Is("forbidden", 403);
        (await _aoi.Delete($"{members}/{_ren.UserId}")).IsStatus(204);
        (await _aoi.Delete($"{members}/{_ren.UserId}")).IsStatus(204);
        (await _ren.Get(members)).Is("not_found", 404);
        (await _aoi.Post($"/api/rooms/{room}/leave")).Is("conflict", 409);

        static string Id(JsonElement member) => member.GetProperty("user").GetString()!;
    }

    [Fact]
    public async Task The_list_of_rooms_goes_page_by_page_and_shows_what_is_unread_and_last()
    {
        string room = await Create(_aoi, "private", "talk", _ren.UserId);
        for (int i = 0; i < 3; i++)
        {
            (await _aoi.Post($"/api/rooms/{room}/messages", new { clientId = Guid.NewGuid(), text = "message " + i })).IsStatus(200);
        }

        JsonElement talk = (await _ren.Get("/api/rooms")).Items.Single(one => one.GetProperty("id").GetString() == room);
        Assert.Equal(3, talk.GetProperty("unread").GetInt32());
        Assert.Equal("message 2", talk.GetProperty("last").GetProperty("text").GetString());

        List<string> seen = [];
        string? next = null;
        do
        {
            Answer page = (await _ren.Get("/api/rooms?limit=1" + (next is null ? "" : "&after=" + Uri.EscapeDataString(next)))).IsStatus(200);
            seen.AddRange(page.Items.Select(one => one.GetProperty("id").GetString()!));
            next = page.Body.TryGetProperty("next", out JsonElement cursor) ? cursor.GetString() : null;
        }
        while (next is not null);

        Assert.Equal(2, seen.Count);
        Assert.Equal(seen, seen.Distinct());
        (await _ren.Get("/api/rooms?after=nonsense")).Is("invalid", 400, "after");
        (await _ren.Get("/api/rooms?limit=-1")).Is("invalid", 400, "limit");
        (await _ren.Get("/api/rooms/directory?after=nonsense")).Is("invalid", 400, "after");
    }

    [Fact]
    public async Task An_id_of_the_wrong_form_is_refused_and_named()
    {
        (await _aoi.Get("/api/rooms/nonsense")).Is("invalid", 400, "room");
        (await _aoi.Get("/api/rooms/0192f0f0000070008000000000000000")).Is("invalid", 400, "room");
        (await _aoi.Get($"/api/rooms/{Guid.NewGuid()}/messages/first")).Is("invalid", 400, "seq");
        (await _aoi.Get($"/api/rooms/{Guid.NewGuid()}/messages/99999999999999999999")).Is("invalid", 400, "seq");
        (await _aoi.Put($"/api/rooms/{Guid.NewGuid()}/members/x", new { })).Is("invalid", 400, "user");
        string room = (await _aoi.Get("/api/rooms")).Items[0].GetProperty("id").GetString()!;
        Assert.Equal(room, (await _aoi.Get("/api/rooms/" + room.ToUpperInvariant())).IsStatus(200)["id"].GetString());
    }

    [Fact]
    public async Task Writes_beyond_the_users_rate_are_refused_with_the_time_to_wait()
    {
        Clients.FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(
            [("Limits:WritesPerSecondPerUser", "1"), ("Limits:WritesBurstPerUser", "2")], time);
        RestClient owner = await server.SetUp();
        string room = (await owner.Get("/api/rooms")).Items[0].GetProperty("id").GetString()!;
        Task<Answer> Send() => owner.Post($"/api/rooms/{room}/messages", new { clientId = Guid.NewGuid(), text = "x" });
        (await Send()).IsStatus(200);
        (await Send()).IsStatus(200);
        Answer limited = (await Send()).Is("rate_limited", 429);
        time.AdvanceMs(limited["error"].GetProperty("retryAfterMs").GetInt32());
        (await Send()).IsStatus(200);
    }
}
