using System.Globalization;
using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Postgres;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

/// <summary>The index of who is in which room, damaged behind the storage's back and rebuilt from the rooms.</summary>
public abstract class MembershipIndexRebuildContract : IDisposable
{
    private const int RoomsMade = 9;
    private static readonly UserId Carol = new(Id(13));

    protected abstract Task<IInstallationArchive> Open();

    /// <summary>The store that serves the room.</summary>
    protected abstract IRoomStore Rooms(RoomId room);

    protected abstract IDirectory People();

    protected abstract void StopServing();

    /// <summary>A statement for the table of the index: <c>{index}</c>, its columns <c>user_id</c>, <c>room</c> …, ids as <see cref="Quote"/> has them.</summary>
    protected abstract void Damage(string statement);

    protected abstract string Quote(Guid id);

    public abstract void Dispose();

    [Fact]
    public async Task Entries_become_what_the_rooms_know_and_markers_stay()
    {
        TenantId[] tenants = [(await People().EnsureTenant("green", Now, Cancel)).Id, (await People().EnsureTenant("blue", Now, Cancel)).Id];
        for (int i = 0; i < RoomsMade; i++)
        {
            RoomId room = Room(i);
            await Do(
                Create(room, Bob, Carol) with { Tenant = tenants[i % 2] }, Leave(tenants[i % 2], room, Bob), Leave(tenants[i % 2], room, Carol),
                new JoinRoom { Tenant = tenants[i % 2], Room = room, Sender = Carol }, Send(room, "a") with { Tenant = tenants[i % 2] });
        }

        await CatchUp();
        await People().MarkRead(tenants[0], Ann, Room(0), 7, Cancel);
        await People().MarkRead(tenants[0], Carol, Room(2), 7, Cancel);
        List<DirectoryRecord> before = await ReadIndex();
        Assert.Equal(RoomsMade * 3, before.Count);

        // Missing; ended though it is not; begun though it ended; so new that nothing would ever count again; of a room that nobody knows; of somebody who never was there.
        Damage($"DELETE FROM {{index}} WHERE user_id = {Quote(Ann.Value)} AND room = {Quote(Room(4).Value)}");
        Damage($"UPDATE {{index}} SET member = {{false}} WHERE user_id = {Quote(Ann.Value)} AND room = {Quote(Room(0).Value)}");
        Damage($"UPDATE {{index}} SET member = {{true}}, seq = 2 WHERE user_id = {Quote(Bob.Value)} AND room = {Quote(Room(1).Value)}");
        Damage($"UPDATE {{index}} SET member = {{false}}, seq = 1000000 WHERE user_id = {Quote(Carol.Value)} AND room = {Quote(Room(2).Value)}");
        Damage($"UPDATE {{index}} SET room = {Quote(Room(77).Value)} WHERE user_id = {Quote(Carol.Value)} AND room = {Quote(Room(3).Value)}");
        Damage($"UPDATE {{index}} SET user_id = {Quote(Id(14))} WHERE user_id = {Quote(Bob.Value)} AND room = {Quote(Room(5).Value)}");
        StopServing();

        RebuiltIndex rebuilt = await Rebuild();
        Assert.Equal(new RebuiltIndex((RoomsMade * 3) - 1, 5, RoomsMade * 2), rebuilt);
        List<DirectoryRecord> after = await ReadIndex();
        UserRoomRecord[] made = [.. after.Except(before).Cast<UserRoomRecord>()];
        Assert.All(made, entry => Assert.Equal((0, false), (entry.Seq, entry.Member)));
        Assert.Equal([(tenants[1], Carol, Room(77)), (tenants[1], new UserId(Id(14)), Room(5))], made.Select(entry => (entry.Tenant, entry.User, entry.Room)).OrderBy(entry => entry.User.Value));

        // Somebody who left is known no more; that changes nothing for him.
        Assert.Equal([Bob], before.Except(after).Cast<UserRoomRecord>().Select(entry => entry.User));
        Assert.Equal(rebuilt with { Entries = after.Count, Corrected = 0 }, await Rebuild());

        // What comes later counts again.
        await Do(new JoinRoom { Tenant = tenants[1], Room = Room(5), Sender = new UserId(Id(14)) }, Leave(tenants[0], Room(2), Carol));
        await CatchUp();
        Assert.NotNull(await People().FindRoom(tenants[1], new UserId(Id(14)), Room(5), Cancel));
        Assert.Null(await People().FindRoom(tenants[0], Carol, Room(2), Cancel));
    }

    [Fact]
    public async Task An_entry_that_changed_since_it_was_read_stays_as_it_is()
    {
        TenantId tenant = (await People().EnsureTenant("green", Now, Cancel)).Id;
        await Do(Create(Room(1)) with { Tenant = tenant });
        await CatchUp();
        StopServing();
        await using IInstallationArchive installation = await Open();
        var entry = (UserRoomRecord)Assert.Single(await installation.Directory.Read(DirectoryTable.UserRooms, tenant, null, 10, Cancel));
        UserRoomRecord ended = entry with { Seq = 9, Member = false };
        Assert.Equal(0, await installation.Directory.Correct([(entry with { Seq = 1 }, ended)], Cancel));
        Assert.Equal(0, await installation.Directory.Correct([(entry with { Member = false }, ended)], Cancel));
        Assert.Equal([entry], await installation.Directory.Read(DirectoryTable.UserRooms, tenant, null, 10, Cancel));

        // The marker goes forward or stays.
        Assert.Equal(1, await installation.Directory.Correct([(entry, ended with { ReadSeq = 1 })], Cancel));
        Assert.Equal([ended], await installation.Directory.Read(DirectoryTable.UserRooms, tenant, null, 10, Cancel));
    }

