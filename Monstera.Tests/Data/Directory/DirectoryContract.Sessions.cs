using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Tests.Data.Directory;

public abstract partial class DirectoryContract
{
    // --- signing in ---

    [Fact]
    public async Task Wrong_passwords_are_counted_until_a_right_one()
    {
        TenantId tenant = await ATenant();
        User user = await AUser(tenant, "ann");
        Assert.Equal(1, await Directory.RecordSignInFailure(tenant, user.Id, Cancel));
        Assert.Equal(2, await Directory.RecordSignInFailure(tenant, user.Id, Cancel));
        await Directory.LockOut(tenant, user.Id, Now.AddMinutes(5), Cancel);
        Storage.Reopen();
        Assert.Equal(new Credentials(user, "hash of ann", 2, Now.AddMinutes(5)), await Directory.FindCredentials(tenant, "ann", Cancel));
        await Directory.ClearSignInFailures(tenant, user.Id, Cancel);
        Assert.Equal(new Credentials(user, "hash of ann", 0, null), await Directory.FindCredentials(tenant, "ann", Cancel));
        await Directory.SetPasswordHash(tenant, user.Id, "new hash", Cancel);
        Assert.Equal("new hash", (await Directory.FindCredentials(tenant, "ann", Cancel))!.PasswordHash);
    }

    // --- sessions ---

    [Fact]
    public async Task A_session_is_found_by_its_token_until_it_expires()
    {
        User user = await AUser(await ATenant(), "ann");
        Session session = await ASession(user, 1);
        Storage.Reopen();
        Assert.Equal((session, user), await Directory.FindSession(Token(1), Now, Cancel));
        Assert.Null(await Directory.FindSession(Token(2), Now, Cancel));
        Assert.Null(await Directory.FindSession(Token(1).AsMemory(0, 31), Now, Cancel));
        Assert.NotNull(await Directory.FindSession(Token(1), session.ExpiresAt.AddMilliseconds(-1), Cancel));
        Assert.Null(await Directory.FindSession(Token(1), session.ExpiresAt, Cancel));

        await Directory.TouchSession(user.Tenant, session.Id, Now.AddHours(1), Now.AddDays(9), Cancel);
        Session touched = (await Directory.FindSession(Token(1), Now.AddDays(2), Cancel))!.Value.Session;
        Assert.Equal(session with { LastSeenAt = Now.AddHours(1), ExpiresAt = Now.AddDays(9) }, touched);
    }

    [Fact]
    public async Task Sessions_are_listed_latest_seen_first()
    {
        User user = await AUser(await ATenant(), "ann");
        User other = await AUser(user.Tenant, "bob");
        Session[] sessions = [await ASession(user, 1), await ASession(user, 3), await ASession(user, 2)];
        await ASession(user, 4, Now);
        await ASession(other, 5);
        Assert.Equal([sessions[1], sessions[2], sessions[0]], await Directory.ReadSessions(user.Tenant, user.Id, Now, Cancel));
        for (int i = 10; i < 115; i++)
        {
            await ASession(user, i);
        }

        Assert.Equal(100, (await Directory.ReadSessions(user.Tenant, user.Id, Now, Cancel)).Count);
    }

    [Fact]
    public async Task Sessions_end()
    {
        User user = await AUser(await ATenant(), "ann");
        User other = await AUser(user.Tenant, "bob");
        Session[] sessions = [await ASession(user, 1), await ASession(user, 2), await ASession(user, 3)];
        Session others = await ASession(other, 4);
        Assert.False(await Directory.EndSession(user.Tenant, user.Id, others.Id, Cancel));
        Assert.True(await Directory.EndSession(user.Tenant, user.Id, sessions[0].Id, Cancel));
        Assert.False(await Directory.EndSession(user.Tenant, user.Id, sessions[0].Id, Cancel));
        Assert.Null(await Directory.FindSession(Token(1), Now, Cancel));
        Assert.Equal([sessions[2].Id], await Directory.EndOtherSessions(user.Tenant, user.Id, sessions[1].Id, Cancel));
        Assert.Equal([sessions[1]], await Directory.ReadSessions(user.Tenant, user.Id, Now, Cancel));
        Assert.Equal([sessions[1].Id], await Directory.EndOtherSessions(user.Tenant, user.Id, null, Cancel));
        Assert.NotNull(await Directory.FindSession(Token(4), Now, Cancel));
    }

