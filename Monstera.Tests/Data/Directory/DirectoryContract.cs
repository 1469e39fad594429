using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Directory;

/// <summary>What <see cref="IDirectory"/> promises, tried on a provider.</summary>
public abstract partial class DirectoryContract : IDisposable
{
    protected static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);

    private readonly Lazy<StorageUnderTest> _storage;

    protected DirectoryContract() => _storage = new Lazy<StorageUnderTest>(OpenStorage);

    protected StorageUnderTest Storage => _storage.Value;

    protected IDirectory Directory => Storage.Directory;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract StorageUnderTest OpenStorage();

    public void Dispose()
    {
        if (_storage.IsValueCreated)
        {
            _storage.Value.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    protected static Guid Id(int n) => new(n, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, (byte)n);

    protected async Task<TenantId> ATenant(string key = "acme") => (await Directory.EnsureTenant(key, Now, Cancel)).Id;

    protected async Task<User> AUser(TenantId tenant, string name, string? displayName = null)
    {
        CreateUserResult result = await Directory.CreateUser(
            new NewUser(tenant, name, displayName ?? name, $"hash of {name}", WorkspaceRole.Member), null, Now, Cancel);
        Assert.Equal(CreateUserStatus.Created, result.Status);
        return result.User!;
    }

    protected static byte[] Token(int n) => [.. Enumerable.Repeat((byte)n, 32)];

    protected async Task<Session> ASession(User user, int n, DateTimeOffset? expiresAt = null)
    {
        var session = new Session(user.Tenant, new SessionId(Id(500 + n)), user.Id, Now, Now.AddMinutes(n), expiresAt ?? Now.AddDays(1), $"client {n}");
        await Directory.CreateSession(session, Token(n), Cancel);
        return session;
    }

    protected async Task<Invite> AnInvite(TenantId tenant, string code, int uses = 1, DateTimeOffset? expiresAt = null, int n = 1)
    {
        var invite = new Invite(tenant, new InviteId(Id(600 + n)), code, new UserId(Id(1)), Now.AddMinutes(n), expiresAt ?? Now.AddDays(1), uses);
        await Directory.CreateInvite(invite, Cancel);
        return invite;
    }

    // --- tenants ---

    [Fact]
    public async Task A_tenant_is_made_once_also_by_callers_at_once()
    {
        Tenant[] tenants = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(async () => await Directory.EnsureTenant("acme", Now, Cancel), Cancel)));
        Tenant tenant = Assert.Single(tenants.Distinct());
        Assert.Equal(("acme", "acme", false, null), (tenant.Key, tenant.Name, tenant.SetUp, tenant.DefaultRoom));
        Storage.Reopen();
        Assert.Equal(tenant, await Directory.EnsureTenant("acme", Now.AddDays(1), Cancel));
        Assert.Equal(tenant, await Directory.FindTenant(tenant.Id, Cancel));
        Assert.NotEqual(tenant.Id, await ATenant("other"));
        Assert.Null(await Directory.FindTenant(new TenantId(Id(99)), Cancel));
    }

    [Fact]
    public async Task Set_up_happens_once_also_for_callers_at_once()
    {
        TenantId tenant = await ATenant();
        CreateUserResult[] results = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Task.Run(
            async () => await Directory.SetUp($"Acme {i}", new NewUser(tenant, $"owner{i}", "Owner", "hash", WorkspaceRole.Owner), Now, Cancel), Cancel)));
        User owner = Assert.Single(results, r => r.Status == CreateUserStatus.Created).User!;
        Assert.Equal(9, results.Count(r => r is { Status: CreateUserStatus.AlreadySetUp, User: null }));
        Assert.Equal(WorkspaceRole.Owner, owner.Role);
        Assert.Equal([owner], (await Directory.ReadUsers(tenant, null, null, 10, Cancel)).Items);
        Tenant after = (await Directory.FindTenant(tenant, Cancel))!;
        Assert.Equal((true, owner.UserName.Replace("owner", "Acme ", StringComparison.Ordinal)), (after.SetUp, after.Name));
    }

    [Fact]
    public async Task Set_up_with_a_taken_name_sets_nothing_up()
    {
        TenantId tenant = await ATenant();
        await AUser(tenant, "ann");
        CreateUserResult result = await Directory.SetUp("Acme", new NewUser(tenant, "ann", "Ann", "hash", WorkspaceRole.Owner), Now, Cancel);
        Assert.Equal(CreateUserStatus.NameTaken, result.Status);
        Assert.False((await Directory.FindTenant(tenant, Cancel))!.SetUp);
    }

    [Fact]
    public async Task The_default_room_is_kept()
    {
        TenantId tenant = await ATenant();
        await Directory.SetDefaultRoom(tenant, new RoomId(Id(21)), Cancel);
        Storage.Reopen();
        Assert.Equal(new RoomId(Id(21)), (await Directory.FindTenant(tenant, Cancel))!.DefaultRoom);
    }

    // --- users ---

    [Fact]
    public async Task A_user_is_found_as_it_was_made()
    {
        TenantId tenant = await ATenant();
        CreateUserResult result = await Directory.CreateUser(new NewUser(tenant, "ann", "Ann Ä 葵", "hash", WorkspaceRole.Admin), null, Now, Cancel);
        User user = result.User!;
        Assert.Equal(new User(tenant, user.Id, "ann", "Ann Ä 葵", WorkspaceRole.Admin, Now), user);
        Storage.Reopen();
        Assert.Equal(user, await Directory.FindUser(tenant, user.Id, Cancel));
        Assert.Equal([user], await Directory.FindUsers(tenant, [user.Id, new UserId(Id(99))], Cancel));
        Assert.Equal(new Credentials(user, "hash", 0, null), await Directory.FindCredentials(tenant, "ann", Cancel));
        Assert.Null(await Directory.FindCredentials(tenant, "bob", Cancel));
        Assert.Null(await Directory.FindUser(tenant, new UserId(Id(99)), Cancel));
    }

    [Fact]
    public async Task A_user_name_is_taken_once_in_a_tenant()
    {
        TenantId tenant = await ATenant();
        TenantId other = await ATenant("other");
        await AUser(tenant, "ann");
        await AUser(other, "ann");
        CreateUserResult[] results = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(
            async () => await Directory.CreateUser(new NewUser(tenant, "bob", "Bob", "h", WorkspaceRole.Member), null, Now, Cancel), Cancel)));
        Assert.Single(results, r => r.Status == CreateUserStatus.Created);
        Assert.Equal(9, results.Count(r => r is { Status: CreateUserStatus.NameTaken, User: null }));
    }

    [Fact]
    public async Task Users_are_found_by_part_of_a_name_in_pages()
    {
        TenantId tenant = await ATenant();
        User[] users =
        [
            await AUser(tenant, "ann", "Ann Ångström"), await AUser(tenant, "bob", "Bob_Hundred%"), await AUser(tenant, "cid", "ＡＮＮＡ full width"), await AUser(tenant, "dee.ann", "Dee"),
        ];
        await AUser(await ATenant("other"), "annabel");
        async Task<List<User>> All(string? query, int limit)
        {
            List<User> all = [];
            string? after = null;
            do
            {
                Page<User> page = await Directory.ReadUsers(tenant, query, after, limit, Cancel);
                Assert.InRange(page.Items.Count, 0, limit);
                all.AddRange(page.Items);
                after = page.Next;
            }
            while (after is not null);
            return all;
        }

        Assert.Equal(users, await All(null, 100));
        Assert.Equal(users, await All("", 1));
        Assert.Equal([users[0], users[2], users[3]], await All("ANN", 2));
        Assert.Equal([users[0]], await All("å", 2));
        Assert.Equal([users[1]], await All("%", 2));
        Assert.Equal([users[1]], await All("_", 2));
        Assert.Empty(await All("zoe", 2));
        await Assert.ThrowsAsync<FormatException>(async () => await Directory.ReadUsers(tenant, null, "!", 10, Cancel));
    }

    [Fact]
    public async Task A_display_name_changes_and_is_found()
    {
        TenantId tenant = await ATenant();
        User user = await AUser(tenant, "ann", "Ann");
        await Directory.SetDisplayName(tenant, user.Id, "Zoë", Cancel);
        Assert.Equal("Zoë", (await Directory.FindUser(tenant, user.Id, Cancel))!.DisplayName);
        Assert.Single((await Directory.ReadUsers(tenant, "ZOË", null, 10, Cancel)).Items);
    }

    [Fact]
    public async Task A_choice_of_presence_is_kept_and_each_gets_a_greater_version_of_several_at_once_too()
    {
        TenantId tenant = await ATenant();
        User user = await AUser(tenant, "ann", "Ann");
        Assert.Equal(default, user.Presence);
        Assert.Equal(new PresenceSetting(PresenceChoice.Away, 1), await Directory.SetPresenceChoice(tenant, user.Id, PresenceChoice.Away, Cancel));
        PresenceSetting?[] set = await Task.WhenAll(Enumerable.Range(0, 9).Select(i => Task.Run(
            async () => await Directory.SetPresenceChoice(tenant, user.Id, (PresenceChoice)(i % 3), Cancel), Cancel)));
        Assert.Equal(Enumerable.Range(2, 9).Select(version => (long)version), set.Select(one => one!.Value.Version).Order());

        PresenceSetting last = set.MaxBy(one => one!.Value.Version)!.Value;
        await ASession(user, 3);
        Assert.Equal(last, (await Directory.FindUser(tenant, user.Id, Cancel))!.Presence);
        Assert.Equal(last, (await Directory.FindUsers(tenant, [user.Id], Cancel)).Single().Presence);
        Assert.Equal(last, (await Directory.FindSession(Token(3), Now, Cancel))!.Value.User.Presence);
        Assert.Equal(last, (await Directory.FindCredentials(tenant, "ann", Cancel))!.User.Presence);
        Assert.Null(await Directory.SetPresenceChoice(tenant, new UserId(Id(99)), PresenceChoice.Away, Cancel));
    }

    [Fact]
    public async Task A_user_of_a_host_is_made_once_and_kept_up_to_date()
    {
        TenantId tenant = await ATenant();
        User[] users = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(
            async () => await Directory.EnsureExternalUser(tenant, "host|42", "Ann", Now, Cancel), Cancel)));
        User user = Assert.Single(users.Distinct());
        Assert.Equal(("host-42", "Ann", WorkspaceRole.Member), (user.UserName, user.DisplayName, user.Role));
        Assert.Null((await Directory.FindCredentials(tenant, "host-42", Cancel))!.PasswordHash);
        User renamed = await Directory.EnsureExternalUser(tenant, "host|42", "Anna", Now.AddDays(1), Cancel);
        Assert.Equal(user with { DisplayName = "Anna" }, renamed);
        Assert.Equal(renamed, await Directory.FindUser(tenant, user.Id, Cancel));
        Assert.NotEqual(user.Id, (await Directory.EnsureExternalUser(await ATenant("other"), "host|42", "Ann", Now, Cancel)).Id);
    }

    [Fact]
    public async Task User_names_of_a_host_are_allowed_and_unique()
    {
        TenantId tenant = await ATenant();
        await AUser(tenant, "ann");
        string[] subjects = ["ann", "ANN", "ann ", " ann@", "@@@", "", "葵", "a/b//c", new string('x', 255), new string('x', 254), "😀", "ａｎｎ．Ｂ"];
        List<string> names = [];
        foreach (string subject in subjects)
        {
            names.Add((await Directory.EnsureExternalUser(tenant, subject, "Name", Now, Cancel)).UserName);
        }

        Assert.Equal(["ann-2", "ann-3", "ann-4", "ann-5", "user", "user-2", "葵", "a-b-c", new string('x', 32), new string('x', 30) + "-2", "user-3", "ann.b"], names);
        for (int i = 0; i < 20; i++)
        {
            names.Add((await Directory.EnsureExternalUser(tenant, $"ann{new string('!', i + 3)}", "Name", Now, Cancel)).UserName);
        }

        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches(@"^[\p{L}\p{Nd}._-]{1,32}$", name));
    }
}
