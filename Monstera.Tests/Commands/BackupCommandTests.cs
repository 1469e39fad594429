using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Data.Backups;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Commands;

/// <summary><c>monstera backup</c> and <c>restore</c> as they are shipped, beside the server as it is shipped and under load.</summary>
[Lengthy]
public sealed class BackupCommandTests : IDisposable
{
    private const string Nobody = "Host=127.0.0.1;Port=9;Database=monstera;Username=monstera;Password=hunter2";

    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;
    private readonly ConcurrentQueue<Acknowledged> _acknowledged = new();

    private string Target => Path.Combine(_folder, "backup");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task From_SQLite_under_load_what_was_acknowledged_before_comes_back_and_clients_that_were_further_on_start_anew()
    {
        string data = Path.Combine(_folder, "data");
        (RestClient ann, Guid room, long head, Acknowledged[] before) = await BackUp(data, ("DataFolder", data));

        // A fresh machine; then the same again in place of what is there.
        string fresh = Path.Combine(_folder, "fresh");
        Assert.Contains("Nothing was changed", await CommandProcess.Run(0, $"restore --dry-run --from {Target}", ("DataFolder", fresh)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(fresh));
        await CommandProcess.Run(0, $"restore --from {Target}", ("DataFolder", fresh));
        long first = await Check(fresh, [], ann, room, head, before);
        Assert.Contains("empty storage", await CommandProcess.Run(3, $"restore --from {Target}", ("DataFolder", fresh)), StringComparison.Ordinal);
        Assert.Contains("before-restore", await CommandProcess.Run(0, $"restore --replace --sign-everybody-out --from {Target}", ("DataFolder", fresh)), StringComparison.Ordinal);
        Assert.True(await Epoch(fresh) > first, "Restored twice, the same epoch: clients of the first would not notice.");
        await using ServerProcess server = await ServerProcess.Start(fresh);
        (await new RestClient(server.Address.GetLeftPart(UriPartial.Authority)) { Token = ann.Token }.Get("/api/me")).IsStatus(401);
        Assert.Contains("in use", await CommandProcess.Run(3, $"restore --replace --from {Target}", ("DataFolder", fresh)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task From_PostgreSQL_under_load_into_PostgreSQL_and_into_SQLite()
    {
        using PostgresInstallationUnderTest source = new(shards: 1);
        using PostgresInstallationUnderTest destination = new(shards: 1);
        string data = Path.Combine(_folder, "data");
        (RestClient ann, Guid room, long head, Acknowledged[] before) = await BackUp(data, [("Storage", "postgres"), .. source.Settings]);
        Assert.Equal([(0, 4_095, 0, 1L)], BackupManifest.Read(Target).Slots.Select(range => ((int)range.First, (int)range.Last, (int)range.Shard, range.Epoch)));

        (string, string)[] there = [("Storage", "postgres"), .. destination.Settings];
        await CommandProcess.Run(0, $"restore --from {Target}", there);
        await Check(data, there, ann, room, head, before);
        await CommandProcess.Run(3, $"restore --from {Target}", there);
        string fresh = Path.Combine(_folder, "fresh");
        await CommandProcess.Run(0, $"restore --from {Target}", ("DataFolder", fresh));
        await Check(fresh, [], ann, room, head, before);
    }

    [Fact]
    public async Task What_is_no_whole_backup_is_refused()
    {
        string data = Path.Combine(_folder, "data");
        using (SqliteDatabase database = SqliteDatabase.Open(data))
        {
            await new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database)).Fill(count: 3, messages: 20);
        }

        BackupManifest manifest = await Backup.OfSqlite(data, Target, "1", TimeProvider.System, null, TestContext.Current.CancellationToken);
        Assert.Equal((4, 2, 7), (manifest.Size.Rooms, manifest.Size.Accounts, manifest.Size.UserRooms));
        Assert.Equal([BackupManifest.FileName, SqliteDatabase.FileName], Directory.GetFiles(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string path in OperatingSystem.IsWindows() ? [] : Directory.GetFiles(Target))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(path).UnixFileMode);
        }

        Assert.Contains("Whole", await CommandProcess.Run(0, $"backup verify {Target}"), StringComparison.Ordinal);
        Assert.Contains("not empty", await CommandProcess.Run(3, $"backup --to {Target}", ("DataFolder", data)), StringComparison.Ordinal);

        // One byte of the file; then the hash made to fit it, with a text of a message changed.
        string file = Path.Combine(Target, SqliteDatabase.FileName);
        byte[] whole = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        byte[] text = "message 3"u8.ToArray();
        byte[] tampered = [.. whole];
        tampered[whole.AsSpan().IndexOf(text) + text.Length - 1] ^= 1;
        await File.WriteAllBytesAsync(file, tampered, TestContext.Current.CancellationToken);
        string fresh = Path.Combine(_folder, "fresh");
        Assert.Contains("SHA-256 differs", await CommandProcess.Run(3, $"restore --from {Target}", ("DataFolder", fresh)), StringComparison.Ordinal);
        string json = Path.Combine(Target, BackupManifest.FileName);
        string said = await File.ReadAllTextAsync(json, TestContext.Current.CancellationToken);
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(tampered));
        await File.WriteAllTextAsync(json, said.Replace(manifest.FileSha256, hash, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        Assert.Contains("does not have what", await CommandProcess.Run(3, $"backup verify {Target}"), StringComparison.Ordinal);
        await File.WriteAllTextAsync(json, said.Replace("\"rooms\": 4", "\"rooms\": 5", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(file, whole, TestContext.Current.CancellationToken);
        Assert.Contains("does not have what", await CommandProcess.Run(3, $"backup verify {Target}"), StringComparison.Ordinal);
        File.Delete(json);
        Assert.Contains("not finished", await CommandProcess.Run(3, $"restore --from {Target}", ("DataFolder", fresh)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(fresh));
    }

    [Fact]
    public async Task Without_a_name_it_goes_into_a_dated_folder_and_old_ones_go()
    {
        string data = Path.Combine(_folder, "data"), backups = Path.Combine(_folder, "backups");
        using (SqliteDatabase database = SqliteDatabase.Open(data))
        {
            await new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database)).Fill(count: 1, messages: 5);
        }

        (string, string)[] settings = [("DataFolder", data), ("Backups:Folder", backups), ("Backups:Keep", "2")];
        DateTimeOffset today = TimeProvider.System.GetUtcNow();
        string[] before = [.. Enumerable.Range(1, 3).Select(days => BackupFolder.PathOf(backups, today.AddDays(-days)))];
        foreach ((string path, int days) in before.Select((path, i) => (path, i + 1)))
        {
            await Backup.OfSqlite(data, path, "1", new FakeTime(today.AddDays(-days)), null, TestContext.Current.CancellationToken);
        }

        Assert.Contains("2 are kept", await CommandProcess.Run(0, "backup", settings), StringComparison.Ordinal);
        string[] left = [.. Directory.GetDirectories(backups).Order(StringComparer.Ordinal)];
        Assert.Equal([before[0], left[1]], left);
        Assert.Contains("Whole", await CommandProcess.Run(0, $"backup verify {left[1]}"), StringComparison.Ordinal);

        // Daily, in a process that runs on: today's is there, and nothing is made.
        using (CommandProcess daily = CommandProcess.Start("backup --daily-at 00:00", settings))
        {
            await Signal.Poll(() => daily.Output.Contains("Each day at 00:00 UTC", StringComparison.Ordinal), "the schedule");
            await daily.Interrupt();
            await daily.Ends(0);
        }

        // One that fails leaves nothing, and removes nothing.
        await CommandProcess.Run(1, "backup --keep 1", ("DataFolder", Path.Combine(_folder, "nothing")), ("Backups:Folder", backups));
        Assert.Equal(left, Directory.GetDirectories(backups).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetFiles(backups));
        await CommandProcess.Run(0, "backup --keep 0", settings);
        Assert.Equal(3, Directory.GetDirectories(backups).Length);

        // A folder that cannot be written, and a database that lets nobody in.
        string file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "x", TestContext.Current.CancellationToken);
        Assert.Contains("(Backups:Folder) cannot be written", await CommandProcess.Run(1, "backup", ("DataFolder", data), ("Backups:Folder", file)), StringComparison.Ordinal);
        string[] strings = ["Directory", "Owners:Directory", "Shards:0", "Owners:Shards:0"];
        string refused = await CommandProcess.Run(
            1, "backup", [("Storage", "postgres"), ("Backups:Folder", backups), .. strings.Select(name => ("ConnectionStrings:" + name, Nobody))]);
        Assert.DoesNotContain("hunter2", refused, StringComparison.Ordinal);
        Assert.Equal(3, Directory.GetFileSystemEntries(backups).Length);
    }

    [Theory]
    [InlineData("backup", "Monstera:Backups:Folder")]
    [InlineData("backup --to x --keep 3", "without --to")]
    [InlineData("backup --to x --daily-at 03:17", "without --to")]
    [InlineData("backup --keep many", "--keep")]
    [InlineData("backup --keep -1 --Monstera:Backups:Folder=/tmp/b", "--keep")]
    [InlineData("backup --daily-at 3pm --Monstera:Backups:Folder=/tmp/b", "03:17")]
    [InlineData("backup --Monstera:Backups:Keep=-1 --Monstera:Backups:Folder=/tmp/b", "Backups:Keep is '-1'")]
    [InlineData("backup --Monstera:DataFolder=/tmp/b --Monstera:Backups:Folder=/tmp/b", "a folder of its own")]
    public async Task What_makes_no_sense_is_said(string words, string says) => Assert.Contains(says, await CommandProcess.Run(2, words), StringComparison.Ordinal);

    /// <summary>A server under load, backed up and killed.</summary>
    /// <returns>The room's head at the end, which the backup has not, and what was acknowledged before it began.</returns>
    private async Task<(RestClient Ann, Guid Room, long Head, Acknowledged[] Before)> BackUp(string data, params (string, string)[] settings)
    {
        await using ServerProcess server = await ServerProcess.Start(data, settings);
        RestClient ann = new(server.Address.GetLeftPart(UriPartial.Authority));
        ann.SignedIn((await ann.Post("/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true })).IsStatus(201));
        Guid room = (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetGuid();
        await using ChatClient client = new(() => server.Address, () => ann.Token!);
        await client.Start();
        using CancellationTokenSource enough = new();
        Task writing = Write(client, room, enough.Token);
        await Signal.Poll(() => _acknowledged.Count > 100, "messages");
        Acknowledged[] before = [.. _acknowledged];
        string said = await CommandProcess.Run(0, $"backup --to {Target}", settings);
        Assert.Contains("Backed up 1 room", said, StringComparison.Ordinal);
        int then = _acknowledged.Count;
        await Signal.Poll(() => _acknowledged.Count > then + 20, "messages");
        await enough.CancelAsync();
        await writing;
        await server.Kill9();
        return (ann, room, _acknowledged.Max(one => one.Seq), before);
    }

    /// <returns>The room's epoch.</returns>
    private static async Task<long> Check(string folder, (string, string)[] settings, RestClient ann, Guid room, long head, Acknowledged[] before)
    {
        await using ServerProcess server = await ServerProcess.Start(folder, settings);
        RestClient here = new(server.Address.GetLeftPart(UriPartial.Authority)) { Token = ann.Token };
        (await here.Get("/api/me")).IsStatus(200);
        RoomLog log = await LogCheck.Read(server.Address, ann.Token!, room);
        LogCheck.KeepsOrder(log);
        LogCheck.Holds(log, before);
        Assert.True(log.Last < head, "The backup has what came after it: nothing was proven.");
        await using HubSocket hub = await HubSocket.Connect(server.Address, ann.Token);
        await hub.Hello();
        Assert.Equal("reset", (await hub.Resume(room, head, 1)).GetProperty("status").GetString());
        Assert.Equal("reset", (await hub.Resume(room, 5, 1)).GetProperty("status").GetString());
        Assert.Equal(log.Last + 1, (await hub.Send(room, "a new beginning")).Seq());
        Assert.True(log.Epoch > 1_700_000_000);
        return log.Epoch!.Value;
    }

    private static async Task<long> Epoch(string folder)
    {
        await using SqliteInstallationArchive archive = SqliteInstallationArchive.Open(folder, readOnly: true);
        return (await archive.Shards[0].Rooms.ReadRooms(null, null, 1, TestContext.Current.CancellationToken))[0].Epoch;
    }

    private async Task Write(ChatClient client, Guid room, CancellationToken enough)
    {
        for (int i = 0; !enough.IsCancellationRequested; i++)
        {
            string text = $"0:{i}";
            JsonElement answer = await client.Send(room, text);
            if (answer.Code() is null)
            {
                _acknowledged.Enqueue(new Acknowledged(client.User, text, answer.Seq()));
            }
        }
    }
}
