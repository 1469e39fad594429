using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Data.Directory;
using Monstera.Server.Accounts;
using Monstera.Server.Cache;
using Monstera.Server.ConnectionTokens;
using Monstera.Server.Errors;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.ConnectionTokens;

public sealed class ConnectionTokenVerifierTests
{
    private static readonly (string, string)[] WithSecret = [("ConnectionTokens:Secret", Tokens.Secret)];

    private static string Token(string payload) => TestTokens.Hs256(Tokens.Secret, payload);

    private static ValueTask<Result<Caller>> Verify(RunningServer server, string token) =>
        server.Services.GetRequiredService<ConnectionTokenVerifier>().Verify(token, TestContext.Current.CancellationToken);

    private static long Seconds(DateTimeOffset time) => time.ToUnixTimeSeconds();

    [Fact]
    public async Task A_token_is_a_caller_until_it_expires_and_thirty_seconds_more()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(WithSecret, time);
        DateTimeOffset expires = time.GetUtcNow().AddMinutes(10);
        string token = Tokens.Make("host-user-1", name: "葵", expires: expires);

        Caller caller = (await Verify(server, token)).Value!;
        Assert.Null(caller.Session);
        Assert.Equal(expires, caller.ExpiresAt);
        Answer me = (await new RestClient(server.Address) { Token = token }.Get("/api/me")).IsStatus(200);
        Assert.Equal("葵", me["user"].GetProperty("displayName").GetString());
        Assert.Equal("member", me["user"].GetProperty("role").GetString());
        Assert.False(me.Body.TryGetProperty("session", out _));

