using Monstera.Data.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;

namespace Monstera.Tests.Data.Sqlite;

/// <summary>A database in a folder of its own, which goes with it.</summary>
public sealed class SqliteStorage : StorageUnderTest
{
    private IRoomStore _rooms = null!;
    private IDirectory _directory = null!;

    public SqliteStorage()
    {
        Folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
        Open();
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
        _rooms = new SqliteRoomStore(Database);
        _directory = new SqliteDirectory(Database);
    }
}
