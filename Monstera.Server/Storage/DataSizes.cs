using Monstera.Data;
using Monstera.Data.Sqlite;

namespace Monstera.Server.Storage;

/// <param name="DataBytes">Of all databases.</param>
/// <param name="DiskFreeBytes">Of the data folder's disk; null: the data are elsewhere.</param>
internal readonly record struct DataSize(long DataBytes, long LargestDatabaseBytes, long? DiskFreeBytes, long? DiskBytes);

/// <summary>How much room the data take.</summary>
/// <param name="databases">Of PostgreSQL. Null: the data are in SQLite's file.</param>
internal sealed class DataSizes(Func<CancellationToken, ValueTask<IReadOnlyList<long>>>? databases, string dataFolder)
{
    /// <exception cref="StorageUnavailableException">A database cannot be reached.</exception>
    public async ValueTask<DataSize> Measure(CancellationToken cancel)
    {
        if (databases is not null)
        {
            IReadOnlyList<long> sizes = await databases(cancel);
            return new DataSize(sizes.Sum(), sizes.Max(), null, null);
        }

        string folder = Path.GetFullPath(dataFolder);
        long bytes = new[] { "", "-wal" }.Select(ending => new FileInfo(Path.Combine(folder, SqliteDatabase.FileName + ending))).Where(file => file.Exists).Sum(file => file.Length);
        try
        {
            DriveInfo disk = new(folder);
            return new DataSize(bytes, bytes, disk.AvailableFreeSpace, disk.TotalSize);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Not every system tells.
            return new DataSize(bytes, bytes, null, null);
        }
    }
}