    protected async Task<RebuiltIndex> Rebuild()
    {
        await using IInstallationArchive installation = await Open();
        return await MembershipIndexRebuild.Run(installation, Cancel);
    }

    protected async Task<List<DirectoryRecord>> ReadIndex()
    {
        StopServing();
        await using IInstallationArchive installation = await Open();
        List<DirectoryRecord> entries = [];
        foreach (TenantRecord tenant in await installation.Directory.ReadTenants(null, 100, Cancel))
        {
            entries.AddRange(await installation.Directory.Read(DirectoryTable.UserRooms, tenant.Tenant, null, 1_000, Cancel));
        }

        return entries;
    }

    protected async Task Do(params Draft[] drafts)
    {
        foreach (Draft draft in drafts)
        {
            Assert.Null((await Rooms(draft.Room).Do(draft)).Refusal);
        }
    }

    /// <summary>As the server does.</summary>
    protected async Task CatchUp()
    {
        foreach (IMembershipOutbox outbox in Enumerable.Range(0, RoomsMade).SelectMany(i => Rooms(Room(i)).Outboxes).Distinct())
        {
            if (await outbox.Read(10_000, Cancel) is [.., { } last] changes)
            {
                await People().ApplyMemberships(changes, Cancel);
                await outbox.Acknowledge(last.Id, Cancel);
            }
        }
    }

    private static RemoveMember Leave(TenantId tenant, RoomId room, UserId user) => new(user) { Tenant = tenant, Room = room, Sender = user };
}

public sealed class SqliteMembershipIndexRebuildTests : MembershipIndexRebuildContract
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
    private SqliteDatabase? _database;
    private SqliteRoomStore? _rooms;

    protected override Task<IInstallationArchive> Open() => Task.FromResult<IInstallationArchive>(SqliteInstallationArchive.OpenOwned(_folder));

    protected override IRoomStore Rooms(RoomId room) => _rooms ??= new SqliteRoomStore(Database());

    protected override IDirectory People() => new SqliteDirectory(Database());

    protected override void StopServing()
    {
        _database?.Dispose();
        (_database, _rooms) = (null, null);
    }

    protected override void Damage(string statement)
    {
        StopServing();
        using SqliteConnection connection = SqliteConnection.Open(Path.Combine(_folder, SqliteDatabase.FileName), readOnly: false);
        connection.Execute(statement.Replace("{index}", "user_room", StringComparison.Ordinal).Replace("user_id", "user", StringComparison.Ordinal)
            .Replace("{true}", "1", StringComparison.Ordinal).Replace("{false}", "0", StringComparison.Ordinal));
    }

    protected override string Quote(Guid id) => $"x'{Convert.ToHexString(id.ToByteArray(bigEndian: true))}'";

    public override void Dispose()
    {
        StopServing();
        System.IO.Directory.Delete(_folder, recursive: true);
    }

    private SqliteDatabase Database() => _database ??= SqliteDatabase.Open(_folder);
}

/// <summary>Over three shards.</summary>
public sealed class PostgresMembershipIndexRebuildTests : MembershipIndexRebuildContract
{
    private readonly PostgresInstallationUnderTest _postgres = new(shards: 3);
    private readonly Dictionary<short, (PostgresRoomStore Rooms, PostgresDirectory People)> _served = [];

    public PostgresMembershipIndexRebuildTests() => _postgres.SpreadSlots().GetAwaiter().GetResult();

    [Fact]
    public async Task A_shard_that_does_not_answer_ends_it_before_anything_is_changed()
    {
        TenantId tenant = (await People().EnsureTenant("green", Now, Cancel)).Id;
        RoomId away = Enumerable.Range(0, 100).Select(Room).First(room => _postgres.ShardOf(room) == 2);
        await Do(Create(away) with { Tenant = tenant });
        await People().ApplyMemberships([.. await Rooms(away).Outboxes[0].Read(10, Cancel)], Cancel);
        List<DirectoryRecord> before = await ReadIndex();
        Assert.Single(before);

        var shards = _postgres.Shards.ToDictionary();
        string down = new Npgsql.NpgsqlConnectionStringBuilder(shards[2].OwnerConnectionString) { Port = PostgresTools.FreePort() }.ConnectionString;
        shards[2] = shards[2] with { OwnerConnectionString = down };
        await Assert.ThrowsAsync<StorageUnavailableException>(
            async () => await MembershipIndexRebuild.Run(await PostgresInstallationArchive.Open(_postgres.Directory, shards, migrate: false, Cancel), Cancel));
        Assert.Equal(before, await ReadIndex());
    }

    protected override async Task<IInstallationArchive> Open() => await _postgres.Open();

    protected override IRoomStore Rooms(RoomId room) => Serve(_postgres.ShardOf(room)).Rooms;

    protected override IDirectory People() => Serve(0).People;

    /// <summary>Servers go on meanwhile.</summary>
    protected override void StopServing()
    {
    }

    protected override void Damage(string statement) => PostgresServer.Execute(
        PostgresServer.Shared.SuperuserConnection(_postgres.Name),
        statement.Replace("{index}", "directory.user_room", StringComparison.Ordinal).Replace("{true}", "true", StringComparison.Ordinal).Replace("{false}", "false", StringComparison.Ordinal));

    protected override string Quote(Guid id) => string.Create(CultureInfo.InvariantCulture, $"'{id}'::uuid");

    public override void Dispose() => _postgres.Dispose();

    private (PostgresRoomStore Rooms, PostgresDirectory People) Serve(short shard)
    {
        if (!_served.TryGetValue(shard, out (PostgresRoomStore, PostgresDirectory) served))
        {
            _served.Add(shard, served = _postgres.Serve(shard));
        }

        return served;
    }
}
