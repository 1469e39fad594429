using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres.Directory;
using Monstera.Tests.Data.Directory;

namespace Monstera.Tests.Data.Postgres;

public class PostgresDirectoryTests : DirectoryContract
{
    protected override StorageUnderTest OpenStorage() => new PostgresDirectoryStorage();

    /// <summary>SQLite cuts times to milliseconds, PostgreSQL alone would round microseconds; nobody can tell from which a value comes.</summary>
    [Fact]
    public async Task Times_are_cut_to_milliseconds_and_UTC()
    {
        DateTimeOffset odd = Now.AddTicks(9_999).ToOffset(TimeSpan.FromHours(2));
        TenantId tenant = (await Directory.EnsureTenant("acme", odd, Cancel)).Id;
        User user = (await Directory.CreateUser(new NewUser(tenant, "ann", "Ann", "hash", WorkspaceRole.Member), null, odd, Cancel)).User!;
        Assert.Equal(Now, user.CreatedAt);
        await Directory.LockOut(tenant, user.Id, odd, Cancel);
        var session = new Session(tenant, new SessionId(Id(1)), user.Id, odd, odd, odd.AddDays(1), null);
        await Directory.CreateSession(session, Token(1), Cancel);
        await Directory.CreateInvite(new Invite(tenant, new InviteId(Id(2)), "code", user.Id, odd, odd.AddDays(1), 1), Cancel);
        Storage.Reopen();

        Credentials credentials = (await Directory.FindCredentials(tenant, "ann", Cancel))!;
        Session found = (await Directory.FindSession(Token(1), odd, Cancel))!.Value.Session;
        Invite invite = (await Directory.FindInvite(tenant, "code", odd, Cancel))!;
        Assert.Equal(
            [Now, Now, Now, Now, Now.AddDays(1), Now, Now.AddDays(1)],
            new DateTimeOffset[] { credentials.User.CreatedAt, credentials.LockedUntil!.Value, found.CreatedAt, found.LastSeenAt, found.ExpiresAt, invite.CreatedAt, invite.ExpiresAt });
        Assert.All(new[] { credentials.User.CreatedAt, found.CreatedAt, invite.CreatedAt }, time => Assert.Equal(TimeSpan.Zero, time.Offset));

        // Neither a moment too early nor too late: a comparison with a time that is cut as well.
        Assert.Null(await Directory.FindSession(Token(1), odd.AddDays(1), Cancel));
        Assert.Empty(await Directory.ReadSessions(tenant, user.Id, odd.AddDays(1), Cancel));
        Assert.Null(await Directory.FindInvite(tenant, "code", odd.AddDays(1), Cancel));
    }

    /// <summary>What PostgreSQL's text cannot hold comes from outside too, and is simply not there.</summary>
    [Theory]
    [InlineData("ann\0")]
    [InlineData("\0")]
    [InlineData("\ud800")]
    [InlineData("a\udc00b")]
    public async Task Text_that_cannot_be_stored_is_not_found(string text)
    {
        TenantId tenant = await ATenant();
        await AUser(tenant, "ann");
        await AnInvite(tenant, "ann");
        Assert.Null(await Directory.FindCredentials(tenant, text, Cancel));
        Assert.Null(await Directory.FindInvite(tenant, text, Now, Cancel));
        Assert.Equal(
            CreateUserStatus.InviteGone,
            (await Directory.CreateUser(new NewUser(tenant, "bob", "Bob", "h", WorkspaceRole.Member), text, Now, Cancel)).Status);
    }

    [Fact]
    public async Task A_query_with_a_null_character_finds_nothing()
    {
        TenantId tenant = await ATenant();
        await AUser(tenant, "ann");
        Assert.Empty((await Directory.ReadUsers(tenant, "a\0", null, 10, Cancel)).Items);

        // Base64url of a name with one, which no page gave out.
        await Assert.ThrowsAsync<FormatException>(async () => await Directory.ReadUsers(tenant, null, "YQBi", 10, Cancel));
    }

    /// <summary>By code point, whatever the language of the database: capitals before small letters, and letters with marks after both.</summary>
    [Fact]
    public async Task User_names_are_in_the_order_of_their_code_points()
    {
        TenantId tenant = await ATenant();
        string[] names = ["z", "ä", "a.b", "a-b", "a_b", "ab", "葵", "😀", "\uff5e"];
        foreach (string name in names)
        {
            await AUser(tenant, name);
        }

        Assert.Equal(
            ["a-b", "a.b", "a_b", "ab", "z", "ä", "葵", "\uff5e", "😀"],
            (await Directory.ReadUsers(tenant, null, null, 100, Cancel)).Items.Select(user => user.UserName));
    }

    [Theory]
    [InlineData("Id", "id")]
    [InlineData("LastSeenAt", "last_seen_at")]
    [InlineData("UserID", "user_id")]
    [InlineData("HTTPStatus", "http_status")]
    public void Columns_are_in_snake_case(string property, string column) => Assert.Equal(column, SnakeCaseColumns.Of(property));
}

/// <summary>Through PgBouncer in transaction mode, where nothing may rest on a session.</summary>
public class PostgresDirectoryPoolerTests : DirectoryContract
{
    protected override StorageUnderTest OpenStorage() => new PostgresStorage(pooler: true);
}