        time.Advance(TimeSpan.FromSeconds(629.999));
        (await new RestClient(server.Address) { Token = token }.Get("/api/me")).IsStatus(200);
        time.AdvanceMs(1);
        (await new RestClient(server.Address) { Token = token }.Get("/api/me")).Is("token_expired", 401);
        (await server.Anonymous().Post("/hub/negotiate?access_token=" + token)).Is("token_expired", 401);
    }

    [Fact]
    public async Task A_token_of_the_future_is_refused_but_for_thirty_seconds()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(WithSecret, time);
        long now = Seconds(time.GetUtcNow());
        Assert.Null((await Verify(server, Token($$"""{"sub":"u","exp":{{now + 100}},"nbf":{{now + 30}}}"""))).Error);
        Assert.Equal(ErrorCode.Unauthenticated, (await Verify(server, Token($$"""{"sub":"u","exp":{{now + 100}},"nbf":{{now + 31}}}"""))).Error!.Code);

        // iat says nothing.
        Assert.Null((await Verify(server, Token($$"""{"sub":"u","exp":{{now + 100}},"iat":{{now + 5_000}}}"""))).Error);
    }

    [Theory]
    [InlineData("""{"exp":E}""", "sub")]
    [InlineData("""{"sub":"","exp":E}""", "sub")]
    [InlineData("""{"sub":7,"exp":E}""", "sub")]
    [InlineData("""{"sub":null,"exp":E}""", "sub")]
    [InlineData("""{"sub":"a\u0000b","exp":E}""", "sub")]
    [InlineData("""{"sub":"\ud800","exp":E}""", "Unicode")]
    [InlineData("""{"sub":"u"}""", "exp")]
    [InlineData("""{"sub":"u","exp":"E"}""", "exp")]
    [InlineData("""{"sub":"u","exp":null}""", "exp")]
    [InlineData("""{"sub":"u","exp":1e400}""", "exp")]
    [InlineData("""{"sub":"u","exp":-1}""", "exp")]
    [InlineData("""{"sub":"u","exp":99999999999999}""", "exp")]
    [InlineData("""{"sub":"u","exp":E,"nbf":"soon"}""", "nbf")]
    [InlineData("""{"sub":"u","exp":E,"name":""}""", "name")]
    [InlineData("""{"sub":"u","exp":E,"name":"  "}""", "name")]
    [InlineData("""{"sub":"u","exp":E,"name":5}""", "name")]
    [InlineData("""{"sub":"u","exp":E,"name":"12345678901234567890123456789012345678901234567890123456789012345"}""", "name")]
    [InlineData("""{"sub":"u","exp":E,"tenant":""}""", "tenant")]
    [InlineData("""{"sub":"u","exp":E,"tenant":"Acme"}""", "tenant")]
    [InlineData("""{"sub":"u","exp":E,"tenant":"a/b"}""", "tenant")]
    [InlineData("""{"sub":"u","exp":E,"tenant":"会社"}""", "tenant")]
    [InlineData("""{"sub":"u","exp":E,"rooms":"lobby"}""", "rooms")]
    [InlineData("""{"sub":"u","exp":E,"rooms":[1]}""", "rooms")]
    [InlineData("""{"sub":"u","exp":E,"rooms":[""]}""", "rooms")]
    [InlineData("""{"sub":"u","exp":E,"rooms":{"0":"lobby"}}""", "rooms")]
    [InlineData("""{"sub":"u","exp":E,"rooms":["12345678901234567890123456789012345678901234567890123456789012345"]}""", "rooms")]
    public async Task A_claim_of_the_wrong_form_is_refused_and_named(string payload, string mentions)
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(WithSecret, time);
        string exp = Seconds(time.GetUtcNow().AddHours(1)).ToString(CultureInfo.InvariantCulture);
        Error error = (await Verify(server, Token(payload.Replace(":E", ":" + exp, StringComparison.Ordinal)))).Error!;
        Assert.Equal(ErrorCode.Unauthenticated, error.Code);
        Assert.Contains(mentions, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hundred_rooms_are_taken_and_no_more()
    {
        await using RunningServer server = await RunningServer.Start(WithSecret);
        string[] rooms = [.. Enumerable.Range(0, 101).Select(i => "room " + i)];
        Assert.Null((await Verify(server, Tokens.For("u", rooms[..100]))).Error);
        Assert.Equal(ErrorCode.Unauthenticated, (await Verify(server, Tokens.For("u", rooms))).Error!.Code);
        Assert.Equal(100, (await new RestClient(server.Address) { Token = Tokens.For("u") }.Get("/api/rooms?limit=100")).Items.Count);
    }

    [Theory]
    [InlineData(null, null, true)]
    [InlineData("\"host\"", "\"chat\"", true)]
    [InlineData("\"host\"", "[\"other\",\"chat\"]", true)]
    [InlineData("\"host\"", "[]", false)]
    [InlineData("\"host\"", "[\"other\",7]", false)]
    [InlineData("\"host\"", "\"other\"", false)]
    [InlineData("\"host\"", null, false)]
    [InlineData("\"Host\"", "\"chat\"", false)]
    [InlineData("[\"host\"]", "\"chat\"", false)]
    [InlineData(null, "\"chat\"", false)]
    public async Task Issuer_and_audience_must_be_those_that_are_set(string? issuer, string? audience, bool allowed)
    {
        bool unset = issuer is null && audience is null;
        await using RunningServer server = await RunningServer.Start(
            unset ? WithSecret : [.. WithSecret, ("ConnectionTokens:Issuer", "host"), ("ConnectionTokens:Audience", "chat")]);
        string claims = (issuer is null ? "" : $",\"iss\":{issuer}") + (audience is null ? "" : $",\"aud\":{audience}");
        Result<Caller> result = await Verify(server, Token($$"""{"sub":"u","exp":4000000000{{claims}}}"""));
        Assert.Equal(allowed, result.Error is null);
    }

    [Fact]
    public async Task Without_a_key_no_token_is_taken()
    {
        await using RunningServer server = await RunningServer.Start();
        (await new RestClient(server.Address) { Token = Tokens.For("u") }.Get("/api/me")).Is("unauthenticated", 401);
    }

    [Fact]
    public async Task The_same_subject_is_the_same_user_whose_name_follows_the_token()
    {
        await using RunningServer server = await RunningServer.Start(WithSecret);
        Answer first = (await new RestClient(server.Address) { Token = Tokens.Make("u-1", name: "Old") }.Get("/api/me")).IsStatus(200);
        Answer second = (await new RestClient(server.Address) { Token = Tokens.Make("u-1", name: "New") }.Get("/api/me")).IsStatus(200);
        Assert.Equal(first["user"].GetProperty("id").GetString(), second["user"].GetProperty("id").GetString());
        Assert.Equal("New", second["user"].GetProperty("displayName").GetString());

        Answer other = (await new RestClient(server.Address) { Token = Tokens.Make("U-1") }.Get("/api/me")).IsStatus(200);
        Assert.NotEqual(first["user"].GetProperty("id").GetString(), other["user"].GetProperty("id").GetString());
        Assert.Equal("U-1", other["user"].GetProperty("displayName").GetString());

        string longSubject = new string('x', 63) + "🙂" + new string('y', 100);
        Answer shortened = (await new RestClient(server.Address) { Token = Tokens.Make(longSubject) }.Get("/api/me")).IsStatus(200);
        Assert.Equal(new string('x', 63), shortened["user"].GetProperty("displayName").GetString());
    }

    [Fact]
    public async Task The_rooms_of_a_token_are_made_and_joined_once()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(WithSecret, time);
        DateTimeOffset expires = time.GetUtcNow().AddDays(1);
        Guid own = Guid.NewGuid();
        RestClient aoi = new(server.Address) { Token = Tokens.Make("aoi", ["lobby", own.ToString().ToUpperInvariant()], expires: expires) };
        IReadOnlyList<JsonElement> rooms = (await aoi.Get("/api/rooms")).IsStatus(200).Items;
        Assert.Equal(2, rooms.Count);
        JsonElement lobby = rooms.Single(room => room.GetProperty("name").GetString() == "lobby");
        Assert.Equal("private", lobby.GetProperty("kind").GetString());
        Assert.Equal("owner", lobby.GetProperty("role").GetString());
        Assert.Contains(rooms, room => room.GetProperty("id").GetGuid() == own);
        Tenant tenant = await server.Services.GetRequiredService<IDirectory>().EnsureTenant("default", time.GetUtcNow(), TestContext.Current.CancellationToken);
        Assert.Equal(Tokens.RoomOf(tenant.Id.Value, "lobby"), lobby.GetProperty("id").GetGuid());

        RestClient ren = new(server.Address) { Token = Tokens.Make("ren", ["lobby"], expires: expires) };
        Assert.Equal("member", (await ren.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("role").GetString());

        // Again, remembered and not remembered: nothing is written.
        string path = $"/api/rooms/{lobby.GetProperty("id").GetString()}";
        long head = (await aoi.Get(path))["head"].GetInt64();
        await ren.Get("/api/me");
        time.Advance(TimeSpan.FromMinutes(5));
        await ren.Get("/api/me");
        await aoi.Get("/api/me");
        Assert.Equal(head, (await aoi.Get(path))["head"].GetInt64());

        // Who was removed comes back with a token that says so, once the memory of the last one has gone.
        string renId = (await ren.Get("/api/me"))["user"].GetProperty("id").GetString()!;
        (await aoi.Delete($"{path}/members/{renId}")).IsStatus(204);
        (await ren.Get(path)).Is("not_found", 404);
        time.Advance(TimeSpan.FromMinutes(1));
        (await ren.Get(path)).IsStatus(200);
    }

    [Fact]
    public async Task A_token_opens_no_direct_room_and_no_room_of_another_tenant()
    {
        await using RunningServer server = await RunningServer.Start(WithSecret);
        RestClient aoi = new(server.Address) { Token = Tokens.Make("aoi", ["lobby"], tenant: "acme") };
        string lobby = (await aoi.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString()!;
        (await new RestClient(server.Address) { Token = Tokens.Make("eve", [lobby], tenant: "other") }.Get("/api/me")).Is("forbidden", 403);

        string aoiId = (await aoi.Get("/api/me"))["user"].GetProperty("id").GetString()!;
        string direct = (await aoi.Post("/api/rooms/direct", new { user = aoiId })).IsStatus(200)["id"].GetString()!;
        (await new RestClient(server.Address) { Token = Tokens.Make("eve", [direct], tenant: "acme") }.Get("/api/me")).Is("forbidden", 403);
        (await aoi.Get($"/api/rooms/{direct}")).IsStatus(200);
    }

    [Fact]
    public async Task Tenants_are_apart_although_their_users_and_rooms_are_called_the_same()
    {
        await using RunningServer server = await RunningServer.Start(WithSecret);
        RestClient one = new(server.Address) { Token = Tokens.Make("aoi", ["lobby"], tenant: "one") };
        RestClient two = new(server.Address) { Token = Tokens.Make("aoi", ["lobby"], tenant: "two") };
        Assert.NotEqual((await one.Get("/api/me"))["user"].GetProperty("id").GetString(), (await two.Get("/api/me"))["user"].GetProperty("id").GetString());
        string roomOfOne = (await one.Get("/api/rooms")).Items.Single().GetProperty("id").GetString()!;
        Assert.NotEqual(roomOfOne, (await two.Get("/api/rooms")).Items.Single().GetProperty("id").GetString());
        (await two.Get($"/api/rooms/{roomOfOne}")).Is("not_found", 404);
        Assert.Single((await one.Get("/api/users")).Items);
    }

    [Fact]
    public async Task Callers_with_a_token_have_no_session_and_no_password()
    {
        await using RunningServer server = await RunningServer.Start(WithSecret);
        RestClient aoi = new(server.Address) { Token = Tokens.For("aoi") };
        Assert.Empty((await aoi.Get("/api/sessions")).IsStatus(200).Items);
        (await aoi.Post("/api/sign-out")).Is("conflict", 409);
        (await aoi.Post("/api/me/password", new { current = "whatever it was", next = "something else" })).Is("forbidden", 403);
        (await aoi.Get("/api/invites")).Is("forbidden", 403);
    }

    [Fact]
    public async Task Of_many_first_tokens_at_once_one_user_and_one_room_come()
    {
        await using RunningServer server = await RunningServer.Start(WithSecret);
        string token = Tokens.Make("aoi", ["lobby"], tenant: "new");
        Answer[] answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => new RestClient(server.Address) { Token = token }.Get("/api/me")));
        Assert.All(answers, answer => answer.IsStatus(200));
        Assert.Single(answers.Select(answer => answer["user"].GetProperty("id").GetString()).Distinct());
        JsonElement lobby = (await new RestClient(server.Address) { Token = token }.Get("/api/rooms")).Items.Single();
        Assert.Equal(2, lobby.GetProperty("head").GetInt64());
    }

    [Fact]
    public async Task What_is_remembered_costs_no_query()
    {
        CountingDirectory? counting = null;
        await using RunningServer server = await RunningServer.Start(
            WithSecret,
            new FakeTime(),
            services => CountingDirectory.Install(services, made => counting = made));
        string token = Tokens.Make("aoi", ["lobby"], expires: new FakeTime().GetUtcNow().AddHours(1));
        Assert.Null((await Verify(server, token)).Error);
        int before = counting!.Calls;
        for (int i = 0; i < 100; i++)
        {
            Assert.Null((await Verify(server, token)).Error);
        }

        Assert.Equal(before, counting.Calls);
    }

    [Fact]
    public void Memory_is_bounded_in_number_and_in_time()
    {
        FakeTime time = new();
        RecentEntries<int, int> recent = new(100, TimeSpan.FromMinutes(1), time);
        for (int i = 0; i < 10_000; i++)
        {
            recent.Put(i, i);
            Assert.True(recent.TryGet(i, out int value) && value == i);
            Assert.InRange(recent.Count, 1, 100);
        }

        Assert.True(recent.TryGet(9_960, out _));
        Assert.False(recent.TryGet(9_000, out _));
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.False(recent.TryGet(9_999, out _));
    }
}
