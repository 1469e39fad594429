using System.Globalization;
using Monstera.Data.Archive;
using Monstera.Data.Sqlite;

namespace Monstera.Data.Backups;

/// <summary>
/// Brings a backup back into a storage. Rooms get an epoch that they never had, so that clients which are further on than the backup learn that it was; restoring the same backup
/// twice gives different ones.
/// </summary>
public static class Restore
{
    /// <summary>
    /// Into a data folder: 1. the backup is checked; 2. what is there is put aside; 3. a copy of the file is made ready beside its place; 4. takes its place. Killed before 4, there is
    /// no database, and it is run again.
    /// </summary>
    /// <param name="replace">Puts aside also what is in use. Otherwise refused.</param>
    /// <returns>Where the database that was there is now; null: there was none.</returns>
    /// <exception cref="ArchiveConflictException">The backup is broken, or a database is there.</exception>
    /// <exception cref="StorageRefusedException">A server owns the data folder.</exception>
    public static async Task<string?> IntoSqlite(
        string folder, string dataFolder, TimeProvider time, bool replace, bool signEverybodyOut, Action<CopyProgress>? progress, CancellationToken cancel)
    {
        // 1.
        await Backup.Verify(folder, progress, cancel);

        // 2.
        string path = Backup.PathIn(dataFolder);
        string? aside = null;
        if (File.Exists(path))
        {
            await using (SqliteInstallationArchive there = SqliteInstallationArchive.OpenOwned(dataFolder))
            {
                RefuseInUse(there.Place, await InstallationCopy.Measure(there, cancel), replace);
            }

            aside = string.Create(CultureInfo.InvariantCulture, $"{path}.before-restore-{time.GetUtcNow():yyyyMMddHHmmss}");
        }

        SqliteDatabase.MakeFolder(Path.GetDirectoryName(path)!);
        using SqliteOwnership ownership = SqliteOwnership.Take(path);

        // 3.
        string prepared = path + ".restoring";
        await PrivateFiles.Copy(Backup.PathIn(folder), prepared, cancel);
        await Task.Run(() => SqliteFile.Prepare(prepared, time.GetUtcNow().ToUnixTimeSeconds(), signEverybodyOut), cancel);

        // 4.
        if (aside is not null)
        {
            File.Move(path, aside);
        }

        File.Move(prepared, path);
        PrivateFiles.SyncFolder(path);
        return aside;
    }

    /// <summary>Into another storage, by copying; killed, it is run again and goes on.</summary>
    /// <exception cref="ArchiveConflictException">The backup is broken, or the storage has something else.</exception>
    public static async Task Into(
        IInstallationArchive destination, string folder, TimeProvider time, bool signEverybodyOut, Action<CopyProgress>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(destination);
        BackupManifest manifest = await Backup.Verify(folder, progress, cancel);
        await Check(destination, manifest, cancel);
        await using SqliteInstallationArchive source = SqliteInstallationArchive.Open(folder, readOnly: true);
        await destination.BeginCopy(manifest.Installation, cancel);
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        var copy = new InstallationCopy(source, destination, progress, epochOf: epoch => Math.Max(epoch + 1, now));
        await copy.CopyRooms(cancel);
        await copy.CopyDirectory(cancel);
        CopyVerification verified = await copy.Verify(cancel);
        if (!verified.IsEqual)
        {
            throw new ArchiveConflictException("What was restored is not the same as the backup. " + string.Join(' ', verified.Differences));
        }

        await destination.Apply(await source.ReadOutbox(cancel), cancel);
        if (signEverybodyOut)
        {
            await InstallationCopy.RemoveAll(destination.Directory, DirectoryTable.Sessions, cancel);
        }

        await destination.EndCopy(cancel);
    }

    /// <summary>Whether a backup may be restored there: nothing is there, or what a restore of it left that was killed.</summary>
    /// <exception cref="ArchiveConflictException">It may not.</exception>
    public static async Task Check(IInstallationArchive destination, BackupManifest manifest, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(manifest);
        Installation there = await destination.Directory.ReadInstallation(cancel);
        if (there.State != InstallationState.ReceivesCopy || there.Id != manifest.Installation)
        {
            RefuseInUse(destination.Place, await InstallationCopy.Measure(destination, cancel), replace: false);
        }
    }

    private static void RefuseInUse(string place, InstallationSize size, bool replace)
    {
        if (!size.IsEmpty && !replace)
        {
            throw new ArchiveConflictException(string.Create(
                CultureInfo.InvariantCulture, $"{place} has {size.Rooms} rooms and {size.Accounts} accounts. A backup is restored into an empty storage."));
        }
    }
}
