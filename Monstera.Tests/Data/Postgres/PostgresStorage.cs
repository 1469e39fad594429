using Monstera.Data.Directory;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Upgrades;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A database of its own on the shared server, with rooms and directory as in a small installation.</summary>
public sealed class PostgresStorage : StorageUnderTest
{
    private const PostgresParts Both = PostgresParts.Rooms | PostgresParts.Directory;

    private readonly bool _pooler;
    private PostgresRoomStore _rooms = null!;
    private PostgresDirectory _directory = null!;

    /// <param name="pooler">Through PgBouncer in transaction mode.</param>
    /// <param name="grown">With the schema of a later version.</param>
    public PostgresStorage(bool pooler = false, bool grown = false)
    {
        _pooler = pooler;
        Name = CreateDatabase(PostgresServer.Shared, grown);
        Open();
    }

    /// <summary>Of the database.</summary>
    public string Name { get; }

    public PostgresDatabase Database { get; private set; } = null!;

    public override IRoomStore Rooms => _rooms;

    public override IDirectory Directory => _directory;

    /// <summary>A database with the schema of today, or of a later version.</summary>
    public static string CreateDatabase(PostgresServer server, bool grown = false) => server.CreateDatabase(grown ? "monstera_grown" : "monstera", owner =>
    {
        string name = new Npgsql.NpgsqlConnectionStringBuilder(owner).Database!;
        PostgresDatabase.Open(new PostgresOptions { ConnectionString = server.AppConnection(name), OwnerConnectionString = owner }, Both).Dispose();
        if (grown)
        {
            GrownSchema.Postgres(owner);
        }
    });

    /// <summary>Straight to the server.</summary>
    public PostgresOptions Options() => new() { ConnectionString = PostgresServer.Shared.AppConnection(Name) };

    public override void Reopen()
    {
        Database.Dispose();
        Open();
    }

    public override void Dispose()
    {
        Database.Dispose();
        PostgresServer.Shared.DropDatabase(Name);
    }

    private void Open()
    {
        PostgresOptions options = _pooler ? Options() with { ConnectionString = PgBouncer.Shared.Connection(Name), Pooler = true } : Options();
        Database = PostgresDatabase.Open(options, Both);
        _rooms = new PostgresRoomStore(Database);
        _directory = new PostgresDirectory(Database);
    }
}
