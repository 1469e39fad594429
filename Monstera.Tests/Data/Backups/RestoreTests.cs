using Monstera.Data.Archive;
using Monstera.Data.Backups;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Archive;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Backups;

public sealed class RestoreTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    private string Source => Path.Combine(_folder, "data");

    private string Target => Path.Combine(_folder, "backup");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Into_PostgreSQL_stopped_in_the_middle_it_goes_on_and_no_room_keeps_its_epoch()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 3);
        await postgres.SpreadSlots();
        InstallationContent content = await Fill(rooms: 12, messages: 500);
        BackupManifest manifest = await Backup.OfSqlite(Source, Target, "1", TimeProvider.System, null, Cancel);
        using CancellationTokenSource stop = new();
        await using (PostgresInstallationArchive to = await postgres.Open())
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Restore.Into(
                to, Target, TimeProvider.System, signEverybodyOut: false, progress => StopAt(progress is { Phase: CopyPhase.Rooms, Events: > 0 }, stop), stop.Token));
            Assert.Equal(InstallationState.ReceivesCopy, (await to.Directory.ReadInstallation(Cancel)).State);
            Assert.InRange((await InstallationCopy.Measure(to, Cancel)).Events, 1, manifest.Size.Events - 1);
        }

        await using PostgresInstallationArchive done = await postgres.Open();
        await Restore.Into(done, Target, TimeProvider.System, signEverybodyOut: true, null, Cancel);
        Installation installation = await done.Directory.ReadInstallation(Cancel);
        Assert.Equal((manifest.Installation, InstallationState.Served), (installation.Id, installation.State));
        Assert.Equal(manifest.Size with { Sessions = 0 }, await InstallationCopy.Measure(done, Cancel));
        foreach (ShardArchive shard in done.Shards)
        {
            IReadOnlyList<ArchivedRoom> rooms = await shard.Rooms.ReadRooms(null, null, 100, Cancel);
            Assert.NotEmpty(rooms);
            Assert.All(rooms, room => Assert.True(room.Epoch > 1_700_000_000));
            Assert.All(rooms, room => Assert.Equal(shard, done.Shards.Single(one => one.Slots!.Contains(Slot.Of(room.Id)))));
        }

        // In use now: nothing is restored over it.
        await Assert.ThrowsAsync<ArchiveConflictException>(() => Restore.Into(done, Target, TimeProvider.System, signEverybodyOut: false, null, Cancel));
        Assert.Contains(content.Rooms[0], (await done.Shards[postgres.ShardOf(content.Rooms[0])].Rooms.ReadRooms(null, null, 100, Cancel)).Select(room => room.Id));
    }

    [Fact]
    public async Task A_directory_that_was_read_later_than_the_rooms_is_cut_to_their_logs()
    {
        InstallationContent content = await Fill(rooms: 2, messages: 3);
        using var database = SqliteDatabase.Open(Source);
        var directory = new SqliteDirectory(database);
        (RoomId room, UserId owner) = (content.Rooms[1], content.Owner);
        UserRoom before = (await directory.FindRoom(content.Green, owner, room, Cancel))!;
        var stranger = new UserId(Id(81));
        RoomId later = new(Id(82));
        await directory.ApplyMemberships(
            [
                // Left, joined by somebody, and a room made: all after the last event that the backup has.
                new MembershipChange(1, content.Green, owner, room, 90, false, Now.AddDays(1)), new MembershipChange(2, content.Green, stranger, room, 91, true, Now.AddDays(1)),
                new MembershipChange(3, content.Green, owner, later, 2, true, Now.AddDays(1)),
            ],
            Cancel);
        await directory.MarkRead(content.Green, owner, content.Rooms[0], 1_000, Cancel);

        await SqliteFile.CutToHeads(database, Cancel);
        Assert.Equal(before, await directory.FindRoom(content.Green, owner, room, Cancel));
        Assert.Null(await directory.FindRoom(content.Green, stranger, room, Cancel));
        Assert.Null(await directory.FindRoom(content.Green, owner, later, Cancel));
        long head = (await new SqliteRoomArchive(database).ReadRooms(null, null, 100, Cancel)).Single(one => one.Id == content.Rooms[0]).Head;
        Assert.Equal(head, (await directory.FindRoom(content.Green, owner, content.Rooms[0], Cancel))!.ReadSeq);
    }

    /// <summary>Who wrote is known, memberships that waited are there, and the directory knows nothing that the rooms do not.</summary>
    [Fact]
    public async Task What_comes_while_a_backup_is_copied_is_in_it_with_all_it_needs_or_not_at_all()
    {
        using var server = SqliteDatabase.Open(Source);
        var directory = new SqliteDirectory(server);
        var content = new InstallationContent(new SqliteRoomStore(server), directory);
        await content.Fill(count: 2, messages: 3);
        (RoomId waiting, RoomId late) = (new RoomId(Guid.NewGuid()), new RoomId(Guid.NewGuid()));
        await content.Do(Create(waiting) with { Tenant = content.Green, Sender = content.Owner });
        (User? guest, bool isLate) = (null, false);
        await using (SqliteInstallationArchive source = SqliteInstallationArchive.Open(Source))
        {
            await Backup.Of(source, "sqlite", [], Target, "1", TimeProvider.System, Meanwhile, Cancel);
        }

        await Backup.Verify(Target, null, Cancel);
        using SqliteDatabase made = SqliteDatabase.OpenReadOnly(Target);
        var there = new SqliteDirectory(made);
        Assert.NotNull(await new SqliteRoomStore(made).FindMember(content.Green, content.Rooms[0], guest!.Id, Cancel));
        Assert.Equal("Guest", (await there.FindUser(content.Green, guest.Id, Cancel))?.DisplayName);
        Assert.NotNull(await there.FindRoom(content.Green, content.Owner, waiting, Cancel));
        Assert.True(isLate);
        Assert.Null(await there.FindRoom(content.Green, content.Owner, late, Cancel));

        void Meanwhile(CopyProgress progress)
        {
            if (progress.Phase == CopyPhase.Rooms && guest is null)
            {
                guest = Await(() => directory.EnsureExternalUser(content.Green, "crm|8", "Guest", Now, Cancel).AsTask());
                Await(() => content.Do(new AddMember(guest.Id, RoomRole.Member) { Tenant = content.Green, Room = content.Rooms[0], Sender = content.Owner }));
            }
            else if (progress.Phase == CopyPhase.Directory && !isLate)
            {
                isLate = Await(async () =>
                {
                    await content.Do(Create(late) with { Tenant = content.Green, Sender = content.Owner });
                    await directory.ApplyMemberships([new MembershipChange(1, content.Green, content.Owner, late, 2, true, Now)], Cancel);
                    return true;
                });
            }
        }
    }

    [Fact]
    public async Task What_is_not_served_is_not_backed_up()
    {
        await Fill(rooms: 1, messages: 1);
        await using SqliteInstallationArchive source = SqliteInstallationArchive.OpenOwned(Source);
        await source.MarkMoved("elsewhere", Now, Cancel);
        await Assert.ThrowsAsync<ArchiveConflictException>(() => Backup.OfSqlite(Source, Target, "1", TimeProvider.System, null, Cancel));
        await Assert.ThrowsAsync<ArchiveConflictException>(() => Backup.Of(source, "sqlite", [], Target, "1", TimeProvider.System, null, Cancel));
        Assert.False(System.IO.Directory.Exists(Target));
    }

    [Fact]
    public async Task What_was_restored_and_is_not_the_backup_is_not_served()
    {
        InstallationContent content = await Fill(rooms: 2, messages: 3);
        RoomId waiting = new(Guid.NewGuid());
        using (var database = SqliteDatabase.Open(Source))
        {
            await new SqliteRoomStore(database).Append([Create(waiting) with { Tenant = content.Green, Sender = content.Owner }], Now, Cancel);
        }

        await Backup.OfSqlite(Source, Target, "1", TimeProvider.System, null, Cancel);
        await using SqliteInstallationArchive to = SqliteInstallationArchive.OpenOwned(Path.Combine(_folder, "fresh"));
        var people = new SqliteDirectory(to.Database);
        (bool isCopied, bool isHarmed) = (false, false);
        ArchiveConflictException e = await Assert.ThrowsAsync<ArchiveConflictException>(() => Restore.Into(to, Target, TimeProvider.System, signEverybodyOut: false, Harm, Cancel));
        Assert.Contains("table of Accounts differs", e.Message, StringComparison.Ordinal);
        Assert.Equal(InstallationState.ReceivesCopy, (await to.Directory.ReadInstallation(Cancel)).State);

        // The same again mends it. What waited for the directory is in it: nothing waits here.
        await Restore.Into(to, Target, TimeProvider.System, signEverybodyOut: false, null, Cancel);
        Assert.Equal("Ann", (await people.FindUser(content.Green, content.Owner, Cancel))!.DisplayName);
        Assert.NotNull(await people.FindRoom(content.Green, content.Owner, waiting, Cancel));

        void Harm(CopyProgress progress)
        {
            isCopied |= progress.Phase == CopyPhase.Directory;
            if (isCopied && !isHarmed && progress.Phase == CopyPhase.Verification)
            {
                isHarmed = Await(async () =>
                {
                    await people.SetDisplayName(content.Green, content.Owner, "Harmed", Cancel);
                    return true;
                });
            }
        }
    }

    private static T Await<T>(Func<Task<T>> act) => Task.Run(act).GetAwaiter().GetResult();

    private static void StopAt(bool now, CancellationTokenSource stop)
    {
        if (now)
        {
            stop.Cancel();
        }
    }

    private async Task<InstallationContent> Fill(int rooms, int messages)
    {
        using var database = SqliteDatabase.Open(Source);
        var content = new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database));
        await content.Fill(rooms, messages);
        return content;
    }
}
