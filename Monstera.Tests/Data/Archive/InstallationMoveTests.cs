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

/// <summary>Moves between the providers, within one process: what is copied, what is refused, and who may serve.</summary>
public sealed class InstallationMoveTests : IDisposable
{
    private static readonly MoveOptions AtOnce = new(Final: true);

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    private string First => Path.Combine(_folder, "first");

    private string Second => Path.Combine(_folder, "second");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Over_three_shards_and_back_everything_is_the_same()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 3);
        await postgres.SpreadSlots();
        InstallationContent content = await Fill(First, rooms: 12, messages: 9);
        string before = await Digest(First);
        RoomId room = content.Rooms[5];
        SendMessage known = content.Send(room, "sent before the move", ClientId.New(Now));
        AppendOutcome first = await Serve(First, (rooms, _) => rooms.Append([known], Now, Cancel).AsTask()) is [AppendOutcome one] ? one : default!;
        before = await Digest(First);

        await using (PostgresInstallationArchive to = await postgres.Open())
        await using (SqliteInstallationArchive from = SqliteInstallationArchive.Open(First))
        {
            MoveOutcome moved = await new InstallationMove(from, to, AtOnce, TimeProvider.System).Run(Cancel);
            Assert.True(moved.Finished);
            Assert.Equal(13, moved.Rooms);
            Assert.Equal(before, await InstallationCopy.DigestOf(to, null, Cancel));
            Assert.All(to.Shards, shard => Assert.NotNull(shard.Slots));
        }

        // Each room is where the map says, and is served there; a retry from before the move has its answer.
        (PostgresRoomStore rooms, PostgresDirectory people) = postgres.Serve(postgres.ShardOf(room));
        AppendOutcome again = (await rooms.Append([known], Now.AddDays(1), Cancel))[0];
        Assert.Equal((first.Seq, first.At, 0), (again.Seq, again.At, again.Events.Count));
        Assert.Equal(content.Owner, (await people.FindSession(InstallationContent.Token, Now, Cancel))!.Value.User.Id);
        Assert.Equal(3, (await people.FindRoom(content.Green, content.Owner, content.Rooms[0], Cancel))!.ReadSeq);
        short elsewhere = (short)((postgres.ShardOf(room) + 1) % 3);
        await Assert.ThrowsAsync<RoomMovedException>(async () => await postgres.Serve(elsewhere).Rooms.FindRoom(content.Green, room, Cancel));
        postgres.Stop();

        await using (SqliteInstallationArchive to = SqliteInstallationArchive.OpenOwned(Second))
        await using (PostgresInstallationArchive from = await postgres.Open())
        {
            Assert.True((await new InstallationMove(from, to, AtOnce, TimeProvider.System).Run(Cancel)).Finished);
        }

        Assert.Equal(before, await Digest(Second));
        await RefusedToServe(First, "was moved to PostgreSQL");
        using PostgresDatabase owner = PostgresDatabase.OpenAsOwner(postgres.Directory, PostgresParts.Directory);
        Assert.Equal((InstallationState.MovedAway, $"SQLite ({Second})"), (PostgresInstallation.Read(owner).State, PostgresInstallation.Read(owner).MovedTo));
    }

    [Fact]
    public async Task Back_into_what_it_came_from_only_the_tails_are_copied()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        InstallationContent content = await Fill(First, rooms: 4, messages: 5);
        await Move(First, postgres);
        (PostgresRoomStore rooms, PostgresDirectory people) = postgres.Serve();
        AppendOutcome there = (await rooms.Append([content.Send(content.Rooms[0], "there"), content.Send(content.Rooms[2], "there too")], Now, Cancel))[0];
        await people.SetDisplayName(content.Green, content.Owner, "Renamed", Cancel);
        postgres.Stop();

        await using (SqliteInstallationArchive to = SqliteInstallationArchive.OpenOwned(First))
        await using (PostgresInstallationArchive from = await postgres.Open())
        {
            List<CopyProgress> seen = [];
            Assert.True((await new InstallationMove(from, to, AtOnce, TimeProvider.System, seen.Add).Run(Cancel)).Finished);
            Assert.Equal(2, seen.Max(progress => progress.Events));
        }

        LogPage log = (await Serve(First, (store, _) => store.ReadAfter(content.Green, content.Rooms[0], content.Owner, there.Seq - 1, 10, 10_000, Cancel).AsTask()))!;
        Assert.Equal(["there"], log.Events.Select(e => e.Text!));
        Assert.Equal("Renamed", (await Serve(First, (_, directory) => directory.FindUser(content.Green, content.Owner, Cancel).AsTask()))!.DisplayName);
    }

    [Fact]
    public async Task Passes_beside_the_server_copy_what_is_new_and_the_last_one_waits_until_it_has_stopped()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        var server = SqliteDatabase.Open(First);
        var content = new InstallationContent(new SqliteRoomStore(server), new SqliteDirectory(server));
        await content.Fill(count: 6, messages: 5);
        await using PostgresInstallationArchive to = await postgres.Open();
        await using SqliteInstallationArchive from = SqliteInstallationArchive.Open(First);
        await Assert.ThrowsAsync<ArchiveConflictException>(() => new InstallationMove(from, to, new MoveOptions(Final: true, MustBeQuiet: true), TimeProvider.System).Run(Cancel));
        Assert.Equal(InstallationState.Served, (await to.Directory.ReadInstallation(Cancel)).State);

        MoveOutcome beside = await new InstallationMove(from, to, AtOnce, TimeProvider.System).Run(Cancel);
        Assert.Equal((false, 7, 0), (beside.Finished, beside.Rooms, beside.Behind));
        Assert.Contains(server.Path, beside.Writers, StringComparison.Ordinal);
        Assert.Throws<StorageRefusedException>(() => PostgresInstallation.Read(PostgresDatabaseOf(postgres)).RefuseUnlessServed("it"));

        int news = await content.Write(content.Rooms[3], 4);
        await content.Do(new CreateRoom(RoomKind.Private, "new", null, []) { Tenant = content.Green, Room = new RoomId(Guid.NewGuid()), Sender = content.Owner });
        var copy = new InstallationCopy(from, to);
        Assert.Equal(news + 2, await copy.CountBehind(Cancel));
        RoomPass pass = await copy.CopyRooms(Cancel);
        Assert.Equal((8, 2, news + 2), (pass.Rooms, pass.CopiedRooms, pass.Events));
        Assert.Equal(0, (await copy.CopyRooms(Cancel)).Events);
        Assert.Empty(await copy.CompareRooms(Cancel));

        // What the outbox still had when the server was stopped is known there too.
        RoomId last = new(Guid.NewGuid());
        TaskCompletionSource waiting = new();
        Task<MoveOutcome> move = new InstallationMove(
            from, to, new MoveOptions(Final: true, Wait: true), TimeProvider.System, say: sentence => _ = sentence.Contains("Waiting", StringComparison.Ordinal) && waiting.TrySetResult()).Run(Cancel);
        await waiting.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        await content.Do(new CreateRoom(RoomKind.Public, "last", null, []) { Tenant = content.Green, Room = last, Sender = content.Owner });
        await new SqliteDirectory(server).SetDisplayName(content.Green, content.Owner, "Renamed", Cancel);
        server.Dispose();
        MoveOutcome moved = await move.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.Equal((true, 9), (moved.Finished, moved.Rooms));
        await to.DisposeAsync();
        Assert.Equal(1, (await postgres.Serve().People.FindRoom(content.Green, content.Owner, last, Cancel))!.JoinedSeq - 1);
    }

    [Fact]
    public async Task Stopped_in_the_middle_nothing_is_served_there_and_the_same_again_finishes()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        InstallationContent content = await Fill(First, rooms: 8, messages: 600);
        string before = await Digest(First);
        using CancellationTokenSource stop = new();
        await using (PostgresInstallationArchive to = await postgres.Open())
        await using (SqliteInstallationArchive from = SqliteInstallationArchive.Open(First))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => new InstallationMove(from, to, AtOnce, TimeProvider.System, progress => Cancelled(progress.Events > 0, stop)).Run(stop.Token));
            Assert.Equal(InstallationState.ReceivesCopy, (await to.Directory.ReadInstallation(Cancel)).State);
            Assert.InRange((await InstallationCopy.Measure(to, Cancel)).Events, 1, 4_000);
        }

        // The source is as it was, and the copy belongs to nobody else.
        await Serve(First, (rooms, _) => rooms.Append([content.Send(content.Rooms[0], "went on")], Now, Cancel).AsTask());
        await Fill(Second, rooms: 1, messages: 1);
        await Assert.ThrowsAsync<ArchiveConflictException>(() => Move(Second, postgres));
        await Move(First, postgres);
        await using PostgresInstallationArchive done = await postgres.Open();
        Assert.NotEqual(before, await InstallationCopy.DigestOf(done, null, Cancel));
        Assert.Equal(await Digest(First), await InstallationCopy.DigestOf(done, null, Cancel));
    }

    [Fact]
    public async Task What_is_no_beginning_is_refused_by_its_id_and_copied_anew_when_that_is_wanted()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        InstallationContent content = await Fill(First, rooms: 3, messages: 4);
        await Move(First, postgres);

        // Both went on by themselves: the copy by one message more.
        await Serve(First, (_, _) => Task.FromResult(0), reopen: true);
        await Serve(First, (rooms, _) => rooms.Append([content.Send(content.Rooms[1], "here")], Now, Cancel).AsTask());
        await postgres.Serve().Rooms.Append([content.Send(content.Rooms[1], "there"), content.Send(content.Rooms[1], "and there")], Now, Cancel);
        postgres.Stop();
        ArchiveConflictException inUse = await Assert.ThrowsAsync<ArchiveConflictException>(() => Move(First, postgres));
        Assert.Contains("is in use", inUse.Message, StringComparison.Ordinal);
        await using (PostgresInstallationArchive to = await postgres.Open())
        {
            await to.BeginCopy((await to.Directory.ReadInstallation(Cancel)).Id, Cancel);
        }

        ArchiveConflictException refused = await Assert.ThrowsAsync<ArchiveConflictException>(() => Move(First, postgres));
        Assert.Contains(content.Rooms[1].ToString(), refused.Message, StringComparison.Ordinal);
        await Serve(First, (rooms, _) => rooms.Append([content.Send(content.Rooms[1], "as many")], Now, Cancel).AsTask());
        refused = await Assert.ThrowsAsync<ArchiveConflictException>(() => Move(First, postgres));
        Assert.Contains(content.Rooms[1].ToString(), refused.Message, StringComparison.Ordinal);
        await Move(First, postgres, AtOnce with { Replace = true });
        await using PostgresInstallationArchive done = await postgres.Open();
        Assert.Equal(await Digest(First), await InstallationCopy.DigestOf(done, null, Cancel));
    }

    [Fact]
    public async Task A_forgotten_server_on_PostgreSQL_is_fenced_until_it_is_reopened()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        InstallationContent content = await Fill(First, rooms: 2, messages: 2);
        await Move(First, postgres);
        (PostgresRoomStore rooms, PostgresDirectory people) = postgres.Serve();
        await rooms.Append([content.Send(content.Rooms[0], "alive")], Now, Cancel);
        await using PostgresInstallationArchive archive = await postgres.Open();
        Assert.Contains("sessions of the serving role", await archive.FindWriters(Cancel), StringComparison.Ordinal);

        await archive.Fence("elsewhere", Now, Cancel);
        await Assert.ThrowsAnyAsync<StorageUnavailableException>(async () => await rooms.Append([content.Send(content.Rooms[0], "too late")], Now, Cancel));
        await Assert.ThrowsAnyAsync<Exception>(async () => await people.SetDisplayName(content.Green, content.Owner, "too late", Cancel));
        Assert.Equal("Ann", (await people.FindUser(content.Green, content.Owner, Cancel))!.DisplayName);
        await archive.Fence("elsewhere", Now, Cancel);
        await archive.Reopen(Cancel);
        await archive.Reopen(Cancel);
        await people.SetDisplayName(content.Green, content.Owner, "in time", Cancel);

        // Who looked at the map again writes; who did not is turned away still.
        await Assert.ThrowsAnyAsync<StorageUnavailableException>(async () => await rooms.Append([content.Send(content.Rooms[0], "too late")], Now, Cancel));
        await postgres.Serve(epoch: 2).Rooms.Append([content.Send(content.Rooms[0], "in time")], Now, Cancel);
    }

    /// <summary>Until the last comparison has failed, a server that nobody saw can do nothing to the source; afterwards servers serve it again.</summary>
    [Fact]
    public async Task What_fails_in_the_last_part_leaves_the_source_to_be_served_again()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        await (await postgres.Open()).DisposeAsync();
        (PostgresRoomStore rooms, PostgresDirectory people) = postgres.Serve();
        var content = new InstallationContent(rooms, people);
        await content.Fill(count: 2, messages: 3);
        postgres.Stop();
        await using PostgresInstallationArchive from = await postgres.Open();
        await using SqliteInstallationArchive to = SqliteInstallationArchive.OpenOwned(First);
        IRoomStore? unseen = null;
        bool isHarmed = false;
        ArchiveConflictException e = await Assert.ThrowsAsync<ArchiveConflictException>(
            () => new InstallationMove(from, to, AtOnce, TimeProvider.System, Interfere, ServeAfterTheLook).Run(Cancel));
        Assert.Contains("table of Accounts differs", e.Message, StringComparison.Ordinal);
        Assert.Equal(
            (InstallationState.Served, InstallationState.ReceivesCopy), ((await from.Directory.ReadInstallation(Cancel)).State, (await to.Directory.ReadInstallation(Cancel)).State));
        postgres.Stop();

        // As a server that has read the map.
        long epoch;
        using (PostgresDatabase owner = PostgresDatabaseOf(postgres))
        {
            epoch = (await new PostgresShardMap(owner).Read(Cancel)).Slots[Slot.Of(content.Rooms[0])].Epoch;
        }

        (rooms, people) = postgres.Serve(epoch: epoch);
        Assert.Null((await rooms.Append([content.Send(content.Rooms[0], "in time")], Now, Cancel))[0].Refusal);
        await people.SetDisplayName(content.Green, content.Owner, "Renamed", Cancel);
        postgres.Stop();
        Assert.True((await new InstallationMove(from, to, AtOnce, TimeProvider.System).Run(Cancel)).Finished);
        Assert.Equal("Renamed", (await new SqliteDirectory(to.Database).FindUser(content.Green, content.Owner, Cancel))!.DisplayName);
        Assert.Equal(await InstallationCopy.DigestOf(from, null, Cancel), await InstallationCopy.DigestOf(to, null, Cancel));

        void ServeAfterTheLook(string sentence) => unseen = sentence.StartsWith("Nobody writes", StringComparison.Ordinal) ? postgres.Serve().Rooms : unseen;

        void Interfere(CopyProgress progress)
        {
            if (unseen is not null && !isHarmed && progress.Phase == CopyPhase.Verification)
            {
                isHarmed = true;
                Assert.ThrowsAny<StorageUnavailableException>(() => Await(() => unseen.Append([content.Send(content.Rooms[0], "too late")], Now, Cancel).AsTask()));
                Await(() => new SqliteDirectory(to.Database).SetDisplayName(content.Green, content.Owner, "Harmed", Cancel).AsTask());
            }
        }
    }

    [Fact]
    public async Task A_room_that_was_equal_is_compared_again_once_it_has_grown_and_one_of_another_epoch_is_refused()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        using var server = SqliteDatabase.Open(First);
        var content = new InstallationContent(new SqliteRoomStore(server), new SqliteDirectory(server));
        await content.Fill(count: 2, messages: 3);
        await using PostgresInstallationArchive to = await postgres.Open();
        await using SqliteInstallationArchive from = SqliteInstallationArchive.Open(First);
        await to.BeginCopy((await from.Directory.ReadInstallation(Cancel)).Id, Cancel);
        var copy = new InstallationCopy(from, to);
        await copy.CopyRooms(Cancel);
        Assert.Empty(await copy.CompareRooms(Cancel));
        await content.Write(content.Rooms[1], 1);
        string harm = PostgresServer.Shared.SuperuserConnection(postgres.Name);
        PostgresServer.Execute(harm, "UPDATE rooms.event SET text = 'harmed' WHERE text LIKE 'message 0%'");
        await copy.CopyRooms(Cancel);
        Assert.Equal([content.Rooms[1]], (await copy.CompareRooms(Cancel)).Select(room => room.Id));

        PostgresServer.Execute(harm, $"UPDATE rooms.room SET epoch = 2 WHERE id = '{content.Rooms[0]}'");
        Assert.Contains("restored from a backup", (await Assert.ThrowsAsync<ArchiveConflictException>(() => copy.CopyRooms(Cancel))).Message, StringComparison.Ordinal);
        Assert.Equal(2, (await copy.CompareRooms(Cancel)).Count);
    }

    [Fact]
    public async Task What_the_directory_forgets_the_copy_forgets_too()
    {
        using var server = SqliteDatabase.Open(First);
        var people = new SqliteDirectory(server);
        var content = new InstallationContent(new SqliteRoomStore(server), people);
        await content.Fill(count: 1, messages: 1);
        await using SqliteInstallationArchive to = SqliteInstallationArchive.OpenOwned(Second);
        await using SqliteInstallationArchive from = SqliteInstallationArchive.Open(First);
        await to.BeginCopy((await from.Directory.ReadInstallation(Cancel)).Id, Cancel);
        var copy = new InstallationCopy(from, to);
        await copy.CopyRooms(Cancel);
        await copy.CopyDirectory(Cancel);
        Assert.True((await copy.Verify(Cancel)).IsEqual);
        Assert.NotNull(await new SqliteDirectory(to.Database).FindSession(InstallationContent.Token, Now, Cancel));

        await people.EndOtherSessions(content.Green, content.Owner, kept: null, Cancel);
        Assert.Equal(["The directory's table of Sessions differs."], (await copy.Verify(Cancel)).Differences);
        Assert.Equal(1, await copy.CopyDirectory(Cancel));
        Assert.True((await copy.Verify(Cancel)).IsEqual);
        Assert.Null(await new SqliteDirectory(to.Database).FindSession(InstallationContent.Token, Now, Cancel));
    }

    [Fact]
    public async Task Rooms_of_another_installation_are_not_mixed_with_a_copy_and_nothing_is_changed()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        await Fill(First, rooms: 1, messages: 1);
        await Move(First, postgres);
        await using PostgresInstallationArchive to = await postgres.Open();
        Installation before = await to.Directory.ReadInstallation(Cancel);
        ArchiveConflictException e = await Assert.ThrowsAsync<ArchiveConflictException>(async () => await to.BeginCopy(Guid.NewGuid(), Cancel));
        Assert.Contains($"has rooms of the installation {before.Id}", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, await to.Directory.ReadInstallation(Cancel));
    }

    private static void Await(Func<Task> act) => Task.Run(act).GetAwaiter().GetResult();

    private static void Cancelled(bool now, CancellationTokenSource stop)
    {
        if (now)
        {
            stop.Cancel();
        }
    }

    private static PostgresDatabase PostgresDatabaseOf(PostgresInstallationUnderTest postgres) => PostgresDatabase.OpenAsOwner(postgres.Directory, PostgresParts.Directory);

    private static async Task Move(string folder, PostgresInstallationUnderTest postgres, MoveOptions? options = null)
    {
        await using PostgresInstallationArchive to = await postgres.Open();
        await using SqliteInstallationArchive from = SqliteInstallationArchive.Open(folder);
        Assert.True((await new InstallationMove(from, to, options ?? AtOnce, TimeProvider.System).Run(Cancel)).Finished);
    }

    private static async Task<InstallationContent> Fill(string folder, int rooms, int messages)
    {
        using var database = SqliteDatabase.Open(folder);
        var content = new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database));
        await content.Fill(rooms, messages);
        return content;
    }

    private static async Task<T> Serve<T>(string folder, Func<IRoomStore, IDirectory, Task<T>> use, bool reopen = false)
    {
        if (reopen)
        {
            await using SqliteInstallationArchive archive = SqliteInstallationArchive.OpenOwned(folder);
            await archive.Reopen(Cancel);
        }

        using var database = SqliteDatabase.Open(folder);
        SqliteInstallationArchive.Read(database).RefuseUnlessServed(folder);
        return await use(new SqliteRoomStore(database), new SqliteDirectory(database));
    }

    private static async Task RefusedToServe(string folder, string why)
    {
        StorageRefusedException refused = await Assert.ThrowsAsync<StorageRefusedException>(() => Serve(folder, (_, _) => Task.FromResult(0)));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    private static async Task<string> Digest(string folder)
    {
        await using SqliteInstallationArchive archive = SqliteInstallationArchive.Open(folder, readOnly: true);
        return await InstallationCopy.DigestOf(archive, null, Cancel);
    }
}
