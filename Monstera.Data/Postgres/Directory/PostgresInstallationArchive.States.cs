using System.Globalization;
using Monstera.Data.Archive;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

// Who may serve. The state in the directory refuses servers that start. Those that run are fenced: slots are given away in each shard, at the next epoch, and the serving role loses its
// rights to change the directory.
public sealed partial class PostgresInstallationArchive
{
    /// <summary>Waits for the writers that have looked already, and keeps the others out until the commit.</summary>
    private const string LockSlots = "SET LOCAL lock_timeout = '10s'; LOCK TABLE rooms.slot_owner IN ACCESS EXCLUSIVE MODE";

    private const string GiveSlotsAway = "UPDATE rooms.slot_owner SET epoch = epoch + $1, state = 2 WHERE state = 1";

    private const string TakeSlots =
        """
        INSERT INTO rooms.slot_owner (slot, epoch, state) SELECT slot, epoch, 1 FROM unnest($1::smallint[], $2::bigint[]) n (slot, epoch)
        ON CONFLICT (slot) DO UPDATE SET epoch = excluded.epoch, state = 1
        """;

    private const string RaiseMap =
        """
        WITH raised AS (
            UPDATE directory.slot_map m SET epoch = n.epoch FROM unnest($1::smallint[], $2::bigint[]) n (slot, epoch) WHERE m.slot = n.slot AND m.epoch < n.epoch RETURNING 1)
        UPDATE directory.slot_map_version SET version = version + 1 WHERE EXISTS (SELECT FROM raised)
        """;

    // Of other roles' sessions one who is no superuser sees whose they are, and not of which kind.
    private const string OtherSessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1 AND pid <> pg_backend_pid()";

    private static readonly TimeSpan SessionsEnd = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public async ValueTask BeginCopy(Guid id, CancellationToken cancel)
    {
        await _operation.EnsureHeld(cancel);
        if (await FindWriters(cancel) is { } writers)
        {
            throw new ArchiveConflictException($"{Place} is to receive a copy, but {writers}. Stop the servers there.");
        }

        // Nothing is changed when one of them is refused.
        foreach (PostgresShard shard in _shards)
        {
            await Transaction(
                shard.Database,
                async run =>
                {
                    if (await run("SELECT installation FROM rooms.shard WHERE installation <> $1 AND EXISTS (SELECT FROM rooms.room)", [id]) is Guid known)
                    {
                        throw new ArchiveConflictException($"{shard.Database.Place} has rooms of the installation {known}, and {Place} receives {id}.");
                    }
                },
                cancel);
        }

        await Set(new Installation(id, InstallationState.ReceivesCopy), cancel);

        // Nobody writes, and nobody will have written under this epoch what is not here: it stays.
        await CloseToServers(epochsOn: 0, cancel);
        foreach (PostgresShard shard in _shards)
        {
            await Transaction(shard.Database, run => run("UPDATE rooms.shard SET installation = $1 WHERE installation <> $1", [id]), cancel);
        }
    }

    /// <inheritdoc/>
    public async ValueTask EndCopy(CancellationToken cancel)
    {
        await _operation.EnsureHeld(cancel);
        await Own(cancel);
        Installation present = await Directory.ReadInstallation(cancel);
        await Set(new Installation(present.Id, InstallationState.Served), cancel);
    }

    /// <inheritdoc/>
    public async ValueTask<string?> FindWriters(CancellationToken cancel)
    {
        // PostgreSQL takes a moment to notice that somebody has gone.
        long sessions = await CountSessions(cancel);
        for (int again = 0; again < 5 && sessions > 0; again++)
        {
            await Task.Delay(SessionsEnd, TimeProvider.System, cancel);
            sessions = await CountSessions(cancel);
        }

        return sessions == 0
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{sessions} sessions of the serving role {AppRole(_directory)} are connected");
    }

    /// <inheritdoc/>
    public async ValueTask Fence(string movedTo, DateTimeOffset at, CancellationToken cancel)
    {
        await _operation.EnsureHeld(cancel);
        await MarkMoved(movedTo, at, cancel);

        // Who believes in the epoch of before is turned away also when the slots are owned here again.
        await CloseToServers(epochsOn: 1, cancel);
    }

    /// <inheritdoc/>
    public async ValueTask MarkMoved(string movedTo, DateTimeOffset at, CancellationToken cancel)
    {
        Installation present = await Directory.ReadInstallation(cancel);
        if (present.State != InstallationState.MovedAway || present.MovedTo != movedTo)
        {
            await Set(new Installation(present.Id, InstallationState.MovedAway, movedTo, PostgresTime.Of(at)), cancel);
        }
    }

