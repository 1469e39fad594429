using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A primary and its streaming standby. One pair is shared by tests that leave it as it is; who pauses, kills or promotes the standby starts one of its own.</summary>
public sealed class PostgresPair : IDisposable
{
    private static readonly Lock Gate = new();
    private static PostgresPair? _shared;

    private readonly NpgsqlDataSource _atPrimary;
    private readonly NpgsqlDataSource _atReplica;

    public PostgresPair()
    {
        Primary = PostgresServer.Start([.. PostgresServer.Hasty, .. PostgresServer.Replicated]);
        Replica = Primary.StartReplica();
        _atPrimary = Pooled(Primary);
        _atReplica = Pooled(Replica);
    }

    public static PostgresPair Shared
    {
        get
        {
            lock (Gate)
            {
                return _shared ??= new PostgresPair();
            }
        }
    }

    public PostgresServer Primary { get; }

    public PostgresServer Replica { get; }

    /// <summary>From now on the standby takes the log in, and shows nothing of it.</summary>
    public void PauseReplay()
    {
        Execute("SELECT pg_wal_replay_pause()");
        while (Scalar<string>(_atReplica, "SELECT pg_get_wal_replay_pause_state()") != "paused")
        {
            Thread.Yield();
        }
    }

    public void ResumeReplay() => Execute("SELECT pg_wal_replay_resume()");

    /// <summary>The standby becomes a primary of its own.</summary>
    public void Promote() => Execute("SELECT pg_promote()");

    /// <summary>As a power cut; <see cref="PostgresServer.Restart"/> brings it back.</summary>
    public void KillReplica()
    {
        Replica.StopImmediately();
        _atReplica.Clear();
    }

    /// <summary>Back when the standby shows everything that was committed before.</summary>
    public async Task CaughtUp(CancellationToken cancel)
    {
        string written = Scalar<string>(_atPrimary, "SELECT pg_current_wal_flush_lsn()::text");
        while (!Scalar<bool>(_atReplica, $"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"))
        {
            cancel.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public void Dispose()
    {
        _atPrimary.Dispose();
        _atReplica.Dispose();
        Replica.Dispose();
        Primary.Dispose();
    }

    internal static void DisposeShared()
    {
        lock (Gate)
        {
            _shared?.Dispose();
            _shared = null;
        }
    }

    private static NpgsqlDataSource Pooled(PostgresServer server) => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(server.SuperuserConnection("postgres")) { Pooling = true });

    private static T Scalar<T>(NpgsqlDataSource source, string sql)
    {
        using NpgsqlCommand command = source.CreateCommand(sql);
        return (T)command.ExecuteScalar()!;
    }

    private void Execute(string sql) => PostgresServer.Execute(Replica.SuperuserConnection("postgres"), sql);
}
