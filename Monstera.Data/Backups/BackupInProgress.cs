using Monstera.Data.Archive;

namespace Monstera.Data.Backups;

/// <summary>
/// A scheduled backup while it is made. A file beside its sub-folder marks it, with an advisory lock that the system lets go of when the process ends, however it ends: so the next one knows what a
/// killed one has left, and takes it away before it needs the room itself.
/// </summary>
public sealed class BackupInProgress : IDisposable
{
    private const string MarkEnding = ".unfinished";

    // Names have seconds. Who finds one taken takes the next; so many do not begin at once.
    private const int TriesMax = 60;

    private readonly FileStream _mark;

    private BackupInProgress(string path, FileStream mark)
    {
        Path = path;
        _mark = mark;
    }

    /// <summary>The sub-folder that is to be made.</summary>
    public string Path { get; }

    /// <summary>1. makes the folder, if it is not there; 2. takes away what killed ones have left; 3. marks the new one.</summary>
    /// <exception cref="ArchiveConflictException">A minute of names is taken.</exception>
    /// <exception cref="StorageUnavailableException">The folder cannot be written.</exception>
    public static BackupInProgress Begin(string folder, DateTimeOffset at)
    {
        try
        {
            // 1.
            PrivateFiles.EnsureFolder(System.IO.Path.GetFullPath(folder));

            // 2.
            foreach (string mark in System.IO.Directory.GetFiles(System.IO.Path.GetFullPath(folder), "*" + MarkEnding))
            {
                DiscardIfDead(mark);
            }

            // 3.
            foreach (string path in Enumerable.Range(0, TriesMax).Select(second => BackupFolder.PathOf(folder, at.AddSeconds(second))))
            {
                if (!System.IO.Path.Exists(path) && TryMark(path + MarkEnding) is { } mine)
                {
                    return new BackupInProgress(path, mine);
                }
            }

            throw new ArchiveConflictException($"{BackupFolder.PathOf(folder, at)} is there already, and so are those of the minute after it.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageUnavailableException($"{folder} (Backups:Folder) cannot be written: {e.Message}", e);
        }
    }

    /// <summary>What was not finished goes.</summary>
    public void Dispose()
    {
        BackupFolder.Discard(Path);
        _mark.Dispose();
    }

    internal static bool IsMarked(string path) => File.Exists(path + MarkEnding);

    private static FileStream? TryMark(string mark)
    {
        try
        {
            return new FileStream(mark, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException) when (File.Exists(mark))
        {
            return null;
        }
    }

    private static void DiscardIfDead(string mark)
    {
        string path = mark[..^MarkEnding.Length];
        if (!BackupFolder.IsDated(System.IO.Path.GetFileName(path)))
        {
            return;
        }

        try
        {
            using FileStream dead = new(mark, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
            BackupFolder.Discard(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody is making it, or has just ended.
        }
    }
}
