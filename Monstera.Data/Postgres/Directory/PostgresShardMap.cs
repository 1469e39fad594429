using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>What a shard is there for. The numbers are stored.</summary>
public enum ShardState : short
{
    /// <summary>Takes slots.</summary>
    Active = 1,

    /// <summary>Is being emptied.</summary>
    Draining = 2,

    /// <summary>Has nothing, and takes nothing.</summary>
    Gone = 3,
}

/// <param name="Name">Under which the configuration has its connection string.</param>
public sealed record Shard(short Id, string Name, ShardState State);

/// <summary>Who has a slot. Writers that come to a shard with another epoch than its own are turned away.</summary>
/// <param name="Epoch">One more at each change of owner.</param>
public readonly record struct SlotOwner(short Shard, long Epoch);

/// <param name="Version">One more at each change of the map.</param>
/// <param name="Slots">The owners of slots 0 … 4,095.</param>
public sealed record SlotMap(long Version, IReadOnlyList<SlotOwner> Slots);

/// <summary>What became of a change of the map. Nothing was changed but for <see cref="Changed"/>.</summary>
public enum SlotMapChange
{
    Changed,

    /// <summary>The map has another version than expected.</summary>
    Stale,

    /// <summary>Not all of the slots belong to the shard from which they should be taken.</summary>
    NotTheOwner,
}

/// <summary>
/// Which shard owns which slots of rooms. All servers read it and keep it; it is a hint: whether a writer may is decided in the shard. Of changes at once, that were decided on the same
/// version, one happens.
/// </summary>
public sealed class PostgresShardMap(PostgresDatabase database)
{
    private const string ReadMap =
        """
        SELECT (SELECT version FROM directory.slot_map_version), array_agg(shard ORDER BY slot), array_agg(epoch ORDER BY slot) FROM directory.slot_map
        """;

    private const string ChangeVersion = "UPDATE directory.slot_map_version SET version = version + 1 WHERE version = $1";
    private const string ChangeOwner = "UPDATE directory.slot_map SET shard = $3, epoch = epoch + 1 WHERE slot = ANY ($1) AND shard = $2";

    private readonly DirectoryDatabase _database = new(database);

    /// <summary>The shards, by id.</summary>
    public Task<List<Shard>> ReadShards(CancellationToken cancel) =>
        _database.Batch(batch => batch.Add("SELECT id, name, state FROM directory.shard ORDER BY id")
            .Read(row => new Shard(row.GetInt16(0), row.GetString(1), (ShardState)row.GetInt16(2)), cancel));

    /// <returns>False when there is a shard of this id or name.</returns>
    public async Task<bool> TryAddShard(Shard shard, CancellationToken cancel) =>
        await _database.BatchOnce(batch => batch
            .Add("INSERT INTO directory.shard (id, name, state) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", shard.Id, shard.Name, (short)shard.State).Run(cancel)) > 0;

    public Task SetShardState(short shard, ShardState state, CancellationToken cancel) =>
        _database.Batch(batch => batch.Add("UPDATE directory.shard SET state = $2 WHERE id = $1", shard, (short)state).Run(cancel));

    /// <summary>The whole map, of one instant.</summary>
    public async Task<SlotMap> Read(CancellationToken cancel) => (await _database.Batch(batch => batch.Add(ReadMap).Read(ReadRow, cancel)))[0];

    /// <summary>Gives slots from one shard to another, and each of them the next epoch: all of them or none.</summary>
    /// <param name="slots">Each once.</param>
    /// <param name="expectedVersion">Of the map on which this was decided.</param>
    public Task<SlotMapChange> TryChange(IReadOnlyCollection<short> slots, short from, short to, long expectedVersion, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(slots);
        short[] wanted = [.. slots.Distinct()];
        ArgumentOutOfRangeException.ThrowIfZero(wanted.Length, nameof(slots));
        return _database.Transaction(
            async (connection, transaction) =>
            {
                // The version's row is the lock: whoever comes second waits here, and finds another version.
                if (await Run(connection, ChangeVersion, [expectedVersion], cancel) == 0)
                {
                    return SlotMapChange.Stale;
                }

                if (await Run(connection, ChangeOwner, [wanted, from, to], cancel) < wanted.Length)
                {
                    return SlotMapChange.NotTheOwner;
                }

                // Never given up half-way: the caller would not know.
                await transaction.CommitAsync(CancellationToken.None);
                return SlotMapChange.Changed;
            },
            cancel);
    }

    private static async Task<int> Run(NpgsqlConnection connection, string statement, object[] values, CancellationToken cancel)
    {
#pragma warning disable CA2100 // Constants of this class.
        await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return await command.ExecuteNonQueryAsync(cancel);
    }

    private static SlotMap ReadRow(NpgsqlDataReader row) =>
        new(
            row.GetInt64(0),
            [.. row.GetFieldValue<short[]>(1).Zip(row.GetFieldValue<long[]>(2), (shard, epoch) => new SlotOwner(shard, epoch))]);
}
