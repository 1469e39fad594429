using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

/// <summary>What <see cref="IDirectoryArchive"/> promises, tried on a provider. The records are the same for all: what each gives back as it was given is the same in all of them.</summary>
public abstract class DirectoryArchiveContract : IDisposable
{
    private static readonly DateTimeOffset Later = Now.AddMinutes(7);
    private static readonly TenantId Tenant = Postgres.PostgresDesk.Tenant;

    /// <summary>Of the provider, with the present rows.</summary>
    protected abstract IDirectoryArchive Archive { get; }

    /// <summary>The directory as a server uses it.</summary>
    protected abstract IDirectory Directory { get; }

    public abstract void Dispose();

    [Fact]
    public async Task What_servers_wrote_is_read_with_all_that_is_stored()
    {
        Tenant tenant = await Directory.EnsureTenant("green", Now, Cancel);
        var ann = (await Directory.SetUp("Green", new NewUser(tenant.Id, "ann", "Ann 青", "hash of ann", WorkspaceRole.Owner), Now, Cancel)).User!;
        User guest = await Directory.EnsureExternalUser(tenant.Id, "crm|7", "Guest", Now, Cancel);
        await Directory.SetDefaultRoom(tenant.Id, Room(1), Cancel);
        await Directory.RecordSignInFailure(tenant.Id, ann.Id, Cancel);
        await Directory.LockOut(tenant.Id, ann.Id, Later, Cancel);
        await Directory.SetPresenceChoice(tenant.Id, ann.Id, PresenceChoice.Away, Cancel);
        await Directory.SetPresenceChoice(tenant.Id, ann.Id, PresenceChoice.Invisible, Cancel);
        byte[] hash = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        var session = new Session(tenant.Id, new SessionId(Id(31)), ann.Id, Now, Now.AddSeconds(1), Later, "a browser");
        await Directory.CreateSession(session, hash, Cancel);
        var invite = new Invite(tenant.Id, new InviteId(Id(41)), "come in", ann.Id, Now, Later, 3);
        await Directory.CreateInvite(invite, Cancel);
        await Directory.ApplyMemberships([new MembershipChange(1, tenant.Id, ann.Id, Room(1), 2, true, Now), new MembershipChange(2, tenant.Id, guest.Id, Room(1), 5, false, Now)], Cancel);
        await Directory.MarkRead(tenant.Id, ann.Id, Room(1), 4, Cancel);

        Assert.Equal([new TenantRecord(tenant.Id, "green", "Green", true, Room(1))], await Archive.ReadTenants(null, 10, Cancel));
        AccountRecord[] accounts = [.. (await Read(tenant.Id, DirectoryTable.Accounts)).Cast<AccountRecord>()];
        Assert.Equal(
            new AccountRecord(tenant.Id, ann.Id, "ann", "Ann 青", "ann 青", WorkspaceRole.Owner, Now, "hash of ann", await Failures(tenant.Id), Later, null, PresenceChoice.Invisible, 2),
            accounts.Single(row => row.Id == ann.Id));
        Assert.Equal(("crm|7", (string?)null), accounts.Where(row => row.Id == guest.Id).Select(row => (row.Subject!, row.PasswordHash)).Single());
        Assert.Equal(
            [new SessionRecord(tenant.Id, session.Id, ann.Id, Convert.ToHexStringLower(hash), Now, Now.AddSeconds(1), Later, "a browser")], await Read(tenant.Id, DirectoryTable.Sessions));
        Assert.Equal([new InviteRecord(tenant.Id, invite.Id, "come in", ann.Id, Now, Later, 3)], await Read(tenant.Id, DirectoryTable.Invites));
        DirectoryRecord[] memberships =
        [
            new UserRoomRecord(tenant.Id, ann.Id, Room(1), 2, true, Now, 4), new UserRoomRecord(tenant.Id, guest.Id, Room(1), 5, false, Now, 0),
        ];
        Assert.Equal(memberships.OrderBy(row => row.Key), await Read(tenant.Id, DirectoryTable.UserRooms));
    }

