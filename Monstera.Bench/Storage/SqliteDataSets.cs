using Monstera.Data.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;

namespace Monstera.Bench.Storage;

/// <summary>A data folder for each set, in the folder of the run.</summary>
internal sealed class SqliteDataSets(string folder) : IDataSets
{
    public Task<IReadOnlyDictionary<string, string>> SettingsOf(string name) => Task.FromResult<IReadOnlyDictionary<string, string>>(
        new Dictionary<string, string>(StringComparer.Ordinal) { ["Monstera__DataFolder"] = FolderOf(name) });

    public Task<OpenData> Open(string name) => Task.FromResult<OpenData>(new SqliteData(SqliteDatabase.Open(FolderOf(name))));

    public Task Copy(string template, string name)
    {
        string to = FolderOf(name);
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }

        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(FolderOf(template)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        return Task.CompletedTask;
    }

    /// <summary>The folders are the caller's.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private string FolderOf(string name) => Path.Combine(folder, name);

    private sealed class SqliteData(SqliteDatabase database) : OpenData
    {
        public override IRoomStore Rooms { get; } = new SqliteRoomStore(database);

        public override IDirectory Directory { get; } = new SqliteDirectory(database);

        public override void Dispose() => database.Dispose();
    }
}
