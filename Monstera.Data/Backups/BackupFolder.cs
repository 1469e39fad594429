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

    /// <summary>The sub-folder of a backup that begins now.</summary>
    public static string PathOf(string folder, DateTimeOffset at) =>
        Path.Combine(Path.GetFullPath(folder), at.UtcDateTime.ToString(NameFormat, CultureInfo.InvariantCulture));

    /// <summary>The newest finished backup of an installation. Reads names, and what the newest of them says of itself.</summary>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="IOException">The folder is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be read.</exception>
    public static (string Path, BackupManifest Manifest)? Newest(string folder, Guid installation)
    {
        foreach (string path in Dated(folder, "").OrderDescending(StringComparer.Ordinal))
        {
            if (Find(path) is { } manifest && manifest.Installation == installation)
            {
                return (path, manifest);
            }
        }

        return null;
    }

    /// <summary>
    /// Removes backups of the same installation that are older than this one, but for the newest: with it as many are left as are to be kept. 1. ends what an earlier call was stopped in;
    /// 2. finds the older ones; 3. removes.
    /// </summary>
    /// <param name="made">The backup that was just made.</param>
    /// <param name="keep">At least 1.</param>
    public static BackupRemoval RemoveOlder(string folder, BackupManifest made, int keep)
    {
        ArgumentNullException.ThrowIfNull(made);
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        List<string> removed = [], left = [];

        // 1.
        foreach (string path in Dated(folder, Removing))
        {
            if (Find(path)?.Installation == made.Installation)
            {
                Empty(path);
            }
        }

        // 2.
        List<(string Path, DateTimeOffset At)> older = [];
        foreach (string path in Dated(folder, ""))
        {
            if (Find(path) is not { } manifest)
            {
                left.Add(path);
            }
            else if (manifest.Installation == made.Installation && manifest.At < made.At)
            {
                older.Add((path, manifest.At));
            }
        }

        // 3.
        foreach ((string path, _) in older.OrderByDescending(one => one.At).ThenByDescending(one => one.Path, StringComparer.Ordinal).Skip(keep - 1))
        {
            if (HasOnlyOurs(path))
            {
                System.IO.Directory.Move(path, path + Removing);
                Empty(path + Removing);
                removed.Add(path);
            }
            else
            {
                left.Add(path);
            }
        }

        return new BackupRemoval(removed, left);
    }

    /// <summary>Takes away what a backup that failed has left in its own new sub-folder, lest each night that fails fills the disk further. A finished one stays.</summary>
    public static void Discard(string path)
    {
        if (!System.IO.Directory.Exists(path) || File.Exists(Path.Combine(path, BackupManifest.FileName)))
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

    private static string[] Dated(string folder, string suffix) =>
    [
        .. new DirectoryInfo(folder).EnumerateDirectories()
            .Where(one => one.LinkTarget is null && one.Name.EndsWith(suffix, StringComparison.Ordinal)
                && DateTime.TryParseExact(one.Name[..^suffix.Length], NameFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
            .Select(one => one.FullName),
    ];

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

    private static bool HasOnlyOurs(string path) =>
        System.IO.Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName).All(name => name is BackupManifest.FileName or SqliteDatabase.FileName);

    private static bool IsOurs(string name) =>
        name.StartsWith(SqliteDatabase.FileName, StringComparison.Ordinal) || name.StartsWith(BackupManifest.FileName, StringComparison.Ordinal);

    /// <summary>What says whose it is goes last, so that it can be gone on with.</summary>
    private static void Empty(string path)
    {
        File.Delete(Path.Combine(path, SqliteDatabase.FileName));
        File.Delete(Path.Combine(path, BackupManifest.FileName));
        System.IO.Directory.Delete(path);
    }
}

/// <param name="Removed">Where backups were.</param>
/// <param name="Left">Sub-folders that look like backups and are none that was finished, or that have other files in them: they are somebody's to look at.</param>
public sealed record BackupRemoval(IReadOnlyList<string> Removed, IReadOnlyList<string> Left);