    [Fact]
    public async Task Rows_that_are_written_are_read_back_as_they_were_page_by_page_in_the_order_of_their_keys()
    {
        await Receive();
        DirectoryRecord[] rows = Rows();
        await WriteAll(rows.Reverse());

        foreach (DirectoryTable table in Enum.GetValues<DirectoryTable>().Where(table => table != DirectoryTable.Tenants))
        {
            List<DirectoryRecord> read = [];
            while (await Archive.Read(table, Tenant, read.Count == 0 ? null : read[^1].Key, 2, Cancel) is { Count: > 0 } page)
            {
                Assert.True(page.Count <= 2);
                read.AddRange(page);
            }

            Assert.Equal(rows.Where(row => row.Table == table && row.Tenant == Tenant).OrderBy(row => row.Key), read);
            Assert.Equal(rows.Where(row => row.Table == table && row.Tenant == OtherTenant), await Read(OtherTenant, table));
        }

        Assert.Equal([Tenant, OtherTenant], (await Archive.ReadTenants(null, 10, Cancel)).Select(row => row.Tenant));
        Assert.Equal([OtherTenant], (await Archive.ReadTenants(Tenant, 10, Cancel)).Select(row => row.Tenant));
    }

    [Fact]
    public async Task Written_again_rows_become_what_is_given_and_removed_ones_are_gone()
    {
        await Receive();
        DirectoryRecord[] rows = Rows();
        await WriteAll(rows);
        var account = (AccountRecord)rows.First(row => row.Table == DirectoryTable.Accounts);
        var session = (SessionRecord)rows.First(row => row.Table == DirectoryTable.Sessions);
        var room = (UserRoomRecord)rows.First(row => row.Table == DirectoryTable.UserRooms);
        await Archive.Write([account with { DisplayName = "Else", DisplayFolded = "else", PasswordHash = null, Failures = 0, LockedUntil = null }], Cancel);
        await Archive.Write([session with { LastSeenAt = Later }], Cancel);
        await Archive.Write([room with { ReadSeq = 1, Member = false }], Cancel);

        Assert.Equal("Else", ((AccountRecord)(await Read(Tenant, DirectoryTable.Accounts)).Single(row => row.Key == account.Key)).DisplayName);
        Assert.Equal(Later, ((SessionRecord)(await Read(Tenant, DirectoryTable.Sessions)).Single(row => row.Key == session.Key)).LastSeenAt);
        Assert.Equal((1, false), (await Read(Tenant, DirectoryTable.UserRooms)).Where(row => row.Key == room.Key).Cast<UserRoomRecord>().Select(row => (row.ReadSeq, row.Member)).Single());

        int before = (await Read(Tenant, DirectoryTable.UserRooms)).Count;
        await Archive.Remove(DirectoryTable.UserRooms, Tenant, [room.Key, new DirectoryKey(Id(99), Id(98))], Cancel);
        Assert.Equal(before - 1, (await Read(Tenant, DirectoryTable.UserRooms)).Count);
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await Archive.Remove(DirectoryTable.Accounts, Tenant, [account.Key], Cancel));
        Assert.Contains(await Read(Tenant, DirectoryTable.Accounts), row => row.Key == account.Key);

