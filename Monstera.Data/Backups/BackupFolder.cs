using System.Globalization;
using Monstera.Data.Archive;
using Monstera.Data.Sqlite;

namespace Monstera.Data.Backups;

/// <summary>
/// A folder in which scheduled backups lie, each in a sub-folder named by its time (<c>2026-11-21T031700Z</c>). Whatever else is in it is left alone: other names, links, backups of another
/// installation, and such as were not finished.
/// </summary>
public static class BackupFolder
{
    private const string NameFormat = "yyyy-MM-dd'T'HHmmss'Z'";

    // Renamed before it is emptied, so that nobody takes half a backup for one.
    private const string Removing = ".removing";

    // Clocks of several machines.
    private static readonly TimeSpan ClocksDiffer = TimeSpan.FromMinutes(10);

    /// <summary>The sub-folder of a backup that begins now.</summary>
    public static string PathOf(string folder, DateTimeOffset at) =>
        Path.Combine(Path.GetFullPath(folder), at.UtcDateTime.ToString(NameFormat, CultureInfo.InvariantCulture));

    /// <summary>The newest finished backup of an installation. Reads names, and what the newest of them says of itself.</summary>
    /// <param name="now">What says that it is from later was made by a clock that was wrong, and would hide for as long that no others are made: it does not count.</param>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="IOException">The folder is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be read.</exception>
    public static (string Path, BackupManifest Manifest)? Newest(string folder, Guid installation, DateTimeOffset now)
    {
        foreach (string path in Dated(folder, "").OrderDescending(StringComparer.Ordinal))
        {
            if (FindFinished(path) is { } manifest && manifest.Installation == installation && manifest.At <= now + ClocksDiffer)
            {
                return (path, manifest);
            }
        }

        return null;
    }

    /// <summary>
    /// Removes backups of the same installation that are older than this one, but for the newest: with it as many are left as are to be kept. Others may do the same at the same time.
    /// 1. ends what an earlier call was stopped in; 2. finds the older ones; 3. removes.
    /// </summary>
    /// <param name="made">The backup that was just made.</param>
    /// <param name="keep">At least 1.</param>
    public static BackupRemoval RemoveOlder(string folder, BackupManifest made, int keep)
    {
        ArgumentNullException.ThrowIfNull(made);
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        List<string> removed = [];
        List<LeftBackup> left = [];

        // 1.
        foreach (string path in Dated(folder, Removing).Where(path => Find(path)?.Installation == made.Installation))
        {
            TryRemove(path, null, left);
        }

        // 2.
        List<(string Path, DateTimeOffset At)> older = [];
        foreach (string path in Dated(folder, "").Where(path => !BackupInProgress.IsMarked(path)))
        {
            if (FindFinished(path) is not { } manifest)
            {
                // Unless somebody else has just removed it.
                left.AddRange(System.IO.Directory.Exists(path) ? [new LeftBackup(path, "it is no finished backup")] : []);
            }
            else if (manifest.Installation == made.Installation && manifest.At < made.At)
            {
                older.Add((path, manifest.At));
            }
            else if (manifest.At > made.At + ClocksDiffer)
            {
                left.Add(new LeftBackup(path, "it is from a time that has not come yet"));
            }
        }

        // 3.
        foreach ((string path, _) in older.OrderByDescending(one => one.At).ThenByDescending(one => one.Path, StringComparer.Ordinal).Skip(keep - 1))
        {
            if (!HasOnlyOurs(path))
            {
                left.Add(new LeftBackup(path, "it has other files in it"));
            }
            else if (TryRemove(path, path + Removing, left))
            {
                removed.Add(path);
            }
        }

        return new BackupRemoval(removed, left);
    }

    /// <summary>Takes away what a backup that failed has left in its own new sub-folder, lest each night that fails fills the disk further. A finished one stays.</summary>
    public static void Discard(string path)
    {
        if (!System.IO.Directory.Exists(path) || new DirectoryInfo(path).LinkTarget is not null || File.Exists(Path.Combine(path, BackupManifest.FileName)))
        {
            return;
        }

        try
        {
            foreach (string file in System.IO.Directory.GetFiles(path).Where(file => IsOurs(Path.GetFileName(file))))
            {
                File.Delete(file);
            }

            System.IO.Directory.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Why the backup failed is more worth telling. What is left says by itself that it was not finished.
        }
    }

    internal static bool IsDated(string name) => DateTime.TryParseExact(name, NameFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    private static string[] Dated(string folder, string suffix) =>
    [
        .. new DirectoryInfo(folder).EnumerateDirectories()
            .Where(one => one.LinkTarget is null && one.Name.EndsWith(suffix, StringComparison.Ordinal) && IsDated(one.Name[..^suffix.Length]))
            .Select(one => one.FullName),
    ];

    /// <summary>Without the file it is as good as none, whatever it says of itself.</summary>
    private static BackupManifest? FindFinished(string path) => File.Exists(Backup.PathIn(path)) ? Find(path) : null;

    private static BackupManifest? Find(string path)
    {
        try
        {
            return BackupManifest.Read(path);
        }
        catch (Exception e) when (e is ArchiveConflictException or StorageUnavailableException)
        {
            return null;
        }
    }

    private static bool HasOnlyOurs(string path)
    {
        try
        {
            return System.IO.Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).All(name => name is BackupManifest.FileName or SqliteDatabase.FileName);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody else has just removed it.
            return true;
        }
    }

    private static bool IsOurs(string name) =>
        name.StartsWith(SqliteDatabase.FileName, StringComparison.Ordinal) || name.StartsWith(BackupManifest.FileName, StringComparison.Ordinal);

    /// <param name="renamed">What it is called while it is emptied; null: it is called so already.</param>
    /// <returns>False: somebody else was before us, or it cannot be removed, and is noted.</returns>
    private static bool TryRemove(string path, string? renamed, List<LeftBackup> left)
    {
        try
        {
            if (renamed is not null)
            {
                System.IO.Directory.Move(path, renamed);
            }

            Empty(renamed ?? path);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            left.Add(new LeftBackup(path, $"it cannot be removed ({e.Message})"));
            return false;
        }
    }

    /// <summary>What says whose it is goes last, so that it can be gone on with.</summary>
    private static void Empty(string path)
    {
        File.Delete(Path.Combine(path, SqliteDatabase.FileName));
        File.Delete(Path.Combine(path, BackupManifest.FileName));
        System.IO.Directory.Delete(path);
    }
}

/// <param name="Removed">Where backups were.</param>
/// <param name="Left">What looks like a backup and is somebody's to look at.</param>
public sealed record BackupRemoval(IReadOnlyList<string> Removed, IReadOnlyList<LeftBackup> Left);

/// <param name="Why">The second half of a sentence.</param>
public sealed record LeftBackup(string Path, string Why);
