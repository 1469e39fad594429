using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Backups;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Data.Sqlite;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Backups;

/// <summary>A backup that is being made, and what is left of one that was killed.</summary>
public sealed class BackupInProgressTests : IDisposable
{
    private static readonly DateTimeOffset Night = new(2026, 11, 21, 3, 17, 5, TimeSpan.Zero);

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    private string Data => Path.Combine(_folder, "data");

    private string Backups => Path.Combine(_folder, "backups");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task It_is_no_backup_before_it_is_finished_and_nobody_touches_it_meanwhile()
    {
        Guid installation = await Fill();
        BackupManifest finished;
        using (BackupInProgress first = BackupInProgress.Begin(Backups, Night))
        {
            finished = await Make(first.Path);
        }

        Assert.Equal([PathOf(Night)], Entries());
        using (BackupInProgress second = BackupInProgress.Begin(Backups, Night.AddDays(1)))
        {
            System.IO.Directory.CreateDirectory(second.Path);
            await File.WriteAllTextAsync(Path.Combine(second.Path, SqliteDatabase.FileName), "half", Cancel);

            // Others begin and end beside it.
            BackupInProgress.Begin(Backups, Night.AddDays(2)).Dispose();
            Assert.True(File.Exists(Path.Combine(second.Path, SqliteDatabase.FileName)));
            Assert.Equal(PathOf(Night), BackupFolder.Newest(Backups, installation, Night.AddYears(1))!.Value.Path);
            BackupRemoval removal = BackupFolder.RemoveOlder(Backups, finished, keep: 1);
            Assert.Empty(removal.Left);
            Assert.Empty(removal.Removed);

            // In the same second: the next name.
            using BackupInProgress third = BackupInProgress.Begin(Backups, Night.AddDays(1));
            Assert.Equal(PathOf(Night.AddDays(1).AddSeconds(1)), third.Path);
        }

        // It failed: nothing is left of it. And what is there is not made again.
        Assert.Equal([PathOf(Night)], Entries());
        BackupInProgress.Begin(Backups, Night).Dispose();
        Assert.Equal([PathOf(Night)], Entries());
        for (int second = 1; second < 60; second++)
        {
            System.IO.Directory.CreateDirectory(PathOf(Night.AddSeconds(second)));
        }

        Assert.Throws<ArchiveConflictException>(() => BackupInProgress.Begin(Backups, Night));
    }

    [Fact]
    public async Task What_a_killed_one_left_is_taken_away_by_the_next_and_nothing_else()
    {
        await Fill();
        string killed = Killed(Night), early = PathOf(Night.AddDays(1)), late = PathOf(Night.AddDays(2)), annotated = Killed(Night.AddDays(3));
        await File.WriteAllTextAsync(Path.Combine(annotated, "why.txt"), "x", Cancel);

        // Killed before it had a folder; after it was finished; and what is not ours, though it is called so.
        await File.WriteAllTextAsync(early + ".unfinished", "", Cancel);
        await Make(late);
        await File.WriteAllTextAsync(late + ".unfinished", "", Cancel);
        await File.WriteAllTextAsync(Path.Combine(Backups, "letter.unfinished"), "", Cancel);
        string unmarked = PathOf(Night.AddDays(4)), elsewhere = Path.Combine(_folder, "elsewhere"), link = PathOf(Night.AddDays(5));
        foreach (string folder in new[] { unmarked, elsewhere })
        {
            System.IO.Directory.CreateDirectory(folder);
            await File.WriteAllTextAsync(Path.Combine(folder, SqliteDatabase.FileName), "x", Cancel);
        }

        System.IO.Directory.CreateSymbolicLink(link, elsewhere);
        await File.WriteAllTextAsync(link + ".unfinished", "", Cancel);

        BackupInProgress.Begin(Backups, Night.AddDays(9)).Dispose();
        Assert.False(System.IO.Directory.Exists(killed));
        Assert.Equal([late, annotated, unmarked, link, Path.Combine(Backups, "letter.unfinished")], Entries());
        Assert.Equal(["why.txt"], System.IO.Directory.GetFiles(annotated).Select(Path.GetFileName));
        Assert.True(File.Exists(Path.Combine(elsewhere, SqliteDatabase.FileName)));
        await Backup.Verify(late, null, Cancel);
    }