        // In the name of another tenant there is nothing to remove.
        await Archive.Remove(DirectoryTable.Sessions, OtherTenant, [session.Key], Cancel);
        Assert.Contains(await Read(Tenant, DirectoryTable.Sessions), row => row.Key == session.Key);
        await Archive.Remove(DirectoryTable.Sessions, Tenant, [session.Key], Cancel);
        Assert.DoesNotContain(await Read(Tenant, DirectoryTable.Sessions), row => row.Key == session.Key);
    }

    [Fact]
    public async Task A_session_of_an_account_that_is_not_there_yet_is_left_for_the_next_pass()
    {
        await Receive();
        DirectoryRecord[] rows = Rows();
        await Archive.Write([rows[0]], Cancel);
        DirectoryRecord[] sessions = [.. rows.Where(row => row.Tenant == Tenant && row.Table == DirectoryTable.Sessions)];
        await Archive.Write(sessions, Cancel);
        Assert.Empty(await Read(Tenant, DirectoryTable.Sessions));

        await WriteAll(rows);
        Assert.Equal(sessions.Length, (await Read(Tenant, DirectoryTable.Sessions)).Count);
        (Session Session, User User) found = (await Directory.FindSession(Convert.FromHexString(((SessionRecord)sessions[0]).TokenHash), Now, Cancel))!.Value;
        Assert.Equal(sessions[0].Key.First, found.Session.Id.Value);
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_as_a_whole()
    {
        await Receive();
        DirectoryRecord[] rows = Rows();
        await WriteAll(rows);
        var taken = (AccountRecord)rows.First(row => row.Table == DirectoryTable.Accounts);
        AccountRecord free = taken with { Id = new UserId(Id(77)), UserName = "free", Subject = null };
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await Archive.Write([free, taken with { Id = new UserId(Id(78)), Subject = null }], Cancel));
        Assert.DoesNotContain(await Read(Tenant, DirectoryTable.Accounts), row => row.Key == free.Key);
    }

    [Fact]
    public async Task A_directory_that_is_served_is_not_written()
    {
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await Archive.Write([Rows()[0]], Cancel));
        Assert.Empty(await Archive.ReadTenants(null, 10, Cancel));
        await Receive();
        await WriteAll(Rows());
        Installation receiving = await Archive.ReadInstallation(Cancel);
        Assert.True(await Archive.TrySetInstallation(receiving, receiving with { State = InstallationState.Served }, Cancel));
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await Archive.Remove(DirectoryTable.UserRooms, Tenant, [Rows()[^1].Key], Cancel));
        Assert.NotEmpty(await Read(Tenant, DirectoryTable.UserRooms));
    }

    [Fact]
    public async Task The_installation_changes_only_from_what_it_was_believed_to_be()
    {
        Installation first = await Archive.ReadInstallation(Cancel);
        Assert.Equal(InstallationState.Served, first.State);
        var moved = new Installation(Id(5), InstallationState.MovedAway, "elsewhere", Now);
        Assert.False(await Archive.TrySetInstallation(first with { State = InstallationState.ReceivesCopy }, moved, Cancel));
        Assert.False(await Archive.TrySetInstallation(first with { Id = Id(6) }, moved, Cancel));
        Assert.Equal(first, await Archive.ReadInstallation(Cancel));
        Assert.True(await Archive.TrySetInstallation(first, moved, Cancel));
        Assert.Equal(moved, await Archive.ReadInstallation(Cancel));
        Assert.True(await Archive.TrySetInstallation(moved, first, Cancel));
        Assert.Equal(first, await Archive.ReadInstallation(Cancel));
    }

    /// <summary>Two tenants with rows in every table, with and without what may be missing; tenants first, and what refers to something after it.</summary>
    private static DirectoryRecord[] Rows()
    {
        List<DirectoryRecord> rows = [new TenantRecord(Tenant, "green", "Green 緑", true, Room(1)), new TenantRecord(OtherTenant, "blue", "Blue", false, null)];
        for (int i = 1; i <= 5; i++)
        {
            var user = new UserId(Id(100 + i));
            rows.Add(new AccountRecord(
                Tenant, user, $"user{i}", $"User {i}", $"user {i}", WorkspaceRole.Member, Now, i % 2 == 0 ? null : "hash", i, i == 3 ? Later : null, i == 4 ? "subject" : null,
                (PresenceChoice)(i % 3), i % 3 * 1_000_000_000_000));
            rows.Add(new SessionRecord(Tenant, new SessionId(Id(200 + i)), user, Convert.ToHexStringLower(new byte[31].Append((byte)i).ToArray()), Now, Now, Later, i == 2 ? null : "browser"));
            rows.Add(new InviteRecord(Tenant, new InviteId(Id(300 + i)), $"code {i}", user, Now, Later, i));
            rows.Add(new UserRoomRecord(Tenant, user, Room(i), i, i != 2, Now, i * 10));
            rows.Add(new UserRoomRecord(Tenant, user, Room(i + 1), i, true, Now, 0));
        }

        rows.Add(new AccountRecord(OtherTenant, new UserId(Id(150)), "user1", "One", "one", WorkspaceRole.Owner, Now, null, 0, null, "subject"));
        rows.Add(new UserRoomRecord(OtherTenant, new UserId(Id(150)), Room(50), 1, true, Now, 1));
        return [.. rows];
    }

    private async Task WriteAll(IEnumerable<DirectoryRecord> rows)
    {
        foreach (IGrouping<(DirectoryTable, TenantId), DirectoryRecord> group in rows.GroupBy(row => (row.Table, row.Tenant)).OrderBy(group => group.Key.Table))
        {
            await Archive.Write([.. group], Cancel);
        }
    }

    private async Task<IReadOnlyList<DirectoryRecord>> Read(TenantId tenant, DirectoryTable table) => await Archive.Read(table, tenant, null, 1_000, Cancel);

    private async Task<int> Failures(TenantId tenant) => (await Directory.FindCredentials(tenant, "ann", Cancel))!.Failures;

    private async Task Receive()
    {
        Installation first = await Archive.ReadInstallation(Cancel);
        Assert.True(await Archive.TrySetInstallation(first, new Installation(Id(9), InstallationState.ReceivesCopy), Cancel));
    }
}
