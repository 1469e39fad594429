using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Tests.Data.Directory;

// A tenant is a wall here too. Every method has a case that tries to look over it, or is named with the reason why it has none.
public abstract partial class DirectoryContract
{
    private static readonly Dictionary<string, string> WithoutAWall = new()
    {
        [nameof(IDirectory.EnsureTenant)] = "makes and finds the tenant itself",
        [nameof(IDirectory.RemoveExpired)] = "housekeeping of all tenants",
        [nameof(IDirectory.ProveWritable)] = "touches nothing of a tenant",
    };

    private Dictionary<string, Func<Task>> Intrusions(User victim, Session session, Invite invite, TenantId intruder) => new()
    {
        [nameof(IDirectory.FindTenant)] = async () => Assert.NotEqual(victim.Tenant, (await Directory.FindTenant(intruder, Cancel))!.Id),
        [nameof(IDirectory.SetUp)] = async () => await Directory.SetUp("Intruder", NewUser(intruder, "owner"), Now, Cancel),
        [nameof(IDirectory.SetDefaultRoom)] = async () => await Directory.SetDefaultRoom(intruder, new RoomId(Id(99)), Cancel),
        [nameof(IDirectory.CreateUser)] = async () =>
        {
            Assert.Equal(CreateUserStatus.InviteGone, (await Directory.CreateUser(NewUser(intruder, "x"), invite.Code, Now, Cancel)).Status);
            Assert.Equal(CreateUserStatus.Created, (await Directory.CreateUser(NewUser(intruder, victim.UserName), null, Now, Cancel)).Status);
        },
        [nameof(IDirectory.EnsureExternalUser)] = async () =>
            Assert.NotEqual(victim.Id, (await Directory.EnsureExternalUser(intruder, "subject", "Intruder", Now, Cancel)).Id),
        [nameof(IDirectory.FindUser)] = async () => Assert.Null(await Directory.FindUser(intruder, victim.Id, Cancel)),
        [nameof(IDirectory.FindUsers)] = async () => Assert.Empty(await Directory.FindUsers(intruder, [victim.Id], Cancel)),
        [nameof(IDirectory.ReadUsers)] = async () =>
            Assert.DoesNotContain(victim.Id, (await Directory.ReadUsers(intruder, null, null, 100, Cancel)).Items.Select(u => u.Id)),
        [nameof(IDirectory.SetDisplayName)] = async () => await Directory.SetDisplayName(intruder, victim.Id, "Intruder", Cancel),
        [nameof(IDirectory.SetPresenceChoice)] = async () => Assert.Null(await Directory.SetPresenceChoice(intruder, victim.Id, PresenceChoice.Away, Cancel)),
        [nameof(IDirectory.FindCredentials)] = async () =>
            Assert.NotEqual(victim.Id, (await Directory.FindCredentials(intruder, victim.UserName, Cancel))?.User.Id),
        [nameof(IDirectory.SetPasswordHash)] = async () => await Directory.SetPasswordHash(intruder, victim.Id, "intruder", Cancel),
        [nameof(IDirectory.RecordSignInFailure)] = async () => Assert.Equal(0, await Directory.RecordSignInFailure(intruder, victim.Id, Cancel)),
        [nameof(IDirectory.LockOut)] = async () => await Directory.LockOut(intruder, victim.Id, Now.AddYears(9), Cancel),
        [nameof(IDirectory.ClearSignInFailures)] = async () => await Directory.ClearSignInFailures(intruder, victim.Id, Cancel),
        [nameof(IDirectory.CreateSession)] = async () => await Assert.ThrowsAsync<ArgumentException>(
            async () => await Directory.CreateSession(session with { Tenant = intruder, Id = new SessionId(Id(77)) }, Token(77), Cancel)),
        [nameof(IDirectory.FindSession)] = async () =>
            Assert.Equal(victim.Tenant, (await Directory.FindSession(Token(1), Now, Cancel))!.Value.User.Tenant),
        [nameof(IDirectory.ReadSessions)] = async () => Assert.Empty(await Directory.ReadSessions(intruder, victim.Id, Now, Cancel)),
        [nameof(IDirectory.FindLiveSessions)] = async () => Assert.Empty(await Directory.FindLiveSessions(intruder, [session.Id], Now, Cancel)),
        [nameof(IDirectory.TouchSession)] = async () => await Directory.TouchSession(intruder, session.Id, Now, Now.AddYears(9), Cancel),
        [nameof(IDirectory.EndSession)] = async () => Assert.False(await Directory.EndSession(intruder, victim.Id, session.Id, Cancel)),
        [nameof(IDirectory.EndOtherSessions)] = async () => Assert.Empty(await Directory.EndOtherSessions(intruder, victim.Id, null, Cancel)),
        [nameof(IDirectory.CreateInvite)] = async () => await AnInvite(intruder, invite.Code, n: 55),
        [nameof(IDirectory.ReadInvites)] = async () => Assert.DoesNotContain(invite, await Directory.ReadInvites(intruder, Now, Cancel)),
        [nameof(IDirectory.FindInvite)] = async () => Assert.NotEqual(invite.Id, (await Directory.FindInvite(intruder, invite.Code, Now, Cancel))?.Id),
        [nameof(IDirectory.DeleteInvite)] = async () => Assert.False(await Directory.DeleteInvite(intruder, invite.Id, Cancel)),
        [nameof(IDirectory.ApplyMemberships)] = async () => await Apply(Change(intruder, 50, false, user: victim.Id)),
        [nameof(IDirectory.ReadRooms)] = async () => Assert.Empty((await Directory.ReadRooms(intruder, victim.Id, null, 10, Cancel)).Items),
        [nameof(IDirectory.FindRoom)] = async () => Assert.Null(await Directory.FindRoom(intruder, victim.Id, Room, Cancel)),
        [nameof(IDirectory.MarkRead)] = async () => Assert.Equal(0, await Directory.MarkRead(intruder, victim.Id, Room, 50, Cancel)),
    };