    [Fact]
    public async Task Of_given_sessions_those_are_named_that_still_live()
    {
        User user = await AUser(await ATenant(), "ann");
        User other = await AUser(user.Tenant, "bob");
        Session[] sessions = [await ASession(user, 1), await ASession(user, 2, Now.AddMinutes(1)), await ASession(other, 3), await ASession(user, 4)];
        SessionId[] all = [.. sessions.Select(session => session.Id)];
        async Task<IEnumerable<SessionId>> Live(DateTimeOffset now, params IEnumerable<SessionId> asked) =>
            (await Directory.FindLiveSessions(user.Tenant, [.. asked], now, Cancel)).OrderBy(id => id.Value);

        Assert.Equal(all, await Live(Now, all));
        Assert.Equal(all[1..3], await Live(Now, all[1], all[2], new SessionId(Id(99))));
        Assert.Empty(await Live(Now));

        // Expired, ended, and ended by a new password; also when it was found just before.
        Assert.NotNull(await Directory.FindSession(Token(3), Now, Cancel));
        Assert.NotNull(await Directory.FindSession(Token(4), Now, Cancel));
        Assert.Equal([all[0], all[2], all[3]], await Live(Now.AddMinutes(1), all));
        await Directory.EndSession(other.Tenant, other.Id, all[2], Cancel);
        await Directory.EndOtherSessions(user.Tenant, user.Id, all[0], Cancel);
        Assert.Equal([all[0]], await Live(Now, all));

        SessionId[] many = [.. Enumerable.Range(1_000, IDirectory.LiveSessionsMax - 1).Select(n => new SessionId(Id(n))), all[0]];
        Assert.Equal([all[0]], await Live(Now, many));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Live(Now, [.. many, all[1]]));
    }

    [Fact]
    public async Task What_has_expired_is_removed()
    {
        User user = await AUser(await ATenant(), "ann");
        await ASession(user, 1, Now.AddMinutes(-1));
        await ASession(user, 2, Now.AddMinutes(1));
        await AnInvite(user.Tenant, "old", expiresAt: Now.AddMinutes(-1), n: 1);
        await AnInvite(user.Tenant, "new", expiresAt: Now.AddMinutes(1), n: 2);
        await Directory.RemoveExpired(Now, Cancel);
        DateTimeOffset before = Now.AddHours(-1);
        Assert.Null(await Directory.FindSession(Token(1), before, Cancel));
        Assert.NotNull(await Directory.FindSession(Token(2), before, Cancel));
        Assert.Null(await Directory.FindInvite(user.Tenant, "old", before, Cancel));
        Assert.NotNull(await Directory.FindInvite(user.Tenant, "new", before, Cancel));
    }

    // --- invitations ---

    [Fact]
    public async Task An_invitation_opens_as_often_as_it_says()
    {
        TenantId tenant = await ATenant();
        Invite invite = await AnInvite(tenant, "code", uses: 3);
        Assert.Equal(invite, await Directory.FindInvite(tenant, "code", Now, Cancel));
        CreateUserResult[] results = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Task.Run(
            async () => await Directory.CreateUser(new NewUser(tenant, $"user{i}", "User", "h", WorkspaceRole.Member), "code", Now, Cancel), Cancel)));
        Assert.Equal(3, results.Count(r => r.Status == CreateUserStatus.Created));
        Assert.Equal(7, results.Count(r => r is { Status: CreateUserStatus.InviteGone, User: null }));
        Assert.Equal(3, (await Directory.ReadUsers(tenant, null, null, 100, Cancel)).Items.Count);
        Assert.Null(await Directory.FindInvite(tenant, "code", Now, Cancel));
        Assert.Empty(await Directory.ReadInvites(tenant, Now, Cancel));
    }

    [Fact]
    public async Task An_invitation_is_not_used_up_when_no_account_is_made()
    {
        TenantId tenant = await ATenant();
        await AUser(tenant, "ann");
        Invite invite = await AnInvite(tenant, "code");
        CreateUserResult result = await Directory.CreateUser(new NewUser(tenant, "ann", "Ann", "h", WorkspaceRole.Member), "code", Now, Cancel);
        Assert.Equal(CreateUserStatus.NameTaken, result.Status);
        Assert.Equal(invite, await Directory.FindInvite(tenant, "code", Now, Cancel));
    }

    [Fact]
    public async Task An_invitation_that_is_not_there_has_expired_or_was_deleted_is_gone()
    {
        TenantId tenant = await ATenant();
        await AUser(tenant, "ann");
        await AnInvite(tenant, "old", expiresAt: Now, n: 1);
        Invite deleted = await AnInvite(tenant, "deleted", n: 2);
        Assert.True(await Directory.DeleteInvite(tenant, deleted.Id, Cancel));
        Assert.False(await Directory.DeleteInvite(tenant, deleted.Id, Cancel));
        foreach (string code in new[] { "old", "deleted", "never", "" })
        {
            // Also for a name that is taken: that is not for strangers to learn.
            foreach (string name in new[] { "ann", "bob" })
            {
                CreateUserResult result = await Directory.CreateUser(new NewUser(tenant, name, "Name", "h", WorkspaceRole.Member), code, Now, Cancel);
                Assert.Equal(CreateUserStatus.InviteGone, result.Status);
            }

            Assert.Null(await Directory.FindInvite(tenant, code, Now, Cancel));
        }
    }

    [Fact]
    public async Task Invitations_are_listed_latest_first()
    {
        TenantId tenant = await ATenant();
        Invite[] invites = [await AnInvite(tenant, "a", n: 1), await AnInvite(tenant, "b", uses: 5, n: 2)];
        await AnInvite(tenant, "old", expiresAt: Now, n: 3);
        Storage.Reopen();
        Assert.Equal([invites[1], invites[0]], await Directory.ReadInvites(tenant, Now, Cancel));
    }

    [Fact]
    public async Task The_storage_proves_that_it_can_be_written()
    {
        await Directory.ProveWritable(Cancel);
        await Directory.ProveWritable(Cancel);
    }
}
