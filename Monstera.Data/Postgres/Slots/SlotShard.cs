using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres.Slots;

/// <summary>What a shard says of a slot.</summary>
/// <param name="Owned">False: given away at this epoch.</param>
public readonly record struct SlotFence(long Epoch, bool Owned);

/// <summary>What lies in a shard.</summary>
/// <param name="Slots">Owned.</param>
/// <param name="Outbox">Membership changes that the directory has not been told.</param>
public sealed record ShardContent(int Slots, long Rooms, long Outbox);

/// <summary>A replica as its primary sees it.</summary>
/// <param name="Lag">Null: unknown, for want of traffic or of rights.</param>
public sealed record ShardReplica(string Name, string? State, TimeSpan? Lag);

/// <summary>One shard as who moves slots sees it: its rooms, and the fence that says which slots it owns.</summary>
public sealed class SlotShard(short id, string name, PostgresDatabase database, IRoomArchive rooms)
{
    private const string ReadFencesQuery = "SELECT slot, epoch, state FROM rooms.slot_owner WHERE slot = ANY ($1) ORDER BY slot";

    // A statement that takes the locks in this order.
    internal const string LockSlots = "SELECT count(pg_advisory_xact_lock($1, slot)) FROM (SELECT slot FROM unnest($2) slot ORDER BY slot) s";

    internal const string GiveAway = "UPDATE rooms.slot_owner SET epoch = epoch + 1, state = 2 WHERE slot = ANY ($1) AND state = 1";

    // Only forward: what was given away or taken at a later epoch stays so, however late this arrives.
    private const string Take =
        """
        INSERT INTO rooms.slot_owner AS o (slot, epoch, state) SELECT u.slot, u.epoch, 1 FROM unnest($1, $2) u (slot, epoch)
        ON CONFLICT (slot) DO UPDATE SET epoch = excluded.epoch, state = 1 WHERE o.epoch < excluded.epoch AND o.state = 2
        """;

    private const string GiveAwayUntaken =
        """
        INSERT INTO rooms.slot_owner AS o (slot, epoch, state) SELECT u.slot, u.epoch, 2 FROM unnest($1, $2) u (slot, epoch)
        ON CONFLICT (slot) DO UPDATE SET epoch = excluded.epoch WHERE o.epoch < excluded.epoch AND o.state = 2
        """;

    // As the owner, who may list rooms of all tenants, and names the tenants for the events.
    private const string FindGapsQuery =
        """
        SELECT r.id, e.events, e.first, e.last FROM rooms.room r
        CROSS JOIN LATERAL (SELECT count(*) AS events, min(x.seq) AS first, max(x.seq) AS last FROM rooms.event x WHERE x.room_key = r.room_key) e
        WHERE r.id = ANY ($1) AND (e.events = 0 OR e.first <> 1 OR e.last <> e.events)
        """;

    private const string ReadContentQuery =
        """
        SELECT (SELECT count(*) FROM rooms.slot_owner WHERE state = 1)::integer, (SELECT count(*) FROM rooms.room), (SELECT count(*) FROM rooms.membership_outbox)
        """;

    private const string ReadReplicasQuery =
        "SELECT coalesce(nullif(application_name, ''), host(client_addr), 'replica'), state, extract(epoch FROM replay_lag)::float8 FROM pg_stat_replication ORDER BY 1";

    /// <summary>The number under which the directory has it.</summary>
    public short Id { get; } = id;

    public string Name { get; } = name;

    /// <summary>Opened as the owner.</summary>
    public PostgresDatabase Database { get; } = database;

    public IRoomArchive Rooms { get; } = rooms;

    /// <param name="options">With the owner's connection string.</param>
    /// <inheritdoc cref="PostgresDatabase.OpenAsOwner" path="/exception"/>
    public static SlotShard Open(short id, string name, PostgresOptions options)
    {
        PostgresDatabase database = PostgresDatabase.OpenAsOwner(options, PostgresParts.Rooms);
        return new SlotShard(id, name, database, new PostgresRoomArchive(database.Source));
    }

    /// <summary>For messages.</summary>
    public override string ToString() => $"shard {Id} ({Name})";

    /// <summary>Slots that are missing were never here. What was given away is remembered for ever: a statement of a mover that died may arrive at any time.</summary>
    public async Task<IReadOnlyDictionary<short, SlotFence>> ReadFences(IReadOnlyCollection<short> slots, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(slots);
        return await Try(async () =>
        {
            Dictionary<short, SlotFence> fences = [];
            await using NpgsqlConnection connection = await Database.Source.OpenConnectionAsync(cancel);
            using var batch = new PostgresBatch(connection);
            batch.Read(ReadFencesQuery, row => fences.Add(row.GetInt16(0), new SlotFence(row.GetInt64(1), row.GetInt16(2) == 1)), Sql.Of([.. slots]));
            await batch.Run(cancel);
            return fences;
        });
    }

    public Task<ShardContent> ReadContent(CancellationToken cancel) => Try(async () =>
    {
        ShardContent? content = null;
        await using NpgsqlConnection connection = await Database.Source.OpenConnectionAsync(cancel);
        using var batch = new PostgresBatch(connection);
        batch.Read(ReadContentQuery, row => content = new ShardContent(row.GetInt32(0), row.GetInt64(1), row.GetInt64(2)));
        await batch.Run(cancel);
        return content!;
    });