    [Fact]
    public async Task Where_nobody_may_write_it_says_which_folder_that_is()
    {
        await File.WriteAllTextAsync(Backups, "", Cancel);
        Assert.Contains("(Backups:Folder) cannot be written", Assert.Throws<StorageUnavailableException>(() => BackupInProgress.Begin(Backups, Night)).Message, StringComparison.Ordinal);
    }

    /// <summary>Those before stay whole, the node tells their age, and what a killed one had filled is free before the next needs it.</summary>
    [Fact]
    public async Task A_full_disk_is_told_and_costs_no_backup_that_is_there()
    {
        using SmallDisk? disk = SmallDisk.TryMount(out string? reason);
        Requires.WhereThereIs(disk is not null, reason!);
        Guid installation = await Fill(messages: 18_000);
        string backups = Path.Combine(disk!.Folder, "backups");
        (string, string)[] settings = [("DataFolder", Data), ("Backups:Folder", backups)];
        await CommandProcess.Run(0, "backup", settings);
        string first = Assert.Single(System.IO.Directory.GetDirectories(backups));
        long size = new FileInfo(Path.Combine(first, SqliteDatabase.FileName)).Length;
        Assert.InRange(size, 2_200_000, 5_500_000);
        await File.WriteAllBytesAsync(Path.Combine(disk.Folder, "filler"), new byte[(6 << 20) - size - (1 << 20)], Cancel);
        Assert.Contains("full", await CommandProcess.Run(1, "backup --keep 1", settings), StringComparison.Ordinal);
        Assert.Equal([first], System.IO.Directory.GetFileSystemEntries(backups));
        Assert.Equal(first, BackupFolder.Newest(backups, installation, TimeProvider.System.GetUtcNow())!.Value.Path);
        await CommandProcess.Run(0, $"backup verify {first}");

        // Half of one that was killed lies there; with it there is no room.
        File.Delete(Path.Combine(disk.Folder, "filler"));
        System.IO.Directory.Delete(first, recursive: true);
        string killed = BackupFolder.PathOf(backups, Night);
        System.IO.Directory.CreateDirectory(killed);
        await File.WriteAllTextAsync(killed + ".unfinished", "", Cancel);
        await File.WriteAllBytesAsync(Path.Combine(killed, SqliteDatabase.FileName), new byte[(6 << 20) - (size / 2)], Cancel);
        await CommandProcess.Run(0, "backup", settings);
        Assert.NotEqual(killed, Assert.Single(System.IO.Directory.GetFileSystemEntries(backups)));
    }

    private async Task<Guid> Fill(int messages = 1)
    {
        using var database = SqliteDatabase.Open(Data);
        await new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database)).Fill(count: 1, messages);
        return SqliteInstallationArchive.Read(database).Id;
    }

    private Task<BackupManifest> Make(string path) => Backup.OfSqlite(Data, path, "1", new FakeTime(Night), null, Cancel);

    /// <summary>As one leaves it that ended in the middle, however it ended: what it had written, and the mark that nobody holds any more.</summary>
    private string Killed(DateTimeOffset at)
    {
        string path = PathOf(at);
        System.IO.Directory.CreateDirectory(path);
        foreach (string file in new[] { SqliteDatabase.FileName, SqliteDatabase.FileName + "-journal", BackupManifest.FileName + ".partial" })
        {
            File.WriteAllText(Path.Combine(path, file), "half");
        }

        File.WriteAllText(path + ".unfinished", "");
        return path;
    }

    private string PathOf(DateTimeOffset at) => BackupFolder.PathOf(Backups, at);

    private string[] Entries() => [.. System.IO.Directory.GetFileSystemEntries(Backups).Order(StringComparer.Ordinal)];
}
