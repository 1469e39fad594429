using Monstera.Data.Backups;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Backups;

public sealed class BackupFolderTests : IDisposable
{
    private static readonly DateTimeOffset Night = new(2026, 11, 21, 3, 17, 5, TimeSpan.Zero);

    private static readonly DateTimeOffset Later = Night.AddYears(1);

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    private string Backups => Path.Combine(_folder, "backups");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_is_named_by_the_time_in_UTC() =>
        Assert.Equal(Path.Combine(Backups, "2026-11-21T031705Z"), BackupFolder.PathOf(Backups, Night.ToOffset(TimeSpan.FromHours(9))));

    [Fact]
    public async Task The_newest_finished_one_of_the_installation_is_found_whatever_else_lies_there()
    {
        Guid ours = await Fill("data"), theirs = await Fill("other");
        Assert.Throws<System.IO.DirectoryNotFoundException>(() => BackupFolder.Newest(Backups, ours, Later));
        System.IO.Directory.CreateDirectory(Backups);
        Assert.Null(BackupFolder.Newest(Backups, ours, Later));
        await Make("data", Night);
        await Make("data", Night.AddDays(1));
        await Make("other", Night.AddDays(2));
        File.Delete(Path.Combine(await Make("data", Night.AddDays(3)), BackupManifest.FileName));
        await File.WriteAllTextAsync(Path.Combine(await Make("data", Night.AddDays(4)), BackupManifest.FileName), "{", Cancel);
        System.IO.Directory.Move(await Make("data", Night.AddDays(5)), Path.Combine(Backups, "by-hand"));
        Assert.Equal(Night.AddDays(1), BackupFolder.Newest(Backups, ours, Later)!.Value.Manifest.At);
        Assert.Equal(Night.AddDays(2), BackupFolder.Newest(Backups, theirs, Later)!.Value.Manifest.At);
    }

    [Fact]
    public async Task Only_older_finished_ones_of_the_same_installation_are_removed()
    {
        await Fill("data");
        await Fill("other");
        string[] nights = [.. await Task.WhenAll(Enumerable.Range(0, 5).Select(night => Make("data", Night.AddDays(night))))];
        string[] leftAlone =
        [
            await Make("other", Night.AddDays(-3)),
            Rename(await Make("data", Night.AddDays(-4)), "by-hand"),
            await Unfinished(Night.AddDays(-5)),
            Link(await Make("data", Night.AddDays(-6), Path.Combine(_folder, "elsewhere")), Night.AddDays(-7)),
        ];
        string annotated = await Make("data", Night.AddDays(-8));
        await File.WriteAllTextAsync(Path.Combine(annotated, "why.txt"), "before the great move", Cancel);

        // Made on the fourth night: the fifth is newer, whoever made it.
        BackupRemoval removal = BackupFolder.RemoveOlder(Backups, BackupManifest.Read(nights[3]), keep: 3);
        Assert.Equal([nights[0]], removal.Removed);
        Assert.Equal([annotated, leftAlone[2]], removal.Left.Where(one => one.Path != nights[4]).Select(one => one.Path).Order(StringComparer.Ordinal));
        Assert.Equal([.. leftAlone, annotated, .. nights[1..]], All(leftAlone.Append(annotated).Concat(nights)));
        Assert.True(File.Exists(Path.Combine(leftAlone[3], BackupManifest.FileName)));

        Assert.Equal(
            ["it has other files in it", "it is no finished backup", "it is from a time that has not come yet"],
            new[] { annotated, leftAlone[2], nights[4] }.Select(path => removal.Left.Single(one => one.Path == path).Why));

        // As many as are to be kept, or fewer: nothing happens.
        Assert.Empty(BackupFolder.RemoveOlder(Backups, BackupManifest.Read(nights[3]), keep: 3).Removed);
        Assert.Equal([nights[2], nights[1]], BackupFolder.RemoveOlder(Backups, BackupManifest.Read(nights[3]), keep: 1).Removed);
        await Backup.Verify(nights[3], null, Cancel);
    }

