using System.Net.Sockets;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>Tells the storage's faults from bugs of ours.</summary>
internal static class PostgresFailure
{
    /// <summary>
    /// The storage's fault: away, starting, full, out of connections, only a standby, too slow, locked for too long. Anything else is a bug of ours and stays loud, a violated
    /// constraint above all.
    /// </summary>
    public static bool IsFault(Exception e) => e switch
    {
        PostgresException postgres => IsFault(postgres.SqlState),
        NpgsqlException or SocketException or IOException or TimeoutException => true,
        _ => false,
    };

    /// <returns>Null for what is no <see cref="IsFault(Exception)"/>.</returns>
    public static StorageUnavailableException? Of(Exception e) => !IsFault(e)
        ? null
        : e is PostgresException postgres
            ? new StorageUnavailableException($"PostgreSQL could not do it: {postgres.MessageText} ({postgres.SqlState}).", postgres) { IsAway = IsAway(postgres.SqlState), Kind = KindOf(postgres.SqlState) }
            : new StorageUnavailableException($"PostgreSQL cannot be reached: {e.Message}", e)
            {
                IsAway = true, Kind = e is TimeoutException || e.InnerException is TimeoutException ? StorageFaultKind.Timeout : StorageFaultKind.Unavailable,
            };

    /// <summary>Two transactions waited for each other, and PostgreSQL ended this one.</summary>
    public static bool IsDeadlock(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected };

    /// <summary>A transaction was left alone for longer than it asked to be, and PostgreSQL ended the session before it read what was sent next: a COMMIT has not happened then.</summary>
    public static bool HasIdledTooLong(Exception e) => e is PostgresException { SqlState: "25P03" };

    private static StorageFaultKind KindOf(string state) => state switch
    {
        PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable => StorageFaultKind.Timeout,
        PostgresErrorCodes.DeadlockDetected => StorageFaultKind.Deadlock,
        PostgresErrorCodes.SerializationFailure => StorageFaultKind.Race,
        _ => StorageFaultKind.Unavailable,
    };

    // Connections, who may connect and to what, too many of them, and a server that stops or starts.
    private static bool IsAway(string state) =>
        state[..2] is "08" or "28" or "3D"
        || state is PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow;

    /// <summary>Does it, and throws faults as the contracts have them.</summary>
    public static T Translate<T>(Func<T> use)
    {
        try
        {
            return use();
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Of(e)!;
        }
    }

    /// <inheritdoc cref="Translate{T}(Func{T})"/>
    public static async Task<T> Translate<T>(Func<Task<T>> use)
    {
        try
        {
            return await use();
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Of(e)!;
        }
    }

    /// <summary>Two transactions were in each other's way, and this one was rolled back for certain: the same again will do.</summary>
    public static bool IsRace(Exception e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    /// <summary>The driver counted on a prepared statement that the connection does not have: another connection will do.</summary>
    public static bool IsUnprepared(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.InvalidSqlStatementName };

    /// <summary>The connection is gone; a pooled one may have been so for long.</summary>
    public static bool IsConnectionLost(Exception e) => e switch
    {
        PostgresException postgres => postgres.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown,
        NpgsqlException => e.InnerException is IOException or SocketException or EndOfStreamException,
        _ => false,
    };

    // By class: 08 connection (a pooler's own troubles too), 28 and 3D somebody took away the role or database while we run, 40 races, 53 resources, 55 not in the state or
    // locked, 57 operator and timeouts, 58 system, XX broken. 25006: a standby.
    private static bool IsFault(string state) =>
        state[..2] is "08" or "28" or "3D" or "40" or "53" or "55" or "57" or "58" or "XX" || state == PostgresErrorCodes.ReadOnlySqlTransaction;
}
