using System.Text;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;

namespace Monstera.Tests.Data.Sqlite;

public sealed class SqliteDatabaseTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, TimeSpan.Zero);
    private static readonly TenantId Tenant = TenantId.New(Now);
    private static readonly RoomId Room = RoomId.New(Now);
    private static readonly UserId Ann = UserId.New(Now);

    private readonly SqliteStorage _storage = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _storage.Dispose();

    private static SendMessage Send(string text, int? clientId = null) =>
        new(text) { Tenant = Tenant, Room = Room, Sender = Ann, ClientId = clientId is { } n ? new ClientId(new Guid(n, 0, 0, new byte[8])) : null };

    private async Task<IReadOnlyList<AppendOutcome>> Append(params Draft[] drafts) => await _storage.Rooms.Append(drafts, Now, Cancel);

    private Task<IReadOnlyList<AppendOutcome>> MakeRoom() =>
        Append(new CreateRoom(RoomKind.Public, "General", null, []) { Tenant = Tenant, Room = Room, Sender = Ann });

    [Fact]
    public void The_engine_is_new_enough() => Assert.True(Version.Parse(SqliteDatabase.EngineVersion) >= new Version(3, 35, 5));

    [Fact]
    public async Task The_log_is_folded_beside_the_writing()
    {
        await MakeRoom();
        string text = new('x', 8_000);
        for (int i = 0; i < 200; i++)
        {
            await Append([.. Enumerable.Range(0, 50).Select(_ => Send(text))]);
        }

        // 80 MiB were written; a commit would fold not before 64.
        long log = new FileInfo(_storage.Database.Path + "-wal").Length;
        Assert.InRange(log, 1, (64 * 1024 * 1024) - 1);
        string intact = await _storage.Database.Write(
            connection =>
            {
                using SqliteStatement row = connection.Prepare(new SqliteQuery("PRAGMA integrity_check"));
                row.Step();
                return row.Text(0);
            },
            Cancel);
        Assert.Equal("ok", intact);
    }

    [Theory]
    [InlineData("PRAGMA journal_mode", "wal")]
    [InlineData("PRAGMA synchronous", "2")]
    [InlineData("PRAGMA foreign_keys", "1")]
    [InlineData("PRAGMA secure_delete", "1")]
    public async Task The_writer_is_set_for_durability(string pragma, string expected)
    {
        string actual = await _storage.Database.Write(
            connection =>
            {
                using SqliteStatement row = connection.Prepare(new SqliteQuery(pragma));
                row.Step();
                return row.Text(0);
            },
            Cancel);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public async Task A_reader_cannot_write() =>
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await _storage.Database.Read(
            connection => connection.Prepare(new SqliteQuery("UPDATE heartbeat SET beats = 0")).Run(), Cancel));

    [Fact]
    public void A_second_owner_is_refused_until_the_first_lets_go()
    {
        StorageRefusedException e = Assert.Throws<StorageRefusedException>(() => SqliteDatabase.Open(_storage.Folder));
        Assert.Contains(_storage.Database.Path, e.Message, StringComparison.Ordinal);
        Assert.Contains("in use by another server", e.Message, StringComparison.Ordinal);
        _storage.Reopen();
    }

    [Fact]
    public void A_database_has_one_room_store() =>
        Assert.Throws<InvalidOperationException>(() => new SqliteRoomStore(_storage.Database));

    [Fact]
    public async Task What_was_closed_says_so()
    {
        _storage.Database.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await _storage.Rooms.FindRoom(Tenant, Room, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await Append(Send("a")));
    }

    [Fact]
    public async Task A_batch_that_fails_leaves_no_trace_and_the_next_one_succeeds()
    {
        await MakeRoom();
        await Assert.ThrowsAsync<ArgumentException>(async () => await Append(
            Send("a", 1), new JoinRoom { Tenant = Tenant, Room = Room, Sender = UserId.New(Now.AddDays(1)) }, new Unheard { Tenant = Tenant, Room = Room, Sender = Ann }));
        IReadOnlyList<AppendOutcome> outcomes = await Append(Send("a", 1), Send("b"));
        Assert.Equal([3, 4], outcomes.Select(o => o.Seq));
        Assert.Equal(1, (await _storage.Rooms.FindRoom(Tenant, Room, Cancel))!.Members);
        Assert.Single(await _storage.Rooms.Outboxes[0].Read(10, Cancel));
    }

    [Fact]
    public async Task A_full_disk_is_unavailable_and_loses_nothing()
    {
        await MakeRoom();
        await Append(Send("before", 1));
        await _storage.Database.Write(connection => { connection.Execute("PRAGMA max_page_count = 1"); return 0; }, Cancel);
        Draft[] big = [.. Enumerable.Range(2, 200).Select(i => Send(new string('x', 1000), i))];
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Append(big));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Append(big));
        LogPage log = (await _storage.Rooms.ReadAfter(Tenant, Room, Ann, 0, 1000, int.MaxValue, Cancel))!;
        Assert.Equal((3, "before"), (log.Head, log.Events[^1].Text));

        await _storage.Database.Write(connection => { connection.Execute("PRAGMA max_page_count = 1000000"); return 0; }, Cancel);
        Assert.Equal(Enumerable.Range(4, 200).Select(i => (long)i), (await Append(big)).Select(o => o.Seq));
        Assert.Equal(3, (await Append(Send("before", 1)))[0].Seq);
    }

    /// <summary>A file system that is really full: a small tmpfs, where the test may mount one.</summary>
    [Fact]
    public async Task A_full_file_system_is_unavailable_and_works_again_when_there_is_room()
    {
        using var disk = SmallDisk.TryMount(out string? reason);
        Assert.SkipWhen(disk is null, reason ?? "");
        string data = Path.Combine(disk!.Folder, "data");
        string ballast = Path.Combine(disk.Folder, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[2 << 20], Cancel);
        using SqliteDatabase database = SqliteDatabase.Open(data);
        var rooms = new SqliteRoomStore(database);
        var directory = new SqliteDirectory(database);
        await rooms.Append([new CreateRoom(RoomKind.Public, "General", null, []) { Tenant = Tenant, Room = Room, Sender = Ann }], Now, Cancel);

        int n = 0;
        Draft[] Batch() => [.. Enumerable.Range(n * 50, 50).Select(i => Send(new string('x', 2000), i + 1))];
        StorageUnavailableException? full = null;
        while (full is null)
        {
            try
            {
                await rooms.Append(Batch(), Now, Cancel);
                Assert.True(n++ < 1000);
            }
            catch (StorageUnavailableException e)
            {
                full = e;
            }
        }

        Assert.True(n > 0);
        LogPage log = (await rooms.ReadAfter(Tenant, Room, Ann, 0, 10_000, int.MaxValue, Cancel))!;
        Assert.Equal(2 + (n * 50), log.Head);

        File.Delete(ballast);
        Assert.Equal(log.Head + 1, (await rooms.Append(Batch(), Now, Cancel))[0].Seq);
        await directory.ProveWritable(Cancel);
        n = 0;
        Assert.Equal(3, (await rooms.Append(Batch(), Now, Cancel))[0].Seq);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_unavailable()
    {
        string file = Path.Combine(_storage.Folder, "a-file");
        File.WriteAllText(file, "");
        Assert.Throws<StorageUnavailableException>(() => SqliteDatabase.Open(Path.Combine(file, "data")));
    }

    [Fact]
    public async Task A_call_that_was_cancelled_before_its_turn_does_nothing()
    {
        await MakeRoom();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _storage.Rooms.Append([Send("a")], Now, new CancellationToken(canceled: true)));
        Assert.Equal(2, (await _storage.Rooms.FindRoom(Tenant, Room, Cancel))!.Head);
    }

    /// <summary>
    /// Many rooms growing at once split and move the pages of the log again and again. What is deleted later must be in none of them, nor, once it was scrubbed, in the
    /// write-ahead log.
    /// </summary>
    [Fact]
    public async Task An_erased_text_is_nowhere_in_the_files()
    {
        const int RoomCount = 20;
        var random = new Random(7);
        RoomId[] rooms = [.. Enumerable.Range(0, RoomCount).Select(i => RoomId.New(Now.AddMinutes(i)))];
        await Append([.. rooms.Select(room => new CreateRoom(RoomKind.Public, "Room", null, []) { Tenant = Tenant, Room = room, Sender = Ann })]);
        List<(RoomId Room, long Seq)> doomed = [];
        for (int batch = 0; batch < 60; batch++)
        {
            Draft[] drafts = [.. Enumerable.Range(0, 32).Select(i => random.Next(10) switch
            {
                0 => Send($"DOOMED-{batch}-{i}-" + new string('d', random.Next(random.Next(2) == 0 ? 200 : 9000))) with { Room = rooms[random.Next(RoomCount)] },
                1 when doomed.Count > 0 && doomed[random.Next(doomed.Count)] is var d =>
                    (Draft)new EditMessage(d.Seq, $"DOOMED-{batch}-{i}-" + new string('e', random.Next(500))) { Tenant = Tenant, Room = d.Room, Sender = Ann },
                _ => Send("kept " + new string('k', random.Next(400))) with { Room = rooms[random.Next(RoomCount)] },
            })];
            IReadOnlyList<AppendOutcome> outcomes = await Append(drafts);
            doomed.AddRange(outcomes.SelectMany(o => o.Events)
                .Where(e => e.Type == EventType.MessageCreated && e.Text!.StartsWith("DOOMED", StringComparison.Ordinal)).Select(e => (e.Room, e.Seq)));
        }

        // First into the database file, so that there is something to erase.
        await _storage.Database.Write(_ => { _storage.Database.Erased(); return 0; }, Cancel);
        Assert.True(await _storage.Database.Scrub(Cancel));
        Assert.True(Grep("DOOMED") > doomed.Count / 2);

        foreach ((RoomId Room, long Seq)[] chunk in doomed.Chunk(16))
        {
            await Append([.. chunk.Select(d => new DeleteMessage(d.Seq) { Tenant = Tenant, Room = d.Room, Sender = Ann })]);
        }

        Assert.True(await _storage.Database.Scrub(Cancel));
        Assert.Equal(0, Grep("DOOMED"));
        Assert.Equal(0, Grep("dddddd"));
        Assert.Equal(0, Grep("eeeeee"));
        Assert.True(Grep("kept") > 500);
    }

    [Fact]
    public async Task Housekeeping_scrubs()
    {
        await MakeRoom();
        await Append(Send("DOOMED"));
        await Append(new DeleteMessage(3) { Tenant = Tenant, Room = Room, Sender = Ann });
        Assert.True(Grep("DOOMED") > 0);
        await _storage.Directory.RemoveExpired(Now, Cancel);
        Assert.Equal(0, Grep("DOOMED"));
    }

    /// <summary>How often the text stands in the files of the database, whatever SQLite thinks of the place.</summary>
    private int Grep(string text)
    {
        byte[] needle = Encoding.UTF8.GetBytes(text);
        int count = 0;
        foreach (string file in System.IO.Directory.GetFiles(_storage.Folder, SqliteDatabase.FileName + "*").Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            ReadOnlySpan<byte> rest = copy.ToArray();
            for (int at = rest.IndexOf(needle); at >= 0; at = rest.IndexOf(needle))
            {
                count++;
                rest = rest[(at + needle.Length)..];
            }
        }

        return count;
    }

    private sealed record Unheard : Draft;
}
