using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Sqlite;

namespace Monstera.Tests.Cache;

/// <summary>Two nodes that remember what the same storage says.</summary>
public sealed class CachedDirectoryTests : IDisposable
{
    private static readonly byte[] Token = [.. Enumerable.Repeat((byte)7, 32)];

    private readonly FakeTime _time = new();
    private readonly SqliteStorage _stored = new();
    private readonly MemoryBackplaneWire _wire = new();
    private readonly CachingNode _here;
    private readonly CachingNode _there;

    public CachedDirectoryTests() => (_here, _there) = (new CachingNode(_stored.Directory, _wire, _time), new CachingNode(_stored.Directory, _wire, _time));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private DateTimeOffset Now => _time.GetUtcNow();

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
        _stored.Dispose();
    }

    [Fact]
    public async Task A_session_its_user_and_tenant_are_asked_for_once_and_a_session_again_after_a_second()
    {
        (User ann, Session session) = await SignedIn();
        _here.NewCalls();
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal((session, ann), await _here.Directory.FindSession(Token, Now, Cancel));
            Assert.Equal(ann, await _here.Directory.FindUser(ann.Tenant, ann.Id, Cancel));
            Assert.NotNull(await _here.Directory.FindTenant(ann.Tenant, Cancel));
        }

        Assert.Equal(["FindSession", "FindTenant"], _here.NewCalls());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull(await _here.Directory.FindSession(Token, Now, Cancel));
        Assert.Equal(["FindSession"], _here.NewCalls());
        _time.Advance(TimeSpan.FromSeconds(58));
        await _here.Directory.FindUser(ann.Tenant, ann.Id, Cancel);
        await _here.Directory.FindTenant(ann.Tenant, Cancel);
        Assert.Empty(_here.NewCalls());
        _time.Advance(TimeSpan.FromSeconds(2));
        await _here.Directory.FindUser(ann.Tenant, ann.Id, Cancel);
        await _here.Directory.FindTenant(ann.Tenant, Cancel);
        Assert.Equal(["FindUser", "FindTenant"], _here.NewCalls());
    }

    [Fact]
    public async Task A_session_that_ends_is_refused_at_once_on_all_nodes()
    {
        (User ann, Session session) = await SignedIn();
        Assert.NotNull(await _here.Directory.FindSession(Token, Now, Cancel));
        Assert.NotNull(await _there.Directory.FindSession(Token, Now, Cancel));

        await _here.Directory.EndSession(ann.Tenant, ann.Id, session.Id, Cancel);
        Assert.Null(await _here.Directory.FindSession(Token, Now, Cancel));
        _here.Endings.Announce(session.Id);
        Assert.Null(await _there.Directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task The_end_of_other_sessions_counts_at_once_too()
    {
        (User ann, _) = await SignedIn();
        Assert.NotNull(await _here.Directory.FindSession(Token, Now, Cancel));
        await _here.Directory.EndOtherSessions(ann.Tenant, ann.Id, null, Cancel);
        Assert.Null(await _here.Directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task Who_asks_after_the_end_is_not_given_what_was_read_before_it()
    {
        (User ann, Session session) = await SignedIn();
        TaskCompletionSource late = new();
        _here.Asked.Late = call => call == nameof(IDirectory.FindSession) ? late.Task : Task.CompletedTask;
        Task<(Session, User)?> before = _here.Directory.FindSession(Token, Now, Cancel).AsTask();
        await _here.Directory.EndSession(ann.Tenant, ann.Id, session.Id, Cancel);
        Task<(Session, User)?> after = _here.Directory.FindSession(Token, Now, Cancel).AsTask();

        late.SetResult();

        Assert.Null(await after);
        await before;
        Assert.Null(await _here.Directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task Without_a_word_an_ended_session_lives_a_second_and_none_while_the_backplane_is_away()
    {
        (User ann, Session session) = await SignedIn();
        Assert.NotNull(await _there.Directory.FindSession(Token, Now, Cancel));
        await _stored.Directory.EndSession(ann.Tenant, ann.Id, session.Id, Cancel);
        _time.AdvanceMs(999);
        Assert.NotNull(await _there.Directory.FindSession(Token, Now, Cancel));
        _time.AdvanceMs(1);
        Assert.Null(await _there.Directory.FindSession(Token, Now, Cancel));

        await _stored.Directory.CreateSession(session, Token, Cancel);
        Assert.NotNull(await _there.Directory.FindSession(Token, Now, Cancel));
        _wire.SetCut(true);
        await _stored.Directory.EndSession(ann.Tenant, ann.Id, session.Id, Cancel);
        Assert.Null(await _there.Directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task A_session_is_remembered_no_longer_than_it_lasts_and_is_extended_at_once()
    {
        (User ann, Session session) = await SignedIn();
        Assert.NotNull(await _here.Directory.FindSession(Token, session.ExpiresAt.AddMilliseconds(-1), Cancel));
        Assert.Null(await _here.Directory.FindSession(Token, session.ExpiresAt, Cancel));
        await _here.Directory.TouchSession(ann.Tenant, session.Id, Now.AddMinutes(1), session.ExpiresAt.AddDays(1), Cancel);
        Assert.Equal(Now.AddMinutes(1), (await _here.Directory.FindSession(Token, Now, Cancel))!.Value.Session.LastSeenAt);
        Assert.NotNull(await _here.Directory.FindSession(Token, session.ExpiresAt, Cancel));
    }

    [Fact]
    public async Task A_new_name_counts_at_once_on_all_nodes_also_in_what_a_session_leads_to()
    {
        (User ann, _) = await SignedIn();
        foreach (CachingNode node in new[] { _here, _there })
        {
            Assert.Equal("ann", (await node.Directory.FindSession(Token, Now, Cancel))!.Value.User.DisplayName);
        }

        await _here.Directory.SetDisplayName(ann.Tenant, ann.Id, "Ann B.", Cancel);

        foreach (CachingNode node in new[] { _here, _there })
        {
            Assert.Equal("Ann B.", (await node.Directory.FindSession(Token, Now, Cancel))!.Value.User.DisplayName);
            Assert.Equal("Ann B.", (await node.Directory.FindUser(ann.Tenant, ann.Id, Cancel))!.DisplayName);
        }
    }

    [Fact]
    public async Task What_was_read_before_a_new_name_is_not_remembered_after_it()
    {
        (User ann, _) = await SignedIn();
        TaskCompletionSource late = new();
        _there.Asked.Late = _ => late.Task;
        Task<(Session, User)?> session = _there.Directory.FindSession(Token, Now, Cancel).AsTask();
        Task<User?> user = _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel).AsTask();
        await _here.Directory.SetDisplayName(ann.Tenant, ann.Id, "Ann B.", Cancel);

        late.SetResult();
        await session;
        await user;

        Assert.Equal("Ann B.", (await _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel))!.DisplayName);
        Assert.Equal("Ann B.", (await _there.Directory.FindSession(Token, Now, Cancel))!.Value.User.DisplayName);
    }

    [Fact]
    public async Task Set_up_and_the_first_room_count_at_once_on_all_nodes()
    {
        TenantId tenant = (await _here.Directory.EnsureTenant("acme", Now, Cancel)).Id;
        Assert.False((await _there.Directory.FindTenant(tenant, Cancel))!.SetUp);
        await _here.Directory.SetUp("Acme", new NewUser(tenant, "owner", "Owner", "hash", WorkspaceRole.Owner), Now, Cancel);
        Assert.Equal("Acme", (await _there.Directory.FindTenant(tenant, Cancel))!.Name);
        RoomId room = new(Guid.NewGuid());
        await _here.Directory.SetDefaultRoom(tenant, room, Cancel);
        Assert.Equal(room, (await _here.Directory.FindTenant(tenant, Cancel))!.DefaultRoom);
        Assert.Equal(room, (await _there.Directory.FindTenant(tenant, Cancel))!.DefaultRoom);
    }

    [Fact]
    public async Task While_the_backplane_is_away_users_are_read_after_a_second_and_all_is_forgotten_when_it_is_back()
    {
        (User ann, _) = await SignedIn();
        await _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel);
        _wire.SetCut(true);
        await _here.Directory.SetDisplayName(ann.Tenant, ann.Id, "Ann B.", Cancel);
        Assert.Equal("ann", (await _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel))!.DisplayName);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("Ann B.", (await _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel))!.DisplayName);

        await _here.Directory.SetDisplayName(ann.Tenant, ann.Id, "Ann C.", Cancel);
        _wire.SetCut(false);
        Assert.Equal("Ann C.", (await _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel))!.DisplayName);
    }

    /// <summary>Nobody tells of it any more.</summary>
    [Fact]
    public async Task When_the_backplane_is_back_what_a_node_changed_that_has_died_since_counts_too()
    {
        (User ann, Session session) = await SignedIn();
        Assert.NotNull(await _there.Directory.FindSession(Token, Now, Cancel));
        Assert.Null((await _there.Directory.FindTenant(ann.Tenant, Cancel))!.DefaultRoom);
        _wire.SetCut(true);
        RoomId room = new(Guid.NewGuid());
        using (CachingNode dies = new(_stored.Directory, _wire, _time))
        {
            await dies.Directory.SetDisplayName(ann.Tenant, ann.Id, "Ann B.", Cancel);
            await dies.Directory.SetDefaultRoom(ann.Tenant, room, Cancel);
            await dies.Directory.EndSession(ann.Tenant, ann.Id, session.Id, Cancel);
        }

        _wire.SetCut(false);
        Assert.Equal("Ann B.", (await _there.Directory.FindUser(ann.Tenant, ann.Id, Cancel))!.DisplayName);
        Assert.Equal(room, (await _there.Directory.FindTenant(ann.Tenant, Cancel))!.DefaultRoom);
        Assert.Null(await _there.Directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task A_user_of_a_host_product_who_comes_again_costs_nothing_and_another_name_is_told()
    {
        TenantId tenant = (await _here.Directory.EnsureTenant("acme", Now, Cancel)).Id;
        User ann = await _here.Directory.EnsureExternalUser(tenant, "ann", "Ann", Now, Cancel);
        Assert.Equal(ann, await _there.Directory.EnsureExternalUser(tenant, "ann", "Ann", Now, Cancel));
        _here.NewCalls();
        await _here.Directory.FindUser(tenant, ann.Id, Cancel);
        _here.NewCalls();
        Assert.Equal(ann, await _here.Directory.EnsureExternalUser(tenant, "ann", "Ann", Now, Cancel));
        Assert.Equal(ann, await _here.Directory.FindUser(tenant, ann.Id, Cancel));
        Assert.Empty(_here.NewCalls());
        Assert.Equal(ann, await _there.Directory.FindUser(tenant, ann.Id, Cancel));

        User renamed = await _here.Directory.EnsureExternalUser(tenant, "ann", "Ann B.", Now, Cancel);
        Assert.Equal(ann with { DisplayName = "Ann B." }, renamed);
        Assert.Equal(renamed, await _here.Directory.FindUser(tenant, ann.Id, Cancel));
        Assert.Equal(["EnsureExternalUser"], _here.NewCalls());
        Assert.Equal(renamed, await _there.Directory.FindUser(tenant, ann.Id, Cancel));
        Assert.Equal(ann, await _there.Directory.EnsureExternalUser(tenant, "ann", "Ann", Now, Cancel));
        Assert.Equal(ann, await _here.Directory.FindUser(tenant, ann.Id, Cancel));
    }

    [Fact]
    public async Task Failures_are_not_remembered()
    {
        (User ann, Session session) = await SignedIn();
        _here.Asked.Fails = _ => true;
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await _here.Directory.FindSession(Token, Now, Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await _here.Directory.FindUser(ann.Tenant, ann.Id, Cancel));
        _here.Asked.Fails = _ => false;
        Assert.Equal((session, ann), await _here.Directory.FindSession(Token, Now, Cancel));
    }

    [Fact]
    public async Task An_end_that_failed_may_have_happened()
    {
        (User ann, Session session) = await SignedIn();
        Assert.NotNull(await _here.Directory.FindSession(Token, Now, Cancel));
        await _stored.Directory.EndSession(ann.Tenant, ann.Id, session.Id, Cancel);
        _here.Asked.Fails = call => call.StartsWith("End", StringComparison.Ordinal);
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await _here.Directory.EndOtherSessions(ann.Tenant, ann.Id, null, Cancel));
        Assert.Null(await _here.Directory.FindSession(Token, Now, Cancel));
    }

    private async Task<(User User, Session Session)> SignedIn()
    {
        TenantId tenant = (await _stored.Directory.EnsureTenant("default", Now, Cancel)).Id;
        User ann = (await _stored.Directory.CreateUser(new NewUser(tenant, "ann", "ann", "hash", WorkspaceRole.Member), null, Now, Cancel)).User!;
        Session session = new(tenant, SessionId.New(Now), ann.Id, Now, Now, Now.AddDays(1), null);
        await _stored.Directory.CreateSession(session, Token, Cancel);
        return (ann, session);
    }
}