    private static NewUser NewUser(TenantId tenant, string name) => new(tenant, name, name, "hash", WorkspaceRole.Owner);

    [Fact]
    public async Task No_call_sees_or_changes_anything_of_another_tenant()
    {
        TenantId tenant = await ATenant();
        User victim = await Directory.EnsureExternalUser(tenant, "subject", "Victim", Now, Cancel);
        await Directory.SetPasswordHash(tenant, victim.Id, "hash", Cancel);
        await Directory.RecordSignInFailure(tenant, victim.Id, Cancel);
        Session session = await ASession(victim, 1);
        Invite invite = await AnInvite(tenant, "code", uses: 2);
        await Apply(Change(tenant, 5, true, user: victim.Id));
        async Task<object?[]> Snapshot() =>
        [
            await Directory.FindTenant(tenant, Cancel), await Directory.FindUser(tenant, victim.Id, Cancel), await Directory.FindCredentials(tenant, victim.UserName, Cancel),
            .. await Directory.ReadSessions(tenant, victim.Id, Now, Cancel), .. await Directory.ReadInvites(tenant, Now, Cancel),
            .. (await Directory.ReadUsers(tenant, null, null, 100, Cancel)).Items, .. (await Directory.ReadRooms(tenant, victim.Id, null, 10, Cancel)).Items,
        ];

        object?[] before = await Snapshot();
        foreach (Func<Task> intrusion in Intrusions(victim, session, invite, await ATenant("intruder")).Values)
        {
            await intrusion();
            Assert.Equal(before, await Snapshot());
        }
    }

    [Fact]
    public void No_method_is_without_a_case() =>
        Assert.Equal(
            typeof(IDirectory).GetMethods().Select(m => m.Name).Distinct().Order(),
            Intrusions(null!, null!, null!, default).Keys.Concat(WithoutAWall.Keys).Order());
}
