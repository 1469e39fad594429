using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Postgres;

/// <summary>
/// Two servers over one database. In most of these somebody's transaction is held open while a server does the same, so that the order in which things happen is given and not hoped for.
/// </summary>
public sealed class PostgresDirectoryRaceTests : IAsyncLifetime
{
    private const string InsertBob =
        """
        INSERT INTO directory.account (tenant, id, user_name, display_name, display_folded, role, created_at)
        VALUES ($1, gen_random_uuid(), 'bob', 'Bob', 'bob', 1, now())
        """;

    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);
    private static readonly RoomId Room = RoomId.New(Now);

    private readonly PostgresDirectoryStorage _storage = new();
    private PostgresDirectory _other = null!;
    private TenantId _tenant;
    private User _ann = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IDirectory One => _storage.Directory;

    private PostgresDirectory Other => _other;

    public async ValueTask InitializeAsync()
    {
        _other = _storage.AnotherServer();
        _tenant = (await One.EnsureTenant("acme", Now, Cancel)).Id;
        _ann = (await Create(One, "ann")).User!;
    }

    public ValueTask DisposeAsync()
    {
        _storage.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<CreateUserResult> Create(IDirectory directory, string name, string? code = null) =>
        await directory.CreateUser(new NewUser(_tenant, name, name, "hash", WorkspaceRole.Member), code, Now, Cancel);

    private Task<UnfinishedTransaction> Begin(string statement, params object[] values) => _storage.Begin(_tenant.ToString(), statement, values);

    /// <summary>Calls of both servers at once.</summary>
    private Task<T[]> AtOnce<T>(int calls, Func<IDirectory, int, Task<T>> call) =>
        Task.WhenAll(Enumerable.Range(0, calls).Select(i => Task.Run(() => call(i % 2 == 0 ? One : Other, i), Cancel)));

    private async Task<Session> ASession()
    {
        var session = new Session(_tenant, SessionId.New(Now), _ann.Id, Now, Now, Now.AddDays(1), "client");
        await One.CreateSession(session, Token(1), Cancel);
        return session;
    }

    private static byte[] Token(byte n) => [.. Enumerable.Repeat(n, 32)];

    [Fact]
    public async Task A_tenant_is_made_once()
    {
        Tenant[] tenants = await AtOnce(20, (directory, _) => directory.EnsureTenant("other", Now, Cancel).AsTask());
        Assert.Single(tenants.Distinct());

        Guid id = Guid.CreateVersion7();
        await using UnfinishedTransaction first = await _storage.Begin(
            id.ToString(), "INSERT INTO directory.tenant (id, key, name, set_up) VALUES ($1, 'third', 'third', false)", id);
        Task<Tenant> second = Other.EnsureTenant("third", Now, Cancel).AsTask();
        await _storage.AreWaiting(1, Cancel);
        await first.Commit();
        Assert.Equal(new TenantId(id), (await second).Id);
    }

    [Fact]
    public async Task A_user_is_made_once()
    {
        CreateUserResult[] results = await AtOnce(20, (directory, _) => Create(directory, "cid"));
        Assert.Single(results, result => result.Status == CreateUserStatus.Created);
        Assert.Equal(19, results.Count(result => result.Status == CreateUserStatus.NameTaken));
    }

    [Theory]
    [InlineData(true, CreateUserStatus.NameTaken)]
    [InlineData(false, CreateUserStatus.Created)]
    public async Task A_name_that_somebody_is_about_to_take_is_waited_for(bool commit, CreateUserStatus expected)
    {
        await using UnfinishedTransaction first = await Begin(InsertBob, _tenant.Value);
        Task<CreateUserResult> second = Create(Other, "bob");
        await _storage.AreWaiting(1, Cancel);
        await (commit ? first.Commit() : first.Rollback());
        Assert.Equal(expected, (await second).Status);
    }

    [Theory]
    [InlineData(true, CreateUserStatus.NameTaken, 1)]
    [InlineData(false, CreateUserStatus.Created, 0)]
    public async Task A_name_that_is_taken_meanwhile_uses_up_no_invitation(bool commit, CreateUserStatus expected, int usesLeft)
    {
        await One.CreateInvite(new Invite(_tenant, InviteId.New(Now), "code", _ann.Id, Now, Now.AddDays(1), 1), Cancel);
        await using UnfinishedTransaction first = await Begin(InsertBob, _tenant.Value);
        Task<CreateUserResult> second = Create(Other, "bob", "code");
        await _storage.AreWaiting(1, Cancel);
        await (commit ? first.Commit() : first.Rollback());
        Assert.Equal(expected, (await second).Status);
        Assert.Equal(usesLeft, (await One.FindInvite(_tenant, "code", Now, Cancel))?.UsesLeft ?? 0);
    }

    [Theory]
    [InlineData(true, CreateUserStatus.InviteGone)]
    [InlineData(false, CreateUserStatus.Created)]
    public async Task The_last_use_of_an_invitation_is_waited_for(bool commit, CreateUserStatus expected)
    {
        await One.CreateInvite(new Invite(_tenant, InviteId.New(Now), "code", _ann.Id, Now, Now.AddDays(1), 1), Cancel);
        await using UnfinishedTransaction first = await Begin("UPDATE directory.invite SET uses_left = 0 WHERE tenant = $1", _tenant.Value);
        Task<CreateUserResult> second = Create(Other, "bob", "code");
        await _storage.AreWaiting(1, Cancel);
        await (commit ? first.Commit() : first.Rollback());
        Assert.Equal(expected, (await second).Status);
    }

    [Fact]
    public async Task An_invitation_opens_as_often_as_it_says()
    {
        await One.CreateInvite(new Invite(_tenant, InviteId.New(Now), "code", _ann.Id, Now, Now.AddDays(1), 3), Cancel);
        CreateUserResult[] results = await AtOnce(20, (directory, i) => Create(directory, $"user{i}", "code"));
        Assert.Equal(3, results.Count(result => result.Status == CreateUserStatus.Created));
        Assert.Equal(17, results.Count(result => result.Status == CreateUserStatus.InviteGone));
    }

    [Fact]
    public async Task The_first_owner_is_made_once()
    {
        CreateUserResult[] results = await AtOnce(20, async (directory, i) =>
            await directory.SetUp($"Acme {i}", new NewUser(_tenant, $"owner{i}", "Owner", "hash", WorkspaceRole.Owner), Now, Cancel));
        User owner = Assert.Single(results, result => result.Status == CreateUserStatus.Created).User!;
        Assert.Equal(19, results.Count(result => result.Status == CreateUserStatus.AlreadySetUp));
        Assert.Equal([_ann, owner], (await Other.ReadUsers(_tenant, null, null, 10, Cancel)).Items);
    }

    [Theory]
    [InlineData(true, CreateUserStatus.AlreadySetUp)]
    [InlineData(false, CreateUserStatus.Created)]
    public async Task A_set_up_under_way_is_waited_for(bool commit, CreateUserStatus expected)
    {
        await using UnfinishedTransaction first = await Begin("UPDATE directory.tenant SET set_up = true, name = 'First' WHERE id = $1", _tenant.Value);
        Task<CreateUserResult> second = Other.SetUp("Second", new NewUser(_tenant, "owner", "Owner", "hash", WorkspaceRole.Owner), Now, Cancel).AsTask();
        await _storage.AreWaiting(1, Cancel);
        await (commit ? first.Commit() : first.Rollback());
        Assert.Equal(expected, (await second).Status);
        Assert.Equal(commit ? "First" : "Second", (await One.FindTenant(_tenant, Cancel))!.Name);
    }

    [Fact]
    public async Task A_user_of_a_host_is_made_once_and_names_are_given_once()
    {
        User[] same = await AtOnce(20, (directory, _) => directory.EnsureExternalUser(_tenant, "host|42", "Host", Now, Cancel).AsTask());
        Assert.Single(same.Distinct());
        User[] alike = await AtOnce(10, (directory, i) => directory.EnsureExternalUser(_tenant, $"bob{new string('!', i)}", "Bob", Now, Cancel).AsTask());
        Assert.Equal(10, alike.Select(user => user.UserName).Distinct().Count());
    }

    [Fact]
    public async Task A_wrong_password_counts_on_every_server()
    {
        int[] failures = await AtOnce(20, (directory, _) => directory.RecordSignInFailure(_tenant, _ann.Id, Cancel).AsTask());
        Assert.Equal(Enumerable.Range(1, 20), failures.Order());
    }

    [Fact]
    public async Task A_session_that_ends_while_it_is_touched_stays_ended()
    {
        Session session = await ASession();
        await using UnfinishedTransaction ending = await Begin("DELETE FROM directory.session WHERE tenant = $1 AND id = $2", _tenant.Value, session.Id.Value);
        Task touch = Other.TouchSession(_tenant, session.Id, Now.AddHours(1), Now.AddDays(9), Cancel).AsTask();
        await _storage.AreWaiting(1, Cancel);
        await ending.Commit();
        await touch;
        Assert.Null(await One.FindSession(Token(1), Now, Cancel));
        Assert.Empty(await Other.ReadSessions(_tenant, _ann.Id, Now, Cancel));
    }

    [Fact]
    public async Task A_session_that_is_touched_while_it_ends_is_ended()
    {
        Session session = await ASession();
        await using UnfinishedTransaction touch = await Begin(
            "UPDATE directory.session SET expires_at = expires_at + interval '9 days' WHERE tenant = $1 AND id = $2", _tenant.Value, session.Id.Value);
        Task<bool> ending = Other.EndSession(_tenant, _ann.Id, session.Id, Cancel).AsTask();
        Task<IReadOnlyList<SessionId>> endings = Other.EndOtherSessions(_tenant, _ann.Id, null, Cancel).AsTask();
        await _storage.AreWaiting(2, Cancel);
        await touch.Commit();
        Assert.Equal(1, (await ending ? 1 : 0) + (await endings).Count);
        Assert.Null(await One.FindSession(Token(1), Now, Cancel));
    }

    [Theory]
    [InlineData(7, 10)]
    [InlineData(12, 12)]
    public async Task A_marker_that_another_server_moves_never_goes_back(long seq, long expected)
    {
        await One.ApplyMemberships([new MembershipChange(1, _tenant, _ann.Id, Room, 3, true, Now)], Cancel);
        await using UnfinishedTransaction first = await Begin("UPDATE directory.user_room SET read_seq = 10 WHERE tenant = $1", _tenant.Value);
        Task<long> second = Other.MarkRead(_tenant, _ann.Id, Room, seq, Cancel).AsTask();
        await _storage.AreWaiting(1, Cancel);
        await first.Commit();
        Assert.Equal(expected, await second);
        Assert.Equal(expected, (await One.FindRoom(_tenant, _ann.Id, Room, Cancel))!.ReadSeq);
    }

    [Fact]
    public async Task Markers_moved_by_two_servers_only_go_forward()
    {
        await One.ApplyMemberships([new MembershipChange(1, _tenant, _ann.Id, Room, 1, true, Now)], Cancel);
        int[] seqs = [.. Enumerable.Range(2, 99)];
        new Random(7).Shuffle(seqs);
        long[] stands = await AtOnce(seqs.Length, (directory, i) => directory.MarkRead(_tenant, _ann.Id, Room, seqs[i], Cancel).AsTask());
        Assert.All(stands.Zip(seqs), pair => Assert.True(pair.First >= pair.Second));
        Assert.Equal(100, (await One.FindRoom(_tenant, _ann.Id, Room, Cancel))!.ReadSeq);
    }

    /// <summary>Two servers carry over the same outbox, in any order: they wait for each other, never in a circle.</summary>
    [Fact]
    public async Task Memberships_applied_by_two_servers_end_the_same()
    {
        RoomId[] rooms = [.. Enumerable.Range(0, 50).Select(_ => RoomId.New(Now))];
        MembershipChange[] changes = [.. rooms.SelectMany(room => Enumerable.Range(1, 4).Select(seq => new MembershipChange(seq, _tenant, _ann.Id, room, seq, seq % 2 == 0, Now)))];
        await AtOnce(20, async (directory, i) =>
        {
            MembershipChange[] shuffled = [.. changes];
            new Random(i).Shuffle(shuffled);
            foreach (MembershipChange[] batch in shuffled.Chunk(70))
            {
                await directory.ApplyMemberships(batch, Cancel);
            }

            return true;
        });
        Page<UserRoom> page = await Other.ReadRooms(_tenant, _ann.Id, null, 100, Cancel);
        Assert.Equal(rooms.Select(room => room.Value).Order(), page.Items.Select(room => room.Room.Value));
        Assert.All(page.Items, room => Assert.Equal((4, 4), (room.JoinedSeq, room.ReadSeq)));
    }

    [Fact]
    public async Task Two_servers_remove_what_has_expired()
    {
        for (byte i = 1; i <= 50; i++)
        {
            await One.CreateSession(new Session(_tenant, SessionId.New(Now), _ann.Id, Now, Now, Now.AddMinutes(i % 2), "client"), Token(i), Cancel);
        }

        await AtOnce(10, async (directory, _) =>
        {
            await directory.RemoveExpired(Now, Cancel);
            return true;
        });
        Assert.Equal(25, (await One.ReadSessions(_tenant, _ann.Id, Now.AddDays(-1), Cancel)).Count);
    }
}
