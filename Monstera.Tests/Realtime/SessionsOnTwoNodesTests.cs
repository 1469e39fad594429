using System.Net.WebSockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Realtime;
using Monstera.Server.Storage;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>A session is the same on every node, and so is its end.</summary>
public sealed class SessionsOnTwoNodesTests : IAsyncDisposable
{
    private readonly List<HubSocket> _hubs = [];

    /// <summary>The other node's clock. While it stands still that node does nothing by itself: what happens there was told, or follows from a change that it noticed.</summary>
    private readonly FakeTime _time = new(TimeProvider.System.GetUtcNow());
    private TwoNodes? _nodes;
    private CountingDirectory _asked = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private RunningServer Here => _nodes!.Here;

    private RunningServer There => _nodes!.There;

    /// <summary>How often the other node has looked which sessions still live.</summary>
    private int Looks => _asked.Called.Count(call => call == nameof(IDirectory.FindLiveSessions));

    public async ValueTask DisposeAsync()
    {
        foreach (HubSocket hub in _hubs)
        {
            await hub.DisposeAsync();
        }

        if (_nodes is not null)
        {
            await _nodes.DisposeAsync();
        }
    }

    /// <summary>There are no keys that nodes would have to share: a session is a secret that the directory knows.</summary>
    [Fact]
    public async Task A_session_of_one_node_is_one_of_the_other_at_once_by_cookie_and_by_token()
    {
        await Start();
        RestClient owner = await Here.SetUp();
        RestClient elsewhere = There.Anonymous();
        elsewhere.Token = owner.Token;
        Assert.Equal(owner.UserId, (await elsewhere.Get("/api/me")).IsStatus(200)["user"].GetProperty("id").GetString());
        await Connect(There, owner.Token!);

        Answer signedIn = (await There.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password })).IsStatus(200);
        RestClient browser = Here.Anonymous();
        browser.Cookie = signedIn.SessionCookie;
        browser.Origin = Here.Address;
        (await browser.Get("/api/me")).IsStatus(200);
        (await browser.Patch("/api/me", new { displayName = "Of both" })).IsStatus(200);
        Assert.Equal("Of both", (await elsewhere.Get("/api/me"))["user"].GetProperty("displayName").GetString());
        HubSocket hub = await HubSocket.Connect(Here.Uri(), null, cookie: "monstera_session=" + browser.Cookie);
        _hubs.Add(hub);
        await hub.Hello();
    }

    [Fact]
    public async Task Signing_out_on_one_node_cuts_connections_on_the_other_at_once_and_refuses_the_next_request()
    {
        await Start();
        RestClient owner = await Here.SetUp();
        RestClient elsewhere = There.Anonymous();
        elsewhere.Token = owner.Token;
        RestClient other = await Here.Register("other");
        (HubSocket hub, SeenMessages seen) = await Connect(There, owner.Token!);
        (HubSocket stays, _) = await Connect(There, other.Token!);
        (await elsewhere.Get("/api/me")).IsStatus(200);

        (await owner.Post("/api/sign-out")).IsStatus(204);

        (await elsewhere.Get("/api/me")).IsStatus(401);
        await IsSignedOut(seen);
        await Assert.ThrowsAsync<WebSocketException>(() => HubSocket.Connect(There.Uri(), owner.Token));
        Assert.Equal(0, Looks);
        await IsClosed(hub);
        Assert.Null((await stays.Call("Rooms", new { })).Code());
    }

    [Fact]
    public async Task A_new_password_on_one_node_ends_the_other_sessions_on_the_other_at_once()
    {
        await Start();
        RestClient owner = await Here.SetUp();
        Answer second = (await There.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password, token = true })).IsStatus(200);
        (HubSocket phone, SeenMessages seen) = await Connect(There, second["token"].GetString()!);
        (HubSocket stays, _) = await Connect(There, owner.Token!);

        (await owner.Post("/api/me/password", new { current = RestClient.Password, next = "another horse" })).IsStatus(204);

        await IsSignedOut(seen);
        Assert.Equal(0, Looks);
        await IsClosed(phone);
        Assert.Null((await stays.Call("Rooms", new { })).Code());
    }

    /// <summary>By the first look, which comes within a second.</summary>
    [Fact]
    public async Task While_the_nodes_cannot_tell_each_other_they_find_out_within_a_second()
    {
        await Start();
        RestClient owner = await Here.SetUp();
        RestClient elsewhere = There.Anonymous();
        elsewhere.Token = owner.Token;
        (HubSocket hub, SeenMessages seen) = await Connect(There, owner.Token!);
        (await elsewhere.Get("/api/me")).IsStatus(200);
        _nodes!.Wire.SetCut(true);
        _time.AdvanceMs(500);

        (await owner.Post("/api/sign-out")).IsStatus(204);

        (await elsewhere.Get("/api/me")).IsStatus(401);
        Assert.Null(seen.SignedOut);
        _time.AdvanceMs(999);
        await IsSignedOut(seen);
        Assert.Equal(1, Looks);
        await IsClosed(hub);
    }

    /// <summary>Their word was lost and nobody knew; and the session of another ran out.</summary>
    [Fact]
    public async Task What_was_missed_is_found_out_at_once_when_the_backplane_says_so_and_else_within_half_a_minute()
    {
        await Start(("Realtime:ClientTimeoutSeconds", "900"));
        RestClient ann = await Here.SetUp("ann");
        RestClient bob = await Here.Register("bob");
        RestClient carol = await Here.Register("carol");
        (_, SeenMessages ofAnn) = await Connect(There, ann.Token!);
        (_, SeenMessages ofBob) = await Connect(There, bob.Token!);
        (HubSocket stays, SeenMessages ofCarol) = await Connect(There, carol.Token!);
        await EndUnheard(ann);
        _nodes!.Wire.SetCut(false);
        await IsSignedOut(ofAnn);
        Assert.Null(ofBob.SignedOut);

        await EndUnheard(bob);
        _asked.Called.Clear();
        for (int i = 0; i < 29; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(0, Looks);
        Assert.Null(ofBob.SignedOut);
        _time.Advance(TimeSpan.FromSeconds(1));
        await IsSignedOut(ofBob);
        Assert.Equal(1, Looks);
        Assert.Null(ofCarol.SignedOut);
        Assert.Null((await stays.Call("Rooms", new { })).Code());
    }

    [Fact]
    public async Task A_session_that_expires_ends_its_connections_and_a_live_connection_keeps_it_from_expiring()
    {
        // Days pass for the watch alone: connections that are silent for so long are cut.
        FakeTime later = new(_time.GetUtcNow());
        await Start(("Sessions:Days", "4"));
        using SessionWatch watch = new(
            There.Get<ConnectionRegistry>(),
            There.Get<SessionEndings>(),
            There.Get<IDirectory>(),
            There.Get<IBackplane>(),
            There.Get<IOptions<MonsteraOptions>>(),
            later,
            NullLogger<SessionWatch>.Instance);
        RestClient owner = await Here.SetUp();
        (_, SeenMessages seen) = await Connect(There, owner.Token!);
        for (int hours = 0; hours < 24 * 6; hours += 6)
        {
            later.Advance(TimeSpan.FromHours(6));
            await watch.Check();
        }

        Assert.Null(seen.SignedOut);
        IReadOnlyList<Session> sessions = await There.Get<IDirectory>().ReadSessions(await TheTenant(), new UserId(Guid.Parse(owner.UserId)), later.GetUtcNow(), Cancel);
        Assert.InRange(sessions.Single().ExpiresAt - later.GetUtcNow(), TimeSpan.FromDays(2.5), TimeSpan.FromDays(4));

        later.Advance(TimeSpan.FromDays(4));
        await watch.Check();
        await IsSignedOut(seen);
    }

    /// <summary>A thousand connections cost the directory one query.</summary>
    [Fact]
    public async Task Connections_are_looked_up_together()
    {
        await Start();
        RestClient owner = await Here.SetUp();
        for (int i = 0; i < 20; i++)
        {
            await Connect(There, i % 2 == 0 ? owner.Token! : (await Here.Register($"user{i}")).Token!);
        }

        _asked.Called.Clear();
        await There.Get<SessionWatch>().Check();
        Assert.Equal([nameof(IDirectory.FindLiveSessions)], _asked.Called);
    }

    private async Task Start(params (string Key, string Value)[] settings) =>
        _nodes = await TwoNodes.Start(_time, services => CountingDirectory.InstallBehindCache(services, made => _asked = made), replaceBoth: null, settings);

    /// <summary>It is told so, and served no more, without the clock going on.</summary>
    private static Task IsSignedOut(SeenMessages seen) => seen.Changed.Until(() => seen.SignedOut == "session_ended", "SignedOut");

    /// <summary>A moment later, in which a client may read why.</summary>
    private Task IsClosed(HubSocket hub) => Signal.Poll(
        () =>
        {
            _time.AdvanceMs(100);
            return !hub.IsOpen;
        },
        "the connection to close");

    /// <summary>As if another node had ended the session, and its word had been lost.</summary>
    private async Task EndUnheard(RestClient client)
    {
        Answer me = (await client.Get("/api/me")).IsStatus(200);
        SessionId session = new(me["session"].GetProperty("id").GetGuid());
        Assert.True(await Here.Get<StoredDirectory>().Directory.EndSession(await TheTenant(), new UserId(Guid.Parse(client.UserId)), session, Cancel));
    }

    private async Task<TenantId> TheTenant() => (await Here.Get<IDirectory>().EnsureTenant(Tenant.DefaultKey, default, Cancel)).Id;

    private async Task<(HubSocket Hub, SeenMessages Seen)> Connect(RunningServer node, string token)
    {
        SeenMessages seen = new();
        HubSocket hub = await HubSocket.Connect(node.Uri(), token, new HubSocketOptions { Received = seen.Take, Pings = false });
        _hubs.Add(hub);
        await hub.Hello();
        return (hub, seen);
    }
}
