using Monstera.Data.Sharding;

namespace Monstera.Data.Postgres.Directory;

/// <summary>The shard map as servers follow it: asked every few seconds, and cheap when nothing is new.</summary>
public sealed class PostgresSlotAssignments : IShardMap
{
    private const string ReadIfNew =
        """
        SELECT v.version,
               (SELECT array_agg(m.shard ORDER BY m.slot) FROM directory.slot_map m), (SELECT array_agg(m.epoch ORDER BY m.slot) FROM directory.slot_map m)
        FROM directory.slot_map_version v WHERE v.version <> $1
        """;

    private readonly DirectoryDatabase _database;

    /// <param name="directory">Opened with <see cref="PostgresParts.Directory"/>.</param>
    public PostgresSlotAssignments(PostgresDatabase directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        _database = new DirectoryDatabase(directory);
    }

    /// <inheritdoc/>
    public async ValueTask<SlotAssignments?> ReadNewer(long version, CancellationToken cancel)
    {
        List<SlotAssignments> found = await _database.Batch(batch => batch.Add(ReadIfNew, version)
            .Read(row => new SlotAssignments(row.GetInt64(0), row.GetFieldValue<short[]>(1), row.GetFieldValue<long[]>(2)), cancel));
        return found is [var newer] ? newer : null;
    }
}
