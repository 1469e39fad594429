using System.Globalization;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Accounts;

public sealed class SignInTests
{
    private static object Request(string userName = "owner", string password = RestClient.Password, bool token = false) => new { userName, password, token };

    [Fact]
    public async Task A_browser_gets_a_cookie_that_scripts_cannot_read_and_no_token()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        Answer answer = (await server.Anonymous().Post("/api/sign-in", Request())).IsStatus(200);
        Assert.False(answer.Body.TryGetProperty("token", out _));
        string cookie = answer.Header("Set-Cookie")!;
        Assert.Matches("^monstera_session=mst_[A-Za-z0-9_-]{43}; expires=[^;]+; path=/; samesite=lax; httponly$", cookie);
        Assert.Equal("no-store", answer.Header("Cache-Control"));
    }

    [Fact]
    public async Task A_program_gets_a_token_and_no_cookie()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        Answer answer = (await server.Anonymous().Post("/api/sign-in", Request(token: true))).IsStatus(200);
        Assert.Null(answer.Header("Set-Cookie"));
        RestClient program = new(server.Address) { Token = answer["token"].GetString() };
        Answer me = (await program.Get("/api/me")).IsStatus(200);
        Assert.Equal(answer["session"].GetProperty("id").GetString(), me["session"].GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_wrong_password_an_unknown_name_and_an_impossible_name_look_the_same()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        Answer wrong = (await server.Anonymous().Post("/api/sign-in", Request(password: "wrong horse"))).Is("unauthenticated", 401);
        Assert.Equal(wrong.Text, (await server.Anonymous().Post("/api/sign-in", Request("nobody"))).Is("unauthenticated", 401).Text);
        Assert.Equal(wrong.Text, (await server.Anonymous().Post("/api/sign-in", Request("no body @"))).Is("unauthenticated", 401).Text);
        Assert.Equal(wrong.Text, (await server.Anonymous().Post("/api/sign-in", Request(new string('x', 10_000)))).Is("unauthenticated", 401).Text);
    }

    [Fact]
    public async Task The_same_name_and_password_in_other_width_or_case_of_the_name_sign_in()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        (await server.Anonymous().Post("/api/sign-in", Request("OWNER", "correct horse"))).IsStatus(200);
        (await server.Anonymous().Post("/api/sign-in", Request(password: "Correct horse"))).Is("unauthenticated", 401);
    }

    [Theory]
    [InlineData("mst_")]
    [InlineData("mst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("nonsense")]
    [InlineData("a.b.c")]
    [InlineData("..")]
    public async Task A_wrong_token_is_refused_even_beside_a_right_cookie(string token)
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        string cookie = (await server.Anonymous().Post("/api/sign-in", Request())).SessionCookie!;
        Answer answer = await new RestClient(server.Address) { Token = token, Cookie = cookie }.Get("/api/me");
        answer.Is("unauthenticated", 401);
        Assert.Equal("Bearer", answer.Header("WWW-Authenticate"));
        Assert.Null(answer.SessionCookie);
    }

    [Fact]
    public async Task Credentials_of_another_kind_are_refused()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient client = server.Anonymous();
        client.Headers["Authorization"] = "Basic b3duZXI6Y29ycmVjdCBob3JzZQ==";
        (await client.Get("/api/me")).Is("unauthenticated", 401);
    }

    [Fact]
    public async Task A_token_in_the_query_counts_for_the_hub_only()
    {
        await using RunningServer server = await RunningServer.Start();
        RestClient owner = await server.SetUp();
        (await server.Anonymous().Get("/api/me?access_token=" + owner.Token)).Is("unauthenticated", 401);
        (await server.Anonymous().Post("/hub/negotiate?negotiateVersion=1&access_token=" + owner.Token)).IsStatus(200);
        (await server.Anonymous().Post("/hub/negotiate?negotiateVersion=1&Access%5Ftoken=" + owner.Token)).IsStatus(200);
        (await server.Anonymous().Post("/hub/negotiate?negotiateVersion=1")).Is("unauthenticated", 401);
        (await server.Anonymous().Post($"/hub/negotiate?access_token={owner.Token}&access_token={owner.Token}")).Is("unauthenticated", 401);
        (await server.Anonymous().Post("/hubs/negotiate?access_token=" + owner.Token)).Is("not_found", 404);
    }

    [Fact]
    public async Task A_cookie_that_leads_nowhere_is_taken_back()
    {
        await using RunningServer server = await RunningServer.Start();
        Answer answer = await new RestClient(server.Address) { Cookie = "mst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }.Get("/api/me");
        Assert.Equal("", answer.Is("unauthenticated", 401).SessionCookie);
        Assert.Contains("expires=Thu, 01 Jan 1970", answer.Header("Set-Cookie")!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_lives_as_long_as_it_is_used_and_is_written_every_five_minutes_at_most()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start([("Sessions:Days", "2")], time);
        await server.SetUp();
        string cookie = (await server.Anonymous().Post("/api/sign-in", Request())).SessionCookie!;
        RestClient browser = new(server.Address) { Cookie = cookie };

        Answer me = await browser.Get("/api/me");
        DateTimeOffset first = LastSeen(me);
        time.Advance(TimeSpan.FromMinutes(4));
        me = (await browser.Get("/api/me")).IsStatus(200);
        Assert.Equal(first, LastSeen(me));
        Assert.Null(me.SessionCookie);

        time.Advance(TimeSpan.FromMinutes(1));
        me = (await browser.Get("/api/me")).IsStatus(200);
        Assert.Equal(first.AddMinutes(5), LastSeen(me));
        Assert.Equal(cookie, me.SessionCookie);
        Assert.Equal(first.AddMinutes(5).AddDays(2), me["session"].GetProperty("expiresAt").GetDateTimeOffset());

        time.Advance(TimeSpan.FromHours(47));
        (await browser.Get("/api/me")).IsStatus(200);
        time.Advance(TimeSpan.FromHours(47));
        (await browser.Get("/api/me")).IsStatus(200);
        time.Advance(TimeSpan.FromHours(48));
        (await browser.Get("/api/me")).Is("unauthenticated", 401);

        static DateTimeOffset LastSeen(Answer me) => me["session"].GetProperty("lastSeenAt").GetDateTimeOffset();
    }

    [Fact]
    public async Task Five_wrong_passwords_close_the_account_for_a_while_that_doubles()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start(time: time);
        await server.SetUp();
        for (int i = 0; i < 5; i++)
        {
            (await server.Anonymous().Post("/api/sign-in", Request(password: "wrong horse"))).Is("unauthenticated", 401);
        }

        foreach (int seconds in new[] { 30, 60, 120, 240, 480, 900, 900 })
        {
            // Closed, for the right password too, until the last millisecond.
            Answer locked = (await server.Anonymous().Post("/api/sign-in", Request())).Is("locked_out", 429);
            Assert.Equal(seconds * 1000, locked["error"].GetProperty("retryAfterMs").GetInt32());
            time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
            (await server.Anonymous().Post("/api/sign-in", Request())).Is("locked_out", 429);

            // One more guess, and it is closed for longer.
            time.AdvanceMs(1);
            (await server.Anonymous().Post("/api/sign-in", Request(password: "wrong horse"))).Is("unauthenticated", 401);
        }

        // The right one forgets it all.
        time.Advance(TimeSpan.FromMinutes(15));
        (await server.Anonymous().Post("/api/sign-in", Request())).IsStatus(200);
        for (int i = 0; i < 4; i++)
        {
            (await server.Anonymous().Post("/api/sign-in", Request(password: "wrong horse"))).Is("unauthenticated", 401);
        }

        (await server.Anonymous().Post("/api/sign-in", Request())).IsStatus(200);
    }

    [Fact]
    public async Task Guesses_that_come_all_at_once_are_counted_one_by_one()
    {
        await using RunningServer server = await RunningServer.Start(time: new FakeTime());
        await server.SetUp();
        Answer[] answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => server.Anonymous().Post("/api/sign-in", Request(password: "guess number " + i))));
        int atOnce = Math.Max(1, Environment.ProcessorCount / 2);
        Assert.InRange(answers.Count(answer => answer.Status == 401), 5, 4 + atOnce);
        Assert.All(answers.Where(answer => answer.Status != 401), answer => answer.Is("locked_out", 429));
    }

    [Fact]
    public async Task One_address_may_try_so_often_a_minute()
    {
        FakeTime time = new();
        await using RunningServer server = await RunningServer.Start([("Limits:SignInsPerMinutePerAddress", "6"), ("Registration", "open")], time);
        await server.SetUp();
        RestClient client = server.Anonymous();
        (await client.Post("/api/sign-in", Request("nobody"))).Is("unauthenticated", 401);
        (await client.Post("/api/register", new { userName = "aoi", displayName = "葵", password = RestClient.Password })).IsStatus(201);
        (await client.Get("/api/join/nothing")).Is("gone", 410);
        (await client.Post("/api/setup", new { workspaceName = "x", userName = "y", displayName = "z", password = RestClient.Password })).Is("conflict", 409);
        (await client.Post("/api/sign-in", Request())).IsStatus(200);

        Answer limited = (await client.Post("/api/sign-in", Request())).Is("rate_limited", 429);
        Assert.Equal(10_000, limited["error"].GetProperty("retryAfterMs").GetInt32());
        (await client.Get("/api/join/nothing")).Is("rate_limited", 429);
        (await client.Get("/api/workspace")).IsStatus(200);
        time.Advance(TimeSpan.FromSeconds(10));
        (await client.Post("/api/sign-in", Request())).IsStatus(200);
        (await client.Post("/api/sign-in", Request())).Is("rate_limited", 429);
    }

    [Fact]
    public async Task A_password_hashed_with_less_work_is_hashed_anew_at_sign_in()
    {
        await using RunningServer server = await RunningServer.Start();
        await server.SetUp();
        IDirectory directory = server.Services.GetRequiredService<IDirectory>();
        Tenant tenant = await directory.EnsureTenant(Tenant.DefaultKey, DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken);
        Credentials before = (await directory.FindCredentials(tenant.Id, "owner", TestContext.Current.CancellationToken))!;
        PasswordHasher<object> weaker = new(Options.Create(new PasswordHasherOptions { IterationCount = 10 }));
        await directory.SetPasswordHash(tenant.Id, before.User.Id, weaker.HashPassword(this, RestClient.Password), TestContext.Current.CancellationToken);

        (await server.Anonymous().Post("/api/sign-in", Request())).IsStatus(200);
        string after = (await directory.FindCredentials(tenant.Id, "owner", TestContext.Current.CancellationToken))!.PasswordHash!;
        PasswordHasher<object> asStrong = new(Options.Create(new PasswordHasherOptions { IterationCount = 1_000 }));
        Assert.Equal(PasswordVerificationResult.Success, asStrong.VerifyHashedPassword(this, after, RestClient.Password));
        (await server.Anonymous().Post("/api/sign-in", Request())).IsStatus(200);
    }

    [Fact]
    public async Task When_too_many_wait_for_their_hash_the_rest_is_refused_at_once()
    {
        await using RunningServer server = await RunningServer.Start();
        using Passwords passwords = new(
            server.Services.GetRequiredService<IDirectory>(),
            TimeProvider.System,
            Options.Create(new PasswordHasherOptions { IterationCount = 50_000 }),
            atOnce: 1);
        Result<string>[] results = await Task.WhenAll(
            Enumerable.Range(0, 60).Select(_ => passwords.Hash("some password", TestContext.Current.CancellationToken)));
        Result<string>[] refused = [.. results.Where(result => result.Error is not null)];
        Assert.NotEmpty(refused);
        Assert.All(refused, result => Assert.Equal(ErrorCode.Overloaded, result.Error!.Code));
        Assert.All(refused, result => Assert.NotNull(result.Error!.RetryAfterMs));
        Assert.InRange(results.Length - refused.Length, 33, 59);
        Assert.Null((await passwords.Hash("once more", TestContext.Current.CancellationToken)).Error);
    }

    [Theory]
    [InlineData(4, null)]
    [InlineData(5, 30)]
    [InlineData(6, 60)]
    [InlineData(9, 480)]
    [InlineData(10, 900)]
    [InlineData(10_000, 900)]
    public void The_time_of_a_lock_out_doubles_and_is_bounded(int failures, int? seconds) =>
        Assert.Equal(seconds?.ToString(CultureInfo.InvariantCulture), LockOut.After(failures)?.TotalSeconds.ToString(CultureInfo.InvariantCulture));

    [Fact]
    public void Addresses_count_as_one_by_their_network_in_IPv6_and_each_for_itself_in_IPv4()
    {
        Assert.Equal(Key("2001:db8:1:2::1"), Key("2001:db8:1:2:ffff::9"));
        Assert.NotEqual(Key("2001:db8:1:2::1"), Key("2001:db8:1:3::1"));
        Assert.NotEqual(Key("192.0.2.2"), Key("192.0.2.3"));
        Assert.Equal(Key("192.0.2.3"), Key("::ffff:192.0.2.3"));
        Assert.NotEqual(Key("192.0.2.3"), AddressLimiter.KeyOf(null));

        static UInt128 Key(string address) => AddressLimiter.KeyOf(System.Net.IPAddress.Parse(address));
    }
}
