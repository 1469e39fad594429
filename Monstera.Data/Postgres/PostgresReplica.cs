using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>How far a replica is behind.</summary>
/// <param name="Time">How old the newest state is that it surely shows; zero when it shows everything.</param>
/// <param name="Bytes">Of the primary's log that it has not replayed.</param>
public readonly record struct ReplicationLag(TimeSpan Time, long Bytes);

/// <summary>
/// A streaming standby of a shard, for reading. Opened when somebody asks it first, and tried again with the next call when that fails: a replica that is away keeps nobody
/// from starting.
/// </summary>
/// <param name="options">Without an owner: its schema comes from the primary.</param>
/// <param name="primary">Stays the caller's.</param>
/// <param name="epochOf">As for <see cref="PostgresRoomStore"/>.</param>
public sealed class PostgresReplica(PostgresOptions options, PostgresDatabase primary, TimeProvider time, Func<short, long>? epochOf = null) : IDisposable
{
    private const int SamplesMax = 1_000;

    private const string AskWritten = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";

    // Empty for a role that is no member of pg_monitor.
    private const string AskStandbys =
        "SELECT application_name, extract(epoch FROM replay_lag)::double precision FROM pg_stat_replication WHERE state = 'streaming' LIMIT 100";

    // As the primary lists it, unless its connection says otherwise.
    private const string AskReplayed =
        """
        SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::double precision,
               coalesce(nullif(current_setting('cluster_name'), ''), 'walreceiver')
        """;

    private readonly Lock _gate = new();

    // When the primary's log reached where, oldest first; of the one who measures.
    private readonly LinkedList<(long At, long Position)> _samples = [];
    private Task<Opened>? _opening;
    private bool _isDisposed;

    /// <summary>Which host, for people and labels; nothing secret.</summary>
    public string Place { get; } = PlaceOf(options.ConnectionString);

    /// <summary><see cref="IRoomStore.ReadTimeline"/>, as the standby has it.</summary>
    /// <exception cref="StorageUnavailableException">It cannot be reached, or is no standby of the primary's database.</exception>
    /// <exception cref="StorageRefusedException">See <see cref="PostgresDatabase.Open(PostgresOptions, PostgresParts, ShardIdentity?)"/>.</exception>
    public async ValueTask<TimelinePage?> ReadTimeline(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel) =>
        await (await Open(cancel)).Rooms.ReadTimeline(tenant, room, reader, query, limit, cancel);

    /// <summary>
    /// Asks both where they are. The time is what the primary measures for this standby (pg_stat_replication), where the role that serves may read that (pg_monitor) and it is
    /// clear which of the standbys is this one; otherwise it is made of what both tell everybody. One caller at a time, every few seconds.
    /// </summary>
    /// <exception cref="StorageUnavailableException">One of them cannot be reached, or this is no standby of the primary's database.</exception>
    /// <exception cref="StorageRefusedException">See <see cref="PostgresDatabase.Open(PostgresOptions, PostgresParts, ShardIdentity?)"/>.</exception>
    public async ValueTask<ReplicationLag> MeasureLag(CancellationToken cancel)
    {
        Opened opened = await Open(cancel);
        try
        {
            long now = time.GetTimestamp();
            long written = 0;
            List<(string Name, double? Lag)> standbys = [];
            await Ask(
                primary,
                batch => batch.Read(AskWritten, row => written = row.GetInt64(0))
                    .Read(AskStandbys, row => standbys.Add((row.GetString(0), row.IsDBNull(1) ? null : row.GetDouble(1)))),
                cancel);
            Remember(now, written);

            (long replayed, double? sinceLast, string name, bool isStandby) = (0, null, "", false);
            await Ask(
                opened.Database,
                batch =>
                {
                    opened.Identity.AskWhetherStandby(batch, answer => isStandby = answer);
                    batch.Read(AskReplayed, row => (replayed, sinceLast, name) = (row.Long(0) ?? 0, row.IsDBNull(1) ? null : row.GetDouble(1), row.GetString(2)));
                },
                cancel);
            PostgresIdentity.RefuseUnless(isStandby);
            return replayed >= written
                ? default
                : new ReplicationLag(Measured(standbys, name) is { } seconds ? TimeSpan.FromSeconds(seconds) : Behind(replayed, sinceLast), written - replayed);
        }
        catch (Exception e) when (PostgresFailure.IsFault(e))
        {
            throw PostgresFailure.Of(e)!;
        }
    }