    public Task<IReadOnlyList<ShardReplica>> ReadReplicas(CancellationToken cancel) => Try<IReadOnlyList<ShardReplica>>(async () =>
    {
        List<ShardReplica> replicas = [];
        await using NpgsqlConnection connection = await Database.Source.OpenConnectionAsync(cancel);
        using var batch = new PostgresBatch(connection);
        batch.Read(
            ReadReplicasQuery,
            row => replicas.Add(new ShardReplica(row.GetString(0), row.Text(1), row.IsDBNull(2) ? null : TimeSpan.FromSeconds(row.GetDouble(2)))));
        await batch.Run(cancel);
        return replicas;
    });

    /// <summary>All rooms of these slots (null: all slots), by id, a page at a time.</summary>
    public async Task<List<ArchivedRoom>> ReadRooms(IReadOnlyCollection<short>? slots, CancellationToken cancel)
    {
        const int Page = 5_000;
        List<ArchivedRoom> rooms = [];
        for (RoomId? after = null; ;)
        {
            IReadOnlyList<ArchivedRoom> page = await Rooms.ReadRooms(slots, after, Page, cancel);
            rooms.AddRange(page);
            if (page.Count < Page)
            {
                return rooms;
            }

            after = page[^1].Id;
        }
    }

    /// <summary>Those of the rooms whose log does not go from 1 to its head without a gap, and what is wrong.</summary>
    public async Task<IReadOnlyList<string>> FindGaps(IReadOnlyList<ArchivedRoom> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        List<string> gaps = [];
        foreach (ArchivedRoom[] some in rooms.Chunk(500))
        {
            await Try(async () =>
            {
                await using NpgsqlConnection connection = await Database.Source.OpenConnectionAsync(cancel);
                using var batch = new PostgresBatch(connection);
                batch.Skip("SELECT set_config('monstera.tenants', $1, true)", Sql.Of($"{{{string.Join(',', some.Select(room => room.Tenant).Distinct())}}}"))
                    .Read(
                        FindGapsQuery,
                        row => gaps.Add($"room {row.GetGuid(0)}: {row.GetInt64(1)} events from {row.Long(2) ?? 0} to {row.Long(3) ?? 0}"),
                        Sql.Of([.. some.Select(room => room.Id.Value)]));
                await batch.Run(cancel);
                return true;
            });
        }

        return gaps;
    }

    /// <summary>Rooms whose row names another slot than their id does; the first hundred.</summary>
    public Task<IReadOnlyList<string>> FindWrongSlots(CancellationToken cancel) => Try<IReadOnlyList<string>>(async () =>
    {
        List<string> wrong = [];
        await using NpgsqlConnection connection = await Database.Source.OpenConnectionAsync(cancel);
        using var batch = new PostgresBatch(connection);
        batch.Read(
            "SELECT id, slot FROM rooms.room",
            row =>
            {
                if (wrong.Count < 100 && Slot.Of(new RoomId(row.GetGuid(0))) is var slot && slot != row.GetInt16(1))
                {
                    wrong.Add($"room {row.GetGuid(0)} belongs to slot {slot}, but its row says {row.GetInt16(1)}.");
                }
            });
        await batch.Run(cancel);
        return wrong;
    });

    /// <summary>Becomes the owner of slots that another has given away. False: some of them are owned here already, or were given away at a later epoch; then nothing was changed.</summary>
    internal Task<bool> TryTake(IReadOnlyList<(short Slot, long Epoch)> slots) => Change(Take, slots);

    /// <summary>Says that slots that are not owned here, and were never taken at a lower epoch, never will be. False: as <see cref="TryTake"/>.</summary>
    internal Task<bool> TryGiveAwayUntaken(IReadOnlyList<(short Slot, long Epoch)> slots) => Change(GiveAwayUntaken, slots);

    private Task<bool> Change(string statement, IReadOnlyList<(short Slot, long Epoch)> slots) => Try(async () =>
    {
        await using NpgsqlConnection connection = await Database.Source.OpenConnectionAsync(CancellationToken.None);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(CancellationToken.None);
        await using (var settings = new NpgsqlCommand("SELECT set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '2s', true)", connection))
        {
            await settings.ExecuteNonQueryAsync(CancellationToken.None);
        }

        // A mover that was killed may have left a write that is still under way.
        await using (var locks = new NpgsqlCommand(LockSlots, connection))
        {
            locks.Parameters.Add(Sql.Of(PostgresLocks.Slot));
            locks.Parameters.Add(Sql.Of([.. slots.Select(slot => (int)slot.Slot)]));
            await locks.ExecuteNonQueryAsync(CancellationToken.None);
        }

#pragma warning disable CA2100 // Constants of this class.
        await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
        command.Parameters.Add(Sql.Of([.. slots.Select(slot => slot.Slot)]));
        command.Parameters.Add(Sql.Of([.. slots.Select(slot => slot.Epoch)]));
        if (await command.ExecuteNonQueryAsync(CancellationToken.None) < slots.Count)
        {
            return false;
        }

        await transaction.CommitAsync(CancellationToken.None);
        return true;
    });

    private Task<T> Try<T>(Func<Task<T>> use) => PostgresFailure.Translate(async () =>
    {
        try
        {
            return await use();
        }
        catch (Exception e) when (PostgresFailure.IsConnectionLost(e))
        {
            // The pool has lain idle while the server was away. Who reads asks once more; a change is looked at again by who made it.
            Database.Source.Clear();
            throw;
        }
    });
}
