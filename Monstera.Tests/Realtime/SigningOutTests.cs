using System.Net.WebSockets;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>Who has lost the right to be here is told so and cut, at once.</summary>
public sealed class SigningOutTests : IAsyncDisposable
{
    /// <summary>From 0.1 minutes before the end to just after it, but not so far that the farewell is over too.</summary>
    private static readonly TimeSpan ToTheEnd = TimeSpan.FromSeconds(6.05);

    private readonly FakeTime _time = new(TimeProvider.System.GetUtcNow());
    private readonly List<HubSocket> _hubs = [];
    private RunningServer? _server;

    public async ValueTask DisposeAsync()
    {
        foreach (HubSocket hub in _hubs)
        {
            await hub.DisposeAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    [Fact]
    public async Task Signing_out_ends_the_sessions_connections_and_no_others()
    {
        RestClient owner = await SetUp();
        RestClient other = await _server!.Register("other");
        (HubSocket hub, SeenMessages seen) = await Connect(owner.Token!);
        (HubSocket second, SeenMessages secondSeen) = await Connect(owner.Token!);
        (HubSocket stays, _) = await Connect(other.Token!);

        Assert.Equal(204, (await owner.Post("/api/sign-out")).Status);

        await seen.Changed.Until(() => seen.SignedOut == "session_ended", "SignedOut");
        await secondSeen.Changed.Until(() => secondSeen.SignedOut == "session_ended", "SignedOut");
        Assert.Equal("unauthenticated", await CodeOrClosed(hub));
        await Closes(hub);
        await Closes(second);
        Assert.Null((await stays.Call("Rooms", new { })).Code());
        await Assert.ThrowsAsync<WebSocketException>(() => HubSocket.Connect(_server.Uri(), owner.Token));
    }

    [Fact]
    public async Task Ending_a_session_from_another_device_ends_its_connections()
    {
        RestClient laptop = await SetUp();
        Answer signedIn = await _server!.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password, token = true });
        (HubSocket phone, SeenMessages seen) = await Connect(signedIn["token"].GetString()!);
        (HubSocket stays, _) = await Connect(laptop.Token!);

        Assert.Equal(204, (await laptop.Delete($"/api/sessions/{signedIn["session"].GetProperty("id").GetString()}")).Status);

        await seen.Changed.Until(() => seen.SignedOut == "session_ended", "SignedOut");
        await Closes(phone);
        Assert.Null((await stays.Call("Rooms", new { })).Code());
    }

