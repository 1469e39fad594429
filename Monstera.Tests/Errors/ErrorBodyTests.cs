using System.Text;
using Monstera.Data.Directory;
using Monstera.Server.Errors;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Errors;

public sealed class ErrorBodyTests
{
    [Fact]
    public async Task Unknown_addresses_and_methods_have_the_one_body_too()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp();
        (await owner.Get("/api/nothing")).Is("not_found", 404);
        (await owner.Get("/api")).Is("not_found", 404);
        (await server.Anonymous().Get("/api/nothing")).Is("not_found", 404);
        (await owner.Get("/assets/nothing.js")).Is("not_found", 404);
        (await owner.Get("/openapi/v2.json")).IsStatus(404);
        Answer put = (await owner.Put("/api/me", new { displayName = "x" })).Is("unknown_method", 405);
        Assert.Equal("GET\nPATCH", put.Header("Allow"));
        (await owner.Send(HttpMethod.Parse("BREW"), "/api/me")).Is("unknown_method", 405);
        (await server.Anonymous().Get("/api/me")).Is("unauthenticated", 401);
    }

    [Theory]
    [InlineData("", "body")]
    [InlineData("{", "body")]
    [InlineData("[]", "body")]
    [InlineData("null", "body")]
    [InlineData("7", "body")]
    [InlineData("\"text\"", "body")]
    [InlineData("{}", "userName, password")]
    [InlineData("""{"userName":"a"}""", "password")]
    [InlineData("""{"userName":"a","password":null}""", "password")]
    [InlineData("""{"userName":7,"password":"b"}""", "userName")]
    [InlineData("""{"userName":["a"],"password":"b"}""", "userName")]
    [InlineData("""{"userName":"a","password":"b","token":"yes"}""", "token")]
    [InlineData("""{"userName":"a","password":"b","token":1}""", "token")]
    [InlineData("""{"UserName":"a","Password":"b"}""", "userName")]
    [InlineData("""{"userName":"a","userName":"owner","password":"b"}""", "userName")]
    [InlineData("""{"userName":"a","password":"b"} x""", "body")]
    [InlineData("""{"userName":"a","password":"b"}{}""", "body")]
    [InlineData("""{"userName":"a","password":"b",}""", "body")]
    [InlineData("""{"userName":"\ud800","password":"b"}""", "userName")]
    [InlineData("""{"userName":"\udc00\ud800","password":"b"}""", "userName")]
    [InlineData("""{"userName":"a","password":"b","x":NaN}""", "x")]
    public async Task A_body_that_is_not_what_is_wanted_is_refused_and_the_field_is_named(string body, string mentions)
    {
        await using RunningServer server = await RunningServer.Start();
        (await server.Anonymous().Send(HttpMethod.Post, "/api/sign-in", body)).Is("invalid", 400, mentions);
    }

    [Fact]
    public async Task Hostile_bodies_harm_nobody()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient client = server.Anonymous();
        (await client.Post("/api/sign-in", """{"x":""" + new string('[', 30_000) + new string(']', 30_000) + "}")).Is("invalid", 400);
        (await client.Post("/api/sign-in", new string('{', 60_000))).Is("invalid", 400);
        (await client.Post("/api/sign-in", """{"userName":"a","password":"b","token":""" + new string('9', 60_000) + "}")).Is("invalid", 400, "token");
        (await client.Post("/api/sign-in", """{"userName":"a","password":"b","x":1e999999999}""")).Is("unauthenticated", 401);
        (await client.Post("/api/sign-in", new { userName = new string('名', 10_000), password = "b" })).Is("unauthenticated", 401);
        (await client.Post("/api/sign-in", new { userName = "a", password = new string('b', 10_000) })).Is("invalid", 400, "password");
        (await client.Post("/api/sign-in", new byte[] { 0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d })).Is("invalid", 400);
        (await client.Post("/api/sign-in", Encoding.UTF8.GetBytes("{\"userName\":\"a").Concat(new byte[] { 0xff, 0x22, 0x7d }).ToArray())).Is("invalid", 400);
        (await client.Post("/api/sign-in", Encoding.Unicode.GetBytes("{\"userName\":\"a\",\"password\":\"b\"}"))).Is("invalid", 400);
        string manyFields = string.Join(',', Enumerable.Range(0, 4_000).Select(i => $"\"f{i}\":{i}"));
        (await client.Post("/api/sign-in", $$"""{"userName":"a","password":"b",{{manyFields}}}""")).Is("unauthenticated", 401);
        (await client.Get("/healthz/live")).IsStatus(200);
        Assert.DoesNotContain(server.Logs.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_body_may_have_64_KiB_and_not_a_byte_more()
    {
        await using RunningServer server = await RunningServer.Start();
        (await server.Anonymous().Post("/api/sign-in", Body(65_536))).Is("unauthenticated", 401);
        (await server.Anonymous().Post("/api/sign-in", Body(65_537))).Is("too_large", 413);

        // Who asks first is refused before anything is sent.
        RestClient asking = server.Anonymous();
        asking.Headers["Expect"] = "100-continue";
        (await asking.Post("/api/sign-in", Body(5_000_000))).Is("too_large", 413);

        // Without a length that is told beforehand.
        RestClient chunked = server.Anonymous();
        chunked.Headers["Transfer-Encoding"] = "chunked";
        (await chunked.Post("/api/sign-in", Body(65_536))).Is("unauthenticated", 401);
        (await chunked.Post("/api/sign-in", Body(65_537))).Is("too_large", 413);

        static string Body(int bytes)
        {
            const string start = """{"userName":"a","password":"b","x":" """;
            return start + new string('x', bytes - start.Length - 2) + "\"}";
        }
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/json5")]
    public async Task Only_JSON_in_UTF_8_is_taken(string contentType)
    {
        await using RunningServer server = await RunningServer.Start();
        string body = """{"userName":"a","password":"b"}""";
        (await server.Anonymous().Send(HttpMethod.Post, "/api/sign-in", body, contentType)).Is("invalid", 400, "Content-Type");
        (await server.Anonymous().Send(HttpMethod.Post, "/api/sign-in", body, "application/json; charset=UTF-8")).Is("unauthenticated", 401);
    }

    [Fact]
    public async Task When_the_storage_is_away_the_answer_says_so_and_when_to_try_again()
    {
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(replace: services => CountingDirectory.Install(services, made => directory = made));
        RestClient owner = await server.SetUp();
        directory!.Fails = _ => true;
        (await owner.Get("/api/me")).Is("unavailable", 503);
        (await server.Anonymous().Get("/api/workspace")).Is("unavailable", 503);
        (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).Is("unavailable", 503);

        directory.Fails = method => method == nameof(IDirectory.SetDisplayName);
        (await owner.Patch("/api/me", new { displayName = "x" })).Is("unavailable", 503);
        (await owner.Get("/api/me")).IsStatus(200);
        Assert.Contains(server.Logs.Lines, line => line.Contains("[2001]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_session_that_cannot_be_extended_still_reads()
    {
        CountingDirectory? directory = null;
        Clients.FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(time: time, replace: services => CountingDirectory.Install(services, made => directory = made));
        RestClient owner = await server.SetUp();
        time.Advance(TimeSpan.FromHours(1));
        directory!.Fails = method => method == nameof(IDirectory.TouchSession);
        (await owner.Get("/api/me")).IsStatus(200);
        directory.Fails = _ => false;
        Assert.Equal(time.GetUtcNow(), (await owner.Get("/api/me"))["session"].GetProperty("lastSeenAt").GetDateTimeOffset());
    }

    [Fact]
    public async Task A_set_up_that_was_cut_before_its_room_is_made_good_at_sign_in()
    {
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(
            [("Registration", "open")], replace: services => CountingDirectory.Install(services, made => directory = made));
        directory!.Fails = method => method == nameof(IDirectory.SetDefaultRoom);
        await server.SetUp();
        directory.Fails = _ => false;
        RestClient early = await server.Register("early");
        Assert.Empty((await early.Get("/api/rooms")).Items);

        (await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).IsStatus(200);
        RestClient late = await server.Register("late");
        Assert.Single((await late.Get("/api/rooms")).Items);
    }

    [Fact]
    public async Task A_bug_is_answered_with_internal_and_logged_and_tells_nothing()
    {
        CountingDirectory? directory = null;
        await using RunningServer server = await RunningServer.Start(replace: services => CountingDirectory.Install(services, made => directory = made));
        RestClient owner = await server.SetUp();
        directory!.Breaks = method => method == nameof(IDirectory.ReadSessions);
        Answer answer = (await owner.Get("/api/sessions")).Is("internal", 500);
        Assert.DoesNotContain("the bug of the test", answer.Text, StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.Contains(server.Logs.Lines, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("the bug of the test", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_code_has_its_row_in_the_table()
    {
        (string, int)[] documented =
        [
            ("internal", 500), ("invalid", 400), ("too_large", 413), ("unknown_method", 404), ("hello_required", 409), ("unauthenticated", 401),
            ("token_expired", 401), ("forbidden", 403), ("not_found", 404), ("gone", 410), ("conflict", 409), ("rate_limited", 429), ("locked_out", 429),
            ("overloaded", 503), ("unavailable", 503),
        ];
        Assert.Equal(
            documented.Order(),
            Enum.GetValues<ErrorCode>().Select(code => (ErrorTable.NameOf(code), ErrorTable.StatusOf(code))).Order());
    }
}