    /// <inheritdoc/>
    public async ValueTask Reopen(CancellationToken cancel)
    {
        if ((await Directory.ReadInstallation(cancel)).State != InstallationState.Served)
        {
            await EndCopy(cancel);
        }
    }

    private async ValueTask<long> CountSessions(CancellationToken cancel)
    {
        long sessions = 0;
        foreach (PostgresDatabase database in _shards.Select(shard => shard.Database).Append(_directory).Distinct())
        {
            sessions += await PostgresFailure.Translate(async () =>
            {
                await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancel);
                return (long)(await Run(connection, OtherSessions, [AppRole(database)], cancel))!;
            });
        }

        return sessions;
    }

    private async ValueTask Set(Installation installation, CancellationToken cancel)
    {
        Installation present = await Directory.ReadInstallation(cancel);
        if (present != installation && !await Directory.TrySetInstallation(present, installation, cancel))
        {
            throw new ArchiveConflictException($"{Place} was changed by somebody else meanwhile.");
        }
    }

    private async ValueTask CloseToServers(long epochsOn, CancellationToken cancel)
    {
        foreach (PostgresShard shard in _shards)
        {
            await Transaction(
                shard.Database,
                async run =>
                {
                    await run(LockSlots, []);
                    await run(GiveSlotsAway, [epochsOn]);
                },
                cancel);
        }

        string role = QuoteName(AppRole(_directory));
        await Transaction(
            _directory,
            async run =>
            {
                await run($"REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA directory FROM {role}", []);
                await run($"REVOKE EXECUTE ON FUNCTION directory.remove_expired(timestamptz) FROM {role}", []);
            },
                cancel);
    }

    /// <summary>
    /// Every slot is owned where the map says, at an epoch that nobody had before it was given away; killed between the map and the shards, the same again comes to the same:
    /// 1. the highest epoch that was ever given; 2. the map has it; 3. the shards have it; 4. servers may change the directory again.
    /// </summary>
    private async ValueTask Own(CancellationToken cancel)
    {
        // 1.
        SlotMap map = await new PostgresShardMap(_directory).Read(cancel);
        long[] epochs = [.. map.Slots.Select(owner => owner.Epoch)];
        foreach (PostgresShard shard in _shards)
        {
            await PostgresFailure.Translate(async () =>
            {
                await using NpgsqlConnection connection = await shard.Database.Source.OpenConnectionAsync(cancel);
                await using var command = new NpgsqlCommand("SELECT slot, epoch FROM rooms.slot_owner", connection);
                await using NpgsqlDataReader row = await command.ExecuteReaderAsync(cancel);
                while (await row.ReadAsync(cancel))
                {
                    epochs[row.GetInt16(0)] = Math.Max(epochs[row.GetInt16(0)], row.GetInt64(1));
                }

                return true;
            });
        }

        // 2.
        short[] slots = [.. Enumerable.Range(0, epochs.Length).Select(slot => (short)slot)];
        await Transaction(_directory, run => run(RaiseMap, [slots, epochs]), cancel);

        // 3.
        foreach (PostgresShard shard in _shards)
        {
            short[] own = [.. slots.Where(slot => _shardOfSlot[slot] == shard)];
            await Transaction(
                shard.Database,
                async run =>
                {
                    await run(LockSlots, []);
                    await run(TakeSlots, [own, own.Select(slot => epochs[slot]).ToArray()]);
                },
                cancel);
        }

        // 4.
        await Transaction(_directory, run => run("SELECT directory.grant_app($1)", [AppRole(_directory)]), cancel);
    }

    private static string AppRole(PostgresDatabase database) => new NpgsqlConnectionStringBuilder(database.Options.ConnectionString).Username!;

    private static string QuoteName(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static Task Transaction(PostgresDatabase database, Func<Func<string, object[], Task<object?>>, Task> use, CancellationToken cancel) =>
        PostgresFailure.Translate(async () =>
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancel);
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancel);
            await use((statement, values) => Run(connection, statement, values, cancel));

            // Never given up half-way: the caller would not know.
            await transaction.CommitAsync(CancellationToken.None);
            return true;
        });

    private static async Task<object?> Run(NpgsqlConnection connection, string statement, object[] values, CancellationToken cancel)
    {
#pragma warning disable CA2100 // Constants of this class, and a role's name in quotes.
        await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return await command.ExecuteScalarAsync(cancel);
    }
}
