using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>
/// The installation in PostgreSQL: the directory's database and those of its shards, as their owner. Holds the right to the one operation at a time as long as it is open.
/// </summary>
public sealed partial class PostgresInstallationArchive : IInstallationArchive
{
    private readonly PostgresDatabase _directory;
    private readonly PostgresOperation _operation;
    private readonly IReadOnlyList<PostgresShard> _shards;
    private readonly PostgresShard[] _shardOfSlot;

    private PostgresInstallationArchive(PostgresDatabase directory, PostgresOperation operation, IReadOnlyList<PostgresShard> shards, SlotMap map)
    {
        _directory = directory;
        _operation = operation;
        _shards = shards;
        Slots = RangesOf(map);
        _shardOfSlot = [.. map.Slots.Select(owner => shards.Single(shard => shard.Id == owner.Shard))];
        Directory = new PostgresDirectoryArchive(directory);
        Shards =
        [
            .. shards.Select(shard => new ShardArchive(
                shard.Rooms, shards.Count == 1 ? null : [.. Enumerable.Range(0, Slot.Count).Select(slot => (short)slot).Where(slot => _shardOfSlot[slot] == shard)])),
        ];
    }

    /// <inheritdoc/>
    public string Place => $"PostgreSQL ({_directory.Place})";

    /// <inheritdoc/>
    public IDirectoryArchive Directory { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ShardArchive> Shards { get; }

    /// <summary>The map at the time of opening.</summary>
    public IReadOnlyList<SlotRange> Slots { get; }

    /// <summary>
    /// 1. opens the directory; 2. takes the right to the operation; 3. opens the shards that the map names; 4. refuses while slots are on their way between shards.
    /// </summary>
    /// <param name="directory">With the owner's connection string, as all of them.</param>
    /// <param name="shards">By number.</param>
    /// <param name="migrate">Makes the schemas, or brings them up to date.</param>
    /// <exception cref="StorageRefusedException">Another operation is under way, a shard of the map is not given or is another one, or see <see cref="PostgresDatabase.OpenAsOwner"/>.</exception>
    public static async Task<PostgresInstallationArchive> Open(
        PostgresOptions directory, IReadOnlyDictionary<short, PostgresOptions> shards, bool migrate, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(shards);
        List<IAsyncDisposable> opened = [];
        try
        {
            // 1.
            bool isOne = shards.GetValueOrDefault((short)0)?.OwnerConnectionString == directory.OwnerConnectionString;
            PostgresDatabase people = PostgresDatabase.OpenAsOwner(Patient(directory), isOne ? PostgresParts.Directory | PostgresParts.Rooms : PostgresParts.Directory, migrate);
            opened.Add(new Disposal(people));

            // 2.
            PostgresOperation operation = await PostgresOperation.TryBegin(people, cancel)
                ?? throw new StorageRefusedException($"{people.Place} is being moved or copied by another command. One at a time: wait for its end.");
            opened.Add(operation);

            // 3.
            Installation installation = PostgresInstallation.Read(people);
            SlotMap map = await new PostgresShardMap(people).Read(cancel);
            List<PostgresShard> all = [];
            foreach (short id in map.Slots.Select(owner => owner.Shard).Distinct().Order())
            {
                PostgresOptions options = shards.GetValueOrDefault(id)
                    ?? throw new StorageRefusedException($"The map of {people.Place} gives slots to shard {id}, and its connection string is not set.");
                PostgresDatabase database = isOne && id == 0 ? people : PostgresDatabase.OpenAsOwner(Patient(options), PostgresParts.Rooms, migrate);
                if (database != people)
                {
                    opened.Add(new Disposal(database));
                }

                Identify(database, id, installation);
                all.Add(new PostgresShard(id, database));
            }

            // 4.
            if (await new PostgresSlotMoves(people).ReadOpen(cancel) is [SlotMove move, ..])
            {
                throw new StorageRefusedException($"Slots are on their way from shard {move.From} to shard {move.To}: finish that first (`monstera shards move-slots`).");
            }

            return new PostgresInstallationArchive(people, operation, all, map);
        }
        catch
        {
            opened.Reverse();
            foreach (IAsyncDisposable part in opened)
            {
                await part.DisposeAsync();
            }

            throw;
        }
    }

    /// <summary>Whether there is a directory in the database, of whatever version.</summary>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static bool IsMade(PostgresOptions directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return PostgresFailure.Translate(() =>
        {
            using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(directory.OwnerConnectionString) { Pooling = false }.ConnectionString);
            connection.Open();
            using var command = new NpgsqlCommand("SELECT to_regclass('directory.schema_migration') IS NOT NULL", connection);
            return command.ExecuteScalar() is true;
        });
    }

    /// <inheritdoc/>
    public IRoomArchive RoomsOf(RoomId room) => _shardOfSlot[Slot.Of(room)].Rooms;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<MembershipChange>> ReadOutbox(CancellationToken cancel)
    {
        List<MembershipChange> changes = [];
        foreach (PostgresShard shard in _shards)
        {
            await PostgresFailure.Translate(async () =>
            {
                await using NpgsqlConnection connection = await shard.Database.Source.OpenConnectionAsync(cancel);
                await using var command = new NpgsqlCommand("SELECT id, tenant, user_id, room, seq, member, at FROM rooms.membership_outbox ORDER BY id", connection);
                await using NpgsqlDataReader row = await command.ExecuteReaderAsync(cancel);
                while (await row.ReadAsync(cancel))
                {
                    changes.Add(new MembershipChange(
                        row.GetInt64(0), new TenantId(row.GetGuid(1)), new UserId(row.GetGuid(2)), new RoomId(row.GetGuid(3)), row.GetInt64(4), row.GetBoolean(5), row.Time(6)));
                }

                return true;
            });
        }

        return changes;
    }

    /// <inheritdoc/>
    public ValueTask Apply(IReadOnlyList<MembershipChange> changes, CancellationToken cancel) => new PostgresDirectory(_directory).ApplyMemberships(changes, cancel);

    public async ValueTask DisposeAsync()
    {
        await _operation.DisposeAsync();
        foreach (PostgresShard shard in _shards.Where(shard => shard.Database != _directory))
        {
            shard.Database.Dispose();
        }

        _directory.Dispose();
    }

    /// <summary>A copy reads and writes much at once; nobody waits for it.</summary>
    private static PostgresOptions Patient(PostgresOptions options) => options with
    {
        Pooler = false,
        StatementTimeout = TimeSpan.FromMinutes(10),
        LockTimeout = TimeSpan.FromSeconds(10),
        IdleInTransactionTimeout = TimeSpan.FromSeconds(60),
    };

    /// <summary>A shard of an installation that receives a copy may still have the id from before: see <see cref="BeginCopy"/>.</summary>
    private static void Identify(PostgresDatabase database, short shard, Installation installation)
    {
        ShardIdentity? known = database.FindIdentity();
        if (known?.Shard == shard && installation.State == InstallationState.ReceivesCopy)
        {
            return;
        }

        database.Identify(new ShardIdentity(shard, installation.Id));
    }

    private static List<SlotRange> RangesOf(SlotMap map)
    {
        List<SlotRange> ranges = [];
        for (int slot = 0; slot < map.Slots.Count; slot++)
        {
            SlotOwner owner = map.Slots[slot];
            if (ranges.Count > 0 && ranges[^1] is { } last && last.Shard == owner.Shard && last.Epoch == owner.Epoch)
            {
                ranges[^1] = last with { Last = (short)slot };
            }
            else
            {
                ranges.Add(new SlotRange((short)slot, (short)slot, owner.Shard, owner.Epoch));
            }
        }

        return ranges;
    }

    private sealed record PostgresShard(short Id, PostgresDatabase Database)
    {
        public PostgresRoomArchive Rooms { get; } = new(Database.Source);
    }

    private sealed class Disposal(IDisposable part) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
