using Monstera.Data.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Upgrades;

namespace Monstera.Tests.Data.Sqlite;

/// <summary>A database in a folder of its own, which goes with it.</summary>
public sealed class SqliteStorage : StorageUnderTest
{
    private IRoomStore _rooms = null!;
    private IDirectory _directory = null!;

    private readonly int? _cacheMax;

    /// <param name="cacheMax">Rooms and members that the writer may remember; null: as in a server.</param>
    /// <param name="grown">With the schema of a later version.</param>
    public SqliteStorage(int? cacheMax = null, bool grown = false)
    {
        _cacheMax = cacheMax;
        Folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
        Open();
        if (grown)
        {
            Database.Dispose();
            GrownSchema.Sqlite(Folder);
            Open();
        }
    }

    public string Folder { get; }

    public SqliteDatabase Database { get; private set; } = null!;

    public override IRoomStore Rooms => _rooms;

    public override IDirectory Directory => _directory;

    public override void Reopen()
    {
        Database.Dispose();
        Open();
    }

    public override void Dispose()
    {
        Database.Dispose();
        System.IO.Directory.Delete(Folder, recursive: true);
    }

    private void Open()
    {
        Database = SqliteDatabase.Open(Folder);
        _rooms = _cacheMax is { } max ? new SqliteRoomStore(Database, new SqliteRoomCache(max, max)) : new SqliteRoomStore(Database);
        _directory = new SqliteDirectory(Database);
    }
}
