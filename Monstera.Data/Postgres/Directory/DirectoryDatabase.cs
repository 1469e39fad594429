using System.Globalization;
using Monstera.Data.Ids;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>How the directory gets at its database: by EF or by a batch, with failures as the contract has them.</summary>
internal sealed class DirectoryDatabase
{
    private readonly PostgresDatabase _database;
    private readonly NpgsqlDataSource _data;
    private readonly string _settings;

    public DirectoryDatabase(PostgresDatabase database)
    {
        _database = database;
        _data = database.Source;

        // For each transaction, whatever the database's defaults are: how long is waited, and that committed means on disk.
        _settings = string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT set_config('statement_timeout', '{(long)database.Options.StatementTimeout.TotalMilliseconds}', true), "
            + $"set_config('lock_timeout', '{(long)database.Options.LockTimeout.TotalMilliseconds}', true), set_config('synchronous_commit', 'on', true)");
    }

    /// <summary>A query of one tenant's rows.</summary>
    public Task<T> Query<T>(TenantId tenant, Func<DirectoryContext, Task<T>> query) => Try(() => Use(tenant, query), again: true);

    /// <summary>A change of one tenant's rows, in one command.</summary>
    public Task<int> Change(TenantId tenant, Func<DirectoryContext, Task<int>> change) => Try(() => Use(tenant, change), again: false);

    /// <summary>One transaction of statements in one message, which only read, or may happen twice without harm.</summary>
    public Task<T> Batch<T>(Func<DirectoryBatch, Task<T>> use) => Try(() => Use(use), again: true);

    /// <summary>One transaction of statements in one message, which must not happen twice.</summary>
    public Task<T> BatchOnce<T>(Func<DirectoryBatch, Task<T>> use) => Try(() => Use(use), again: false);

    /// <summary>A transaction that decides between its statements whether to commit; what it does not commit is rolled back.</summary>
    public Task<T> Transaction<T>(Func<NpgsqlConnection, NpgsqlTransaction, Task<T>> use, CancellationToken cancel) =>
        Try(
            async () =>
            {
                await using NpgsqlConnection connection = await _data.OpenConnectionAsync(cancel);
                await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancel);
#pragma warning disable CA2100 // Numbers of the configuration.
                await using (var settings = new NpgsqlCommand(_settings, connection))
#pragma warning restore CA2100
                {
                    await settings.ExecuteNonQueryAsync(cancel);
                }

                return await use(connection, transaction);
            },
            again: false);

    private async Task<T> Use<T>(TenantId tenant, Func<DirectoryContext, Task<T>> use)
    {
        await using NpgsqlConnection connection = _data.CreateConnection();
        await using DirectoryContext context = DirectoryContext.Rent(connection, tenant, _settings);
        return await use(context);
    }

    private async Task<T> Use<T>(Func<DirectoryBatch, Task<T>> use)
    {
        await using var batch = new DirectoryBatch(_data, _settings);
        return await use(batch);
    }

    /// <summary>
    /// A server that was away leaves dead connections in the pool. Npgsql empties it when the first one is met, and a query is asked once more over a new one; a change may have
    /// happened, and is for the caller to settle.
    /// </summary>
    private async Task<T> Try<T>(Func<Task<T>> use, bool again)
    {
        try
        {
            return await use();
        }
        catch (Exception e) when (Cause(e) is { } cause)
        {
            _database.CountIfDeadlock(cause);
            if (again && PostgresFailure.IsConnectionLost(cause))
            {
                return await Try(use, again: false);
            }

            if (PostgresFailure.IsFault(cause))
            {
                throw PostgresFailure.Of(cause)!;
            }

            throw;
        }
    }

    // EF wraps what it thinks might pass.
    private static Exception? Cause(Exception exception)
    {
        for (Exception? e = exception; e is not null and not OperationCanceledException and not NpgsqlOperationInProgressException; e = e.InnerException)
        {
            if (e is NpgsqlException)
            {
                return e;
            }
        }

        return null;
    }
}