    [Fact]
    public async Task A_removal_that_was_stopped_is_gone_on_with_and_is_no_backup_meanwhile()
    {
        Guid installation = await Fill("data");
        string half = Rename(await Make("data", Night), "2026-11-21T031705Z.removing");
        File.Delete(Path.Combine(half, SqliteDatabase.FileName));
        string foreign = Path.Combine(Backups, "2026-11-20T031705Z.removing");
        System.IO.Directory.CreateDirectory(foreign);
        Assert.Null(BackupFolder.Newest(Backups, installation, Later));
        string made = await Make("data", Night.AddDays(1));
        Assert.Empty(BackupFolder.RemoveOlder(Backups, BackupManifest.Read(made), keep: 9).Removed);
        Assert.Equal([foreign, made], System.IO.Directory.GetDirectories(Backups).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_a_failed_one_left_is_taken_away_and_a_finished_one_never()
    {
        await Fill("data");
        string unfinished = await Unfinished(Night), finished = await Make("data", Night.AddDays(1)), annotated = await Unfinished(Night.AddDays(2));
        await File.WriteAllTextAsync(Path.Combine(unfinished, SqliteDatabase.FileName + "-wal"), "x", Cancel);
        await File.WriteAllTextAsync(Path.Combine(annotated, "why.txt"), "x", Cancel);
        foreach (string path in new[] { unfinished, finished, annotated, Path.Combine(Backups, "nothing") })
        {
            BackupFolder.Discard(path);
        }

        Assert.Equal([finished, annotated], System.IO.Directory.GetDirectories(Backups).Order(StringComparer.Ordinal));
        Assert.Equal("why.txt", Path.GetFileName(Assert.Single(System.IO.Directory.GetFiles(annotated))));
        await Backup.Verify(finished, null, Cancel);
    }

    /// <summary>A clock that was wrong for a while: what it has made does not hide for years that no others are made, and is not thrown away either.</summary>
    [Fact]
    public async Task One_from_a_time_that_has_not_come_does_not_count_as_the_newest_and_is_named()
    {
        Guid installation = await Fill("data");
        string today = await Make("data", Night), tomorrow = await Make("data", Night.AddDays(1)), soon = await Make("data", Night.AddMinutes(10));
        Assert.Equal(soon, BackupFolder.Newest(Backups, installation, Night)!.Value.Path);
        System.IO.Directory.Delete(soon, recursive: true);
        Assert.Equal(today, BackupFolder.Newest(Backups, installation, Night)!.Value.Path);
        Assert.Equal(tomorrow, BackupFolder.Newest(Backups, installation, Night.AddDays(1))!.Value.Path);
        Assert.Null(BackupFolder.Newest(Backups, installation, Night.AddDays(-1)));
        BackupRemoval removal = BackupFolder.RemoveOlder(Backups, BackupManifest.Read(today), keep: 1);
        Assert.Empty(removal.Removed);
        Assert.Equal(tomorrow, Assert.Single(removal.Left).Path);
    }

    /// <summary>What says that it is a backup and has no file is none, whatever lies about.</summary>
    [Fact]
    public async Task One_without_its_file_is_neither_the_newest_nor_one_of_those_that_are_kept()
    {
        Guid installation = await Fill("data");
        string good = await Make("data", Night), hollow = await Make("data", Night.AddDays(1)), made = await Make("data", Night.AddDays(2));
        File.Delete(Path.Combine(hollow, SqliteDatabase.FileName));
        BackupRemoval removal = BackupFolder.RemoveOlder(Backups, BackupManifest.Read(made), keep: 2);
        Assert.Empty(removal.Removed);
        Assert.Equal(hollow, Assert.Single(removal.Left).Path);
        System.IO.Directory.Delete(made, recursive: true);
        Assert.Equal(good, BackupFolder.Newest(Backups, installation, Later)!.Value.Path);
    }

    [Fact]
    public async Task Several_that_remove_at_once_do_not_stumble_over_each_other()
    {
        await Fill("data");
        await Task.WhenAll(Enumerable.Range(0, 12).Select(night => Make("data", Night.AddDays(night))));
        BackupManifest made = BackupManifest.Read(BackupFolder.PathOf(Backups, Night.AddDays(11)));
        BackupRemoval[] removals = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => BackupFolder.RemoveOlder(Backups, made, keep: 2), Cancel)));
        Assert.Empty(removals.SelectMany(removal => removal.Left));
        Assert.Equal([BackupFolder.PathOf(Backups, Night.AddDays(10)), BackupFolder.PathOf(Backups, Night.AddDays(11))], System.IO.Directory.GetDirectories(Backups).Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> All(IEnumerable<string> paths) => paths.Where(System.IO.Directory.Exists);

    private static string Link(string target, DateTimeOffset at)
    {
        string path = BackupFolder.PathOf(Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(target))!, "backups"), at);
        System.IO.Directory.CreateSymbolicLink(path, target);
        return path;
    }

    private string Rename(string path, string name)
    {
        System.IO.Directory.Move(path, Path.Combine(Backups, name));
        return Path.Combine(Backups, name);
    }

    private async Task<Guid> Fill(string name)
    {
        using var database = SqliteDatabase.Open(Path.Combine(_folder, name));
        await new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database)).Fill(count: 1, messages: 1);
        return SqliteInstallationArchive.Read(database).Id;
    }

    private async Task<string> Make(string name, DateTimeOffset at, string? folder = null)
    {
        string path = BackupFolder.PathOf(folder ?? Backups, at);
        await Backup.OfSqlite(Path.Combine(_folder, name), path, "1", new FakeTime(at), null, Cancel);
        return path;
    }

    private async Task<string> Unfinished(DateTimeOffset at)
    {
        string path = await Make("data", at);
        File.Delete(Path.Combine(path, BackupManifest.FileName));
        return path;
    }
}
