using Monstera.Data.Archive;
using Monstera.Data.Sqlite;

namespace Monstera.Data.Backups;

/// <summary>
/// A backup: a folder with an SQLite file of the whole installation, whatever storage it came from, and <see cref="BackupManifest"/>. Made beside running servers.
/// </summary>
public static class Backup
{
    /// <summary>
    /// From SQLite: the whole file at one instant, by SQLite itself. Everything that was acknowledged before is in it.
    /// </summary>
    /// <param name="dataFolder">Whose database may be owned by a server meanwhile.</param>
    /// <param name="folder">Made; one that is there must be empty.</param>
    /// <exception cref="ArchiveConflictException">The folder is not empty, or the installation is not served (any more).</exception>
    public static async Task<BackupManifest> OfSqlite(
        string dataFolder, string folder, string serverVersion, TimeProvider time, Action<CopyProgress>? progress, CancellationToken cancel)
    {
        DateTimeOffset begun = Now(time);
        using (SqliteDatabase source = SqliteDatabase.OpenReadOnly(dataFolder))
        {
            RefuseUnlessServed(await new SqliteDirectoryArchive(source).ReadInstallation(cancel), source.Path);
            PrivateFiles.MakeFolder(folder);
            await Task.Run(() => SqliteFile.CopyInto(source.Path, PathIn(folder)), cancel);
        }

        return await Finish(folder, "sqlite", [], serverVersion, begun, progress, cancel);
    }

    /// <summary>
    /// From another storage, by copying: 1. the rooms; 2. the directory, so that everybody who wrote is known; 3. what the directory is ahead of the rooms is cut off.
    /// Everything that was acknowledged before is in it; of what came meanwhile each room has a beginning.
    /// </summary>
    /// <inheritdoc cref="OfSqlite"/>
    public static async Task<BackupManifest> Of(
        IInstallationArchive source, string provider, IReadOnlyList<SlotRange> slots, string folder, string serverVersion, TimeProvider time,
        Action<CopyProgress>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        DateTimeOffset begun = Now(time);
        Installation installation = await source.Directory.ReadInstallation(cancel);
        RefuseUnlessServed(installation, source.Place);
        PrivateFiles.MakeFolder(folder);
        PrivateFiles.MakeFile(PathIn(folder));
        await using (SqliteInstallationArchive destination = SqliteInstallationArchive.OpenOwned(folder))
        {
            await destination.BeginCopy(installation.Id, cancel);
            var copy = new InstallationCopy(source, destination, progress);

            // 1.
            await copy.CopyRooms(cancel);

            // 2. What waits for the directory is either read here, or was applied before the directory is read.
            var waiting = await source.ReadOutbox(cancel);
            await copy.CopyDirectory(cancel);
            await destination.Apply(waiting, cancel);

            // 3.
            await SqliteFile.CutToHeads(destination.Database, cancel);
            await destination.EndCopy(cancel);
        }

        SqliteFile.Seal(PathIn(folder));
        return await Finish(folder, provider, slots, serverVersion, begun, progress, cancel);
    }

    /// <summary>Holds a backup against what it says of itself: the file's hash, the counts, and the digests of all rooms and of the directory.</summary>
    /// <exception cref="ArchiveConflictException">It is none, was not finished, or is not what it was.</exception>
    public static async Task<BackupManifest> Verify(string folder, Action<CopyProgress>? progress, CancellationToken cancel)
    {
        BackupManifest manifest = BackupManifest.Read(folder);
        string path = PathIn(folder);
        if (!File.Exists(path) || await PrivateFiles.Hash(path, cancel) != manifest.FileSha256)
        {
            throw new ArchiveConflictException($"{path} is not the file that was backed up: its SHA-256 differs. Use another backup.");
        }

        await using SqliteInstallationArchive content = SqliteInstallationArchive.Open(folder, readOnly: true);
        if (await InstallationCopy.Measure(content, cancel) != manifest.Size || await InstallationCopy.DigestOf(content, progress, cancel) != manifest.ContentSha256
            || (await content.Directory.ReadInstallation(cancel)).Id != manifest.Installation)
        {
            throw new ArchiveConflictException($"{folder} does not have what its {BackupManifest.FileName} says. Use another backup.");
        }

        return manifest;
    }

    /// <summary>The installation's file in a folder.</summary>
    internal static string PathIn(string folder) => Path.Combine(Path.GetFullPath(folder), SqliteDatabase.FileName);

    private static async Task<BackupManifest> Finish(
        string folder, string provider, IReadOnlyList<SlotRange> slots, string serverVersion, DateTimeOffset begun, Action<CopyProgress>? progress, CancellationToken cancel)
    {
        PrivateFiles.Sync(PathIn(folder));
        Guid installation;
        InstallationSize size;
        string content;
        await using (SqliteInstallationArchive copy = SqliteInstallationArchive.Open(folder, readOnly: true))
        {
            installation = (await copy.Directory.ReadInstallation(cancel)).Id;
            size = await InstallationCopy.Measure(copy, cancel);
            content = await InstallationCopy.DigestOf(copy, progress, cancel);
        }

        var manifest = new BackupManifest(
            BackupManifest.Version, serverVersion, begun, installation, provider, slots, size, await PrivateFiles.Hash(PathIn(folder), cancel), content);
        foreach (string extra in new[] { "-wal", "-shm", ".lock" })
        {
            File.Delete(PathIn(folder) + extra);
        }

        manifest.Write(folder);
        return manifest;
    }

    private static void RefuseUnlessServed(Installation installation, string place)
    {
        if (installation.State != InstallationState.Served)
        {
            throw new ArchiveConflictException($"{place} is not served ({installation.State}): a backup of it would not be what people have.");
        }
    }

    private static DateTimeOffset Now(TimeProvider time) => DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
}
