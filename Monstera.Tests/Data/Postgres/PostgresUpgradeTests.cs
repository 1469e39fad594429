using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A database of the first release, as it was then and with what it had written, opens in this server and has everything. (That its migrations are as they were, others test.)</summary>
public sealed class PostgresUpgradeTests : IDisposable
{
    private static readonly TenantId Green = new(Of(0x01)), Blue = new(Of(0x02));
    private static readonly UserId Owner = new(Of(0x11)), Member = new(Of(0x12)), Carol = new(Of(0x13));
    private static readonly RoomId Plans = new(Of(0x21)), Other = new(Of(0x22));

    private readonly string _name = PostgresServer.Shared.CreateEmptyDatabase();
    private readonly PostgresDatabase _database;
    private readonly PostgresRoomStore _rooms;
    private readonly PostgresDirectory _people;

    public PostgresUpgradeTests()
    {
        PostgresOptions options = new() { ConnectionString = PostgresServer.Shared.AppConnection(_name), OwnerConnectionString = PostgresServer.Shared.OwnerConnection(_name) };
        PostgresDatabase.Open(options, First(PostgresRoomStore.Schema, 1), First(PostgresDirectory.Schema, 2)).Dispose();
        using (var reader = new StreamReader(typeof(PostgresUpgradeTests).Assembly.GetManifestResourceStream("postgres-first-schema-content.sql")!))
        {
            PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_name), reader.ReadToEnd());
        }

        _database = PostgresDatabase.Open(options, PostgresParts.Rooms | PostgresParts.Directory);
        _rooms = new PostgresRoomStore(_database);
        _people = new PostgresDirectory(_database);
    }

    public void Dispose()
    {
        _database.Dispose();
        PostgresServer.Shared.DropDatabase(_name);
    }

    [Fact]
    public async Task Rooms_are_read_as_they_were()
    {
        LogPage log = (await _rooms.ReadAfter(Green, Plans, Member, 0, 100, 100_000, Cancel))!;
        Assert.Equal([1, 10, 10, 20, 20, 21, 22, 30, 40, 12, 2], log.Events.Select(e => (int)e.Type));
        Assert.Equal((1, 11), (log.Epoch, log.Head));
        TimelineItem item = (await _rooms.FindMessage(Green, Plans, Owner, 4, Cancel))!;
        Assert.Equal(("second 葵", 9, true), (item.Event.Text, item.Rev, item.Pinned));
        Assert.Equal(("👍", 1, Member), (item.Reactions.Single().Emoji, item.Reactions.Single().Count, item.Reactions.Single().Users.Single()));
        Assert.True((await _rooms.FindMessage(Green, Plans, Owner, 5, Cancel))!.Event.Deleted);
        Assert.Equal(new RoomMember(Member, RoomRole.Moderator, 3, Now), await _rooms.FindMember(Green, Plans, Member, Cancel));
        Assert.Null(await _rooms.FindRoom(Green, Other, Cancel));
        Assert.Equal(("Other", RoomKind.Private), (await _rooms.FindRoom(Blue, Other, Cancel)) is { } room ? (room.Name, room.Kind) : default);
    }

    [Fact]
    public async Task Rooms_go_on_where_they_were_and_retries_are_known()
    {
        SendMessage retry = new("first") { Tenant = Green, Room = Plans, Sender = Owner, ClientId = new ClientId(Of(0x92)) };
        AppendOutcome again = await _rooms.Do(retry);
        Assert.Equal((4, Now.AddSeconds(1), 0), (again.Seq, again.At, again.Events.Count));
        Assert.Equal(12, (await _rooms.Do(retry with { ClientId = new ClientId(Of(0x99)) })).Seq);
        Assert.Equal(13, (await _rooms.Do(new DeleteMessage(4) { Tenant = Green, Room = Plans, Sender = Member })).Seq);
        Assert.Null((await _rooms.Do(Create(Room(1)) with { Tenant = Green, Sender = Owner })).Refusal);

        // What was projected then and what is projected now is what the log says.
        await using PostgresArchiveCopy copy = new(_name);
        await copy.AssertProjectedAsToday(Green, Plans);
        await copy.AssertProjectedAsToday(Blue, Other);
    }

    [Fact]
    public async Task People_are_who_they_were()
    {
        Assert.Equal(new Monstera.Data.Directory.Tenant(Green, "default", "Green", true, Plans), await _people.EnsureTenant("default", Now, Cancel));
        Assert.Equal((Owner, "hash", 2), await _people.FindCredentials(Green, "owner", Cancel) is { } c ? (c.User.Id, c.PasswordHash, c.Failures) : default);
        byte[] token = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        Assert.Equal((Owner, default(PresenceSetting)), await _people.FindSession(token, Now, Cancel) is { } s ? (s.User.Id, s.User.Presence) : default);
        Assert.Equal(1, (await _people.SetPresenceChoice(Green, Owner, PresenceChoice.Invisible, Cancel))!.Value.Version);
        Assert.Equal(3, (await _people.FindInvite(Green, "invite-code", Now, Cancel))!.UsesLeft);
        Assert.Equal(Carol, (await _people.EnsureExternalUser(Blue, "carol@host", "Carol", Now, Cancel)).Id);
        Assert.Equal(new UserRoom(Plans, 2, Now, 5), await _people.FindRoom(Green, Owner, Plans, Cancel));

        // What was on its way arrives.
        IReadOnlyList<MembershipChange> changes = await _rooms.Outboxes[0].Read(10, Cancel);
        await _people.ApplyMemberships(changes, Cancel);
        Assert.Equal([(Member, Plans), (Carol, Other)], changes.Select(change => (change.User, change.Room)));
        Assert.Equal(3, (await _people.FindRoom(Green, Member, Plans, Cancel))!.JoinedSeq);
    }

    /// <param name="steps">So many the first release had.</param>
    private static PostgresSchema First(PostgresSchema schema, int steps) => schema with { Migrations = [.. schema.Migrations.Take(steps)] };

    private static Guid Of(byte n) => new(0x01000000, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, n);

    /// <summary>The log once more, in a fresh database.</summary>
    private sealed class PostgresArchiveCopy(string name) : IAsyncDisposable
    {
        private readonly Npgsql.NpgsqlDataSource _from = PostgresRoomArchive.Connect(PostgresServer.Shared.OwnerConnection(name));
        private readonly PostgresStorage _fresh = new();

        public async Task AssertProjectedAsToday(TenantId tenant, RoomId room)
        {
            await using Npgsql.NpgsqlDataSource owner = PostgresRoomArchive.Connect(PostgresServer.Shared.OwnerConnection(_fresh.Name));
            var from = new PostgresRoomArchive(_from);
            var to = new PostgresRoomArchive(owner, receivesCopy: true);
            await to.Write([new LogPart(room, tenant, 1, await from.ReadLog(tenant, room, 0, 1_000, int.MaxValue, Cancel))], Cancel);
            Assert.Equal(await from.Digest(tenant, room, Cancel), await to.Digest(tenant, room, Cancel));
        }

        public async ValueTask DisposeAsync()
        {
            await _from.DisposeAsync();
            _fresh.Dispose();
        }
    }
}
