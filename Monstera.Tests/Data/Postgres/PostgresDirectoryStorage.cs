using Monstera.Data.Directory;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A directory in a database of its own, which goes with it; and what tests need beside it: further servers, and what others do in the database.</summary>
public sealed class PostgresDirectoryStorage : StorageUnderTest
{
    private readonly List<PostgresDatabase> _open = [];
    private readonly PostgresServer _server;
    private readonly string _name;
    private IDirectory _directory;

    /// <param name="server">Null: the one that all tests share.</param>
    public PostgresDirectoryStorage(PostgresServer? server = null)
    {
        _server = server ?? PostgresServer.Shared;
        _name = _server.CreateDatabase("directory_tests", Migrate);
        _directory = AnotherServer();
    }

    public override IRoomStore Rooms => throw new NotSupportedException("There are no rooms here.");

    public override IDirectory Directory => _directory;

    /// <summary>The database as the role that owns the tables.</summary>
    public string OwnerConnection => _server.OwnerConnection(_name);

    /// <summary>The database as the role that serves.</summary>
    public string AppConnection => _server.AppConnection(_name);

    public string SuperuserConnection => _server.SuperuserConnection(_name);

    public static void Migrate(string ownerConnection)
    {
        using var owner = new NpgsqlConnection(ownerConnection);
        owner.Open();
        PostgresMigrations.Run(owner, PostgresDirectory.Schema, PostgresServer.App);
    }

    /// <summary>The directory as a further server sees it, over connections of its own.</summary>
    public PostgresDirectory AnotherServer() => new(OpenDatabase());

    /// <param name="connectionsMax">Of this server.</param>
    /// <param name="lockTimeout">Null: as it comes.</param>
    internal PostgresDatabase OpenDatabase(int connectionsMax = 10, TimeSpan? lockTimeout = null)
    {
        var options = new PostgresOptions { ConnectionString = AppConnection, ConnectionsMax = connectionsMax };
        var database = PostgresDatabase.Open(options with { LockTimeout = lockTimeout ?? options.LockTimeout }, PostgresDirectory.Schema);
        _open.Add(database);
        return database;
    }

    /// <summary>Somebody's transaction that is not finished yet: holds its locks until it is committed or rolled back.</summary>
    /// <param name="tenants">Whose rows it sees: an id, or anything else that is given to the setting.</param>
    public async Task<UnfinishedTransaction> Begin(string tenants, string statement, params object[] values)
    {
        var unfinished = new UnfinishedTransaction(new NpgsqlConnection(AppConnection));
        await unfinished.Start();
        await unfinished.Run("SELECT set_config('monstera.tenants', $1, true)", Guid.TryParse(tenants, out _) ? $"{{{tenants}}}" : tenants);
        await unfinished.Run(statement, values);
        return unfinished;
    }

    /// <summary>Back when as many statements as given wait for somebody's lock in this database.</summary>
    public async Task AreWaiting(int count, CancellationToken cancel)
    {
        await using var watcher = new NpgsqlConnection(SuperuserConnection);
        await watcher.OpenAsync(cancel);
        await using var command = new NpgsqlCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", watcher);
        while ((long)(await command.ExecuteScalarAsync(cancel))! < count)
        {
            cancel.ThrowIfCancellationRequested();
        }
    }

    public override void Reopen()
    {
        Close();
        _directory = AnotherServer();
    }

    public override void Dispose()
    {
        Close();
        _server.DropDatabase(_name);
    }

    private void Close()
    {
        _open.ForEach(database => database.Dispose());
        _open.Clear();
    }
}

/// <summary>See <see cref="PostgresDirectoryStorage.Begin"/>.</summary>
public sealed class UnfinishedTransaction(NpgsqlConnection connection) : IAsyncDisposable
{
    public async Task Start()
    {
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await Run("BEGIN");
    }

    /// <returns>Rows changed.</returns>
    public async Task<int> Run(string statement, params object[] values)
    {
        await using NpgsqlCommand command = Command(statement, values);
        return await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public async Task<object?> Scalar(string statement, params object[] values)
    {
        await using NpgsqlCommand command = Command(statement, values);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    public Task Commit() => Run("COMMIT");

    public Task Rollback() => Run("ROLLBACK");

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private NpgsqlCommand Command(string statement, object[] values)
    {
        var command = new NpgsqlCommand(statement, connection);
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }
}
