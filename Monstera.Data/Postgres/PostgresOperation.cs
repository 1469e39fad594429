using System.Globalization;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>
/// The right to move or copy an installation's data, of which there is one at a time: a lock in the directory's database that this session holds. Let go of when it is disposed of,
/// when the process ends, however it ends, and when the connection is lost.
/// </summary>
public sealed class PostgresOperation : IAsyncDisposable
{
    private static readonly string TryLock = string.Create(CultureInfo.InvariantCulture, $"SELECT pg_try_advisory_lock({PostgresLocks.Operation}, 0)");

    private static readonly string IsHeld = string.Create(
        CultureInfo.InvariantCulture,
        $"""
        SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = {PostgresLocks.Operation} AND objid = 0 AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid = pg_backend_pid())
        """);

    private readonly NpgsqlConnection _session;
    private readonly SemaphoreSlim _turn = new(1, 1);

    private PostgresOperation(NpgsqlConnection session) => _session = session;

    /// <param name="directory">Opened with <see cref="PostgresParts.Directory"/>, straight to the server: a pooler would give the session to others.</param>
    /// <returns>Null: somebody else holds it.</returns>
    /// <exception cref="StorageUnavailableException">The directory cannot be reached.</exception>
    public static async Task<PostgresOperation?> TryBegin(PostgresDatabase directory, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return await PostgresFailure.Translate(async () =>
        {
            NpgsqlConnection session = await directory.Source.OpenConnectionAsync(cancel);
            try
            {
#pragma warning disable CA2100 // A constant of this class.
                await using var command = new NpgsqlCommand(TryLock, session);
#pragma warning restore CA2100

                // Not given up half-way: the lock may be ours by then.
                if (await command.ExecuteScalarAsync(CancellationToken.None) is true)
                {
                    return new PostgresOperation(session);
                }
            }
            catch
            {
                await session.DisposeAsync();
                throw;
            }

            await session.DisposeAsync();
            return null;
        });
    }

    /// <summary>To be asked before what cannot be taken back: the connection may have been lost, and the lock with it.</summary>
    /// <exception cref="StorageUnavailableException">It is not held any more.</exception>
    public async Task EnsureHeld(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            await PostgresFailure.Translate(async () =>
            {
#pragma warning disable CA2100 // A constant of this class.
                await using var command = new NpgsqlCommand(IsHeld, _session);
#pragma warning restore CA2100
                return await command.ExecuteScalarAsync(cancel) is true
                    ? true
                    : throw new StorageUnavailableException("The lock that keeps other commands out was lost: the connection to the directory has ended. Nothing further was done.");
            });
        }
        catch (InvalidOperationException e)
        {
            throw new StorageUnavailableException("The lock that keeps other commands out was lost: the connection to the directory has ended. Nothing further was done.", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        // A pooled session would keep the lock.
        try
        {
            await using var command = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", _session);
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is InvalidOperationException || PostgresFailure.IsFault(e))
        {
            // It has ended, and the lock with it.
        }

        await _session.DisposeAsync();
        _turn.Dispose();
    }
}
