namespace Monstera.Data.Sqlite;

/// <summary>
/// Sees to it that one process at a time serves a database file: two would hand out the same memory of rooms and members. An advisory lock (flock) on
/// a file beside it, which the system lets go of when the process ends, however it ends. The file itself stays; it means nothing.
/// </summary>
internal sealed class SqliteOwnership : IDisposable
{
    private readonly FileStream _lock;

    private SqliteOwnership(FileStream file) => _lock = file;

    public static SqliteOwnership Take(string databasePath) => TryTake(databasePath) ?? throw new StorageRefusedException(
        $"{databasePath} is in use by another server. One process at a time may serve it: stop the other one, or give this one a data folder of its own.");

    /// <returns>Null: another process has it.</returns>
    public static SqliteOwnership? TryTake(string databasePath)
    {
        string path = databasePath + ".lock";
        try
        {
            // FileShare.None is flock(LOCK_EX | LOCK_NB) on Unix, and refuses other handles of this process too.
            return new SqliteOwnership(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (IsHeld(path))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageUnavailableException($"{path} cannot be written: {e.Message}", e);
        }
    }

    public void Dispose() => _lock.Dispose();

    private static bool IsHeld(string path)
    {
        try
        {
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return File.Exists(path);
        }
    }
}
