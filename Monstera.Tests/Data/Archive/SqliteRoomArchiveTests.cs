using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Postgres;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

public sealed class SqliteRoomArchiveTests : RoomArchiveContract
{
    protected override ArchiveUnderTest Open() => new SqliteArchiveUnderTest();

    protected override ArchiveUnderTest OpenOther() => new PostgresArchiveUnderTest();

    [Fact]
    public async Task A_file_is_read_beside_the_server_that_writes_it()
    {
        string folder = ((SqliteArchiveUnderTest)From).Folder;
        IRoomStore store = From.Storage.Rooms;
        await store.Append([Create(Room(1)), Send(Room(1), "a")], Now, Cancel);
        using (SqliteDatabase beside = SqliteDatabase.OpenReadOnly(folder))
        {
            var archive = new SqliteRoomArchive(beside, receivesCopy: true);
            Assert.Equal(3, (await archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel)).Count);
            await store.Append([Send(Room(1), "b")], Now, Cancel);
            Assert.Equal(4, Assert.Single(await archive.ReadRooms(null, null, 10, Cancel)).Head);
            Assert.Equal(await From.Archive.Digest(Tenant, Room(1), Cancel), await archive.Digest(Tenant, Room(1), Cancel));
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await archive.Remove(Tenant, [Room(1)], Cancel));
        }

        // Its end disturbs nobody.
        Assert.Equal(5, (await store.Do(Send(Room(1), "c"))).Seq);
    }

    /// <summary>After a crash the log beside the file holds what was acknowledged: it is read, and left to the server that comes back.</summary>
    [Fact]
    public async Task A_file_that_a_crash_left_is_read_and_left_as_it_is()
    {
        await From.Storage.Rooms.Append([Create(Room(1)), Send(Room(1), "a")], Now, Cancel);
        string crashed = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
        try
        {
            foreach (string end in new[] { "", "-wal" })
            {
                File.Copy(Path.Combine(((SqliteArchiveUnderTest)From).Folder, SqliteDatabase.FileName + end), Path.Combine(crashed, SqliteDatabase.FileName + end));
            }

            byte[] before = await File.ReadAllBytesAsync(Path.Combine(crashed, SqliteDatabase.FileName), Cancel);
            using (SqliteDatabase beside = SqliteDatabase.OpenReadOnly(crashed))
            {
                Assert.Equal(3, (await new SqliteRoomArchive(beside).ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel)).Count);
            }

            Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(crashed, SqliteDatabase.FileName), Cancel));
            using SqliteDatabase back = SqliteDatabase.Open(crashed);
            Assert.Equal(3, (await new SqliteRoomArchive(back).ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel)).Count);
        }
        finally
        {
            System.IO.Directory.Delete(crashed, recursive: true);
        }
    }

    [Fact]
    public void For_reading_alone_there_must_be_a_file_of_todays_schema()
    {
        string folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
        try
        {
            Assert.Throws<StorageUnavailableException>(() => SqliteDatabase.OpenReadOnly(folder));
            Assert.Empty(System.IO.Directory.GetFiles(folder));
            SqliteDatabase.Open(folder, [.. SqliteMigrations.Embedded.Take(1)]).Dispose();
            Assert.Throws<StorageRefusedException>(() => SqliteDatabase.OpenReadOnly(folder));
            SqliteDatabase.Open(folder).Dispose();
            SqliteDatabase.OpenReadOnly(folder).Dispose();
        }
        finally
        {
            System.IO.Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The store remembers rooms and members between its calls; what an archive wrote meanwhile counts.</summary>
    [Fact]
    public async Task The_store_of_the_same_database_notices_what_was_written()
    {
        IRoomStore copy = To(true).Storage.Rooms;
        await From.Storage.Rooms.Append([Create(Room(1)), Send(Room(1), "a")], Now, Cancel);
        await CopyNew(0);
        Assert.Equal(RefusalCode.NotFound, (await copy.Do(Send(Room(1), "x") with { Sender = Bob })).Refusal?.Code);

        await From.Storage.Rooms.Append([new AddMember(Bob, RoomRole.Member) { Tenant = Tenant, Room = Room(1), Sender = Ann }, Send(Room(1), "b")], Now, Cancel);
        await CopyNew(3);
        Assert.Equal(6, (await copy.Do(Send(Room(1), "x") with { Sender = Bob })).Seq);

        await To(true).Archive.Remove(Tenant, [Room(1)], Cancel);
        Assert.Equal(RefusalCode.NotFound, (await copy.Do(Send(Room(1), "x"))).Refusal?.Code);

        async Task CopyNew(long after) => await To(true).Archive.Write(
            [new LogPart(Room(1), Tenant, 1, await From.Archive.ReadLog(Tenant, Room(1), after, 100, int.MaxValue, Cancel))], Cancel);
    }
}