    [Fact]
    public async Task A_new_password_ends_all_other_sessions_connections()
    {
        RestClient laptop = await SetUp();
        Answer signedIn = await _server!.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password, token = true });
        (HubSocket phone, SeenMessages seen) = await Connect(signedIn["token"].GetString()!);
        (HubSocket stays, _) = await Connect(laptop.Token!);

        Assert.Equal(204, (await laptop.Post("/api/me/password", new { current = RestClient.Password, next = "another horse" })).Status);

        await seen.Changed.Until(() => seen.SignedOut == "session_ended", "SignedOut");
        await Closes(phone);
        Assert.Null((await stays.Call("Rooms", new { })).Code());
    }

    [Fact]
    public async Task After_signing_out_nothing_more_is_delivered()
    {
        RestClient owner = await SetUp();
        Guid room = (await owner.Get("/api/rooms")).Items[0].GetProperty("id").GetGuid();
        (HubSocket hub, SeenMessages seen) = await Connect(owner.Token!);
        await hub.Resume(room);
        RestClient again = _server!.Anonymous().SignedIn(
            await _server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password, token = true }));
        Assert.Equal(204, (await owner.Post("/api/sign-out")).Status);
        int before = seen.Events.Length;

        Answer said = await again.Post($"/api/rooms/{room}/messages", new { clientId = Guid.NewGuid(), text = "behind their back" });
        Assert.Equal(200, said.Status);
        await Closes(hub);
        Assert.Equal(before, seen.Events.Length);
    }

    [Fact]
    public async Task A_connection_token_ends_the_connection_when_it_expires()
    {
        await Start();
        (HubSocket hub, SeenMessages seen) = await Connect(Token("aoi", minutes: 5));
        await Turn(TimeSpan.FromMinutes(4.9), hub);
        Assert.True(hub.IsOpen);
        Assert.Null((await hub.Call("Rooms", new { })).Code());

        _time.Advance(ToTheEnd);
        await seen.Changed.Until(() => seen.SignedOut == "token_expired", "SignedOut");
        await Closes(hub);
    }

    [Fact]
    public async Task Refresh_prolongs_and_only_with_a_token_of_the_same_user()
    {
        await Start();
        (HubSocket hub, SeenMessages seen) = await Connect(Token("aoi", minutes: 5));
        DateTimeOffset later = _time.GetUtcNow().AddMinutes(30);

        Assert.Equal("forbidden", (await hub.Call("Refresh", new { token = Token("beni", minutes: 60) })).Code());
        Assert.Equal("forbidden", (await hub.Call("Refresh", new { token = Tokens.Make("aoi", tenant: "elsewhere", expires: later) })).Code());
        Assert.Equal("unauthenticated", (await hub.Call("Refresh", new { token = Tokens.Make("aoi", expires: later, secret: "some other secret of thirty-two bytes") })).Code());
        Assert.Equal("token_expired", (await hub.Call("Refresh", new { token = Token("aoi", minutes: -5) })).Code());
        Assert.Equal("unauthenticated", (await hub.Call("Refresh", new { token = "nonsense" })).Code());
        JsonElement refreshed = await hub.Call("Refresh", new { token = Token("aoi", minutes: 30) });
        Assert.Equal(later.ToUnixTimeSeconds(), refreshed.GetProperty("expiresAt").GetDateTimeOffset().ToUnixTimeSeconds());

        await Turn(TimeSpan.FromMinutes(29.9), hub);
        Assert.Null(seen.SignedOut);
        _time.Advance(ToTheEnd);
        await seen.Changed.Until(() => seen.SignedOut == "token_expired", "SignedOut");
    }

    [Fact]
    public async Task A_session_has_nothing_to_refresh()
    {
        RestClient owner = await SetUp();
        (HubSocket hub, _) = await Connect(owner.Token!);

        Assert.Equal("invalid", (await hub.Call("Refresh", new { token = Token("aoi", minutes: 5) })).Code());
    }

    [Fact]
    public async Task Who_does_not_say_Hello_is_closed()
    {
        await Start();
        HubSocket silent = await HubSocket.Connect(_server!.Uri(), Token("aoi", 60), new HubSocketOptions { Pings = false });
        _hubs.Add(silent);
        HubSocket mute = await HubSocket.Connect(_server!.Uri(), Token("aoi", 60), new HubSocketOptions { Pings = false, Handshake = false });
        _hubs.Add(mute);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(silent.IsOpen);
        await Turn(TimeSpan.FromSeconds(3));

        await Closes(silent);
        await Closes(mute);
    }

    [Fact]
    public async Task Who_is_silent_for_half_a_minute_is_closed_and_who_pings_is_not()
    {
        await Start();
        (HubSocket silent, _) = await Connect(Token("aoi", 60));
        (HubSocket lively, _) = await Connect(Token("aoi", 60));
        for (int i = 0; i < 4; i++)
        {
            await Turn(TimeSpan.FromSeconds(10), lively);
        }

        await Closes(silent);
        Assert.Null((await lively.Call("Rooms", new { })).Code());
    }

    private async Task Start() => _server = await LiveServer.Start(_time, null, []);

    private async Task<RestClient> SetUp()
    {
        _server = await LiveServer.Start();
        return await _server.SetUp();
    }

    private async Task<(HubSocket Hub, SeenMessages Seen)> Connect(string token)
    {
        SeenMessages seen = new();
        HubSocket hub = await HubSocket.Connect(_server!.Uri(), token, new HubSocketOptions { Received = seen.Take, Pings = false });
        _hubs.Add(hub);
        await hub.Hello();
        return (hub, seen);
    }

    private string Token(string user, double minutes) => Tokens.Make(user, expires: _time.GetUtcNow().AddMinutes(minutes));

    /// <summary>Time passes in steps, and those who live give a sign of it.</summary>
    private async Task Turn(TimeSpan by, params HubSocket[] lively)
    {
        DateTimeOffset end = _time.GetUtcNow() + by;
        while (_time.GetUtcNow() < end)
        {
            TimeSpan left = end - _time.GetUtcNow();
            _time.Advance(left < TimeSpan.FromSeconds(10) ? left : TimeSpan.FromSeconds(10));
            foreach (HubSocket hub in lively)
            {
                await hub.Call("Rooms", new { });
            }
        }
    }

    /// <summary>The server's clock goes on while the connection closes.</summary>
    private Task Closes(HubSocket hub) => Signal.Poll(
        () =>
        {
            _time.AdvanceMs(100);
            return !hub.IsOpen;
        },
        "the connection to close");

    private static async Task<string?> CodeOrClosed(HubSocket hub)
    {
        try
        {
            return (await hub.Call("Rooms", new { })).Code();
        }
        catch (ConnectionLostException)
        {
            return "unauthenticated";
        }
    }
}