    public void Dispose()
    {
        Task<Opened>? opening;
        lock (_gate)
        {
            _isDisposed = true;
            opening = _opening;
        }

        // One that is still being opened is closed when it is.
        _ = opening?.ContinueWith(
            static done => done.Result.Database.Dispose(),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private static string PlaceOf(string connectionString)
    {
        NpgsqlConnectionStringBuilder builder = new(connectionString);
        return builder.Host!.Contains(':', StringComparison.Ordinal) || builder.Host.Contains(',', StringComparison.Ordinal) ? builder.Host : $"{builder.Host}:{builder.Port}";
    }

    private static async ValueTask Ask(PostgresDatabase database, Action<PostgresBatch> ask, CancellationToken cancel)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancel);
        using var batch = new PostgresBatch(connection);
        ask(batch);
        await batch.Run(cancel);
    }

    /// <summary>One opening for all who wait; a failed one is forgotten with the next call.</summary>
    private Task<Opened> Open(CancellationToken cancel)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_opening is null or { IsCompleted: true, IsCompletedSuccessfully: false })
            {
                _opening = Task.Run(OpenNow, CancellationToken.None);
            }

            return _opening.WaitAsync(cancel);
        }
    }

    /// <summary>1. checks schema and role, as everywhere; 2. learns who the primary is, for each read to compare.</summary>
    private async Task<Opened> OpenNow()
    {
        // 1.
        var database = PostgresDatabase.Open(options with { OwnerConnectionString = null }, PostgresParts.Rooms);
        try
        {
            // 2.
            await using NpgsqlConnection connection = await primary.Source.OpenConnectionAsync();
            PostgresIdentity identity = await PostgresIdentity.Of(connection, CancellationToken.None);
            return new Opened(database, identity, new PostgresRoomStore(database, epochOf, identity));
        }
        catch (Exception e)
        {
            database.Dispose();
            throw PostgresFailure.Of(e) ?? e;
        }
    }

    private static double? Measured(List<(string Name, double? Lag)> standbys, string name)
    {
        List<(string Name, double? Lag)> same = standbys.FindAll(standby => standby.Name == name);
        return same.Count == 1 ? same[0].Lag : standbys.Count == 1 ? standbys[0].Lag : null;
    }

    private void Remember(long at, long position)
    {
        // The log of another primary, restored from a backup perhaps, begins anew.
        while (_samples.Last is { } last && last.Value.Position > position)
        {
            _samples.RemoveLast();
        }

        _samples.AddLast((at, position));
        if (_samples.Count > SamplesMax)
        {
            _samples.RemoveFirst();
        }
    }

    /// <summary>
    /// The lesser of two bounds: since the last commit that it has replayed, which is far too much when the primary was idle before, and since the primary's log was last seen
    /// to reach no further than the replica.
    /// </summary>
    private TimeSpan Behind(long replayed, double? sinceLast)
    {
        double seconds = Math.Max(sinceLast ?? double.MaxValue, 0);
        for (LinkedListNode<(long At, long Position)>? node = _samples.Last; node is not null; node = node.Previous)
        {
            if (node.Value.Position <= replayed)
            {
                seconds = Math.Min(seconds, time.GetElapsedTime(node.Value.At).TotalSeconds);
                break;
            }
        }

        // Never replayed a commit, and behind since before the first look: since then, at least.
        return seconds < double.MaxValue ? TimeSpan.FromSeconds(seconds) : time.GetElapsedTime(_samples.First!.Value.At);
    }

    private sealed record Opened(PostgresDatabase Database, PostgresIdentity Identity, PostgresRoomStore Rooms);
}
