using System.Collections.Concurrent;
using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Tests.Data.Postgres;
using Npgsql;

namespace Monstera.Tests.Data.Sharding;

/// <summary>Three databases on the shared server, of which shard n has the slots that are n modulo 3. The first one has the directory too.</summary>
public sealed class ThreeShards : StorageUnderTest
{
    public const int Count = 3;

    // Making three databases takes longer than most tests.
    private static readonly ConcurrentBag<string[]> Clean = [];

    private readonly string[] _names;
    private PostgresDatabase[] _databases = [];
    private PostgresDirectory _directory = null!;
    private bool _isWorn;

    public ThreeShards()
    {
        _names = Clean.TryTake(out string[]? clean) ? clean : [.. Enumerable.Range(0, Count).Select(CreateDatabase)];
        Open();
    }

    public ShardedRoomStore Store { get; private set; } = null!;

    public override IRoomStore Rooms => Store;

    public override IDirectory Directory => _directory;

    public string OwnerConnection(int shard) => PostgresServer.Shared.OwnerConnection(_names[shard]);

    /// <summary>A room in a slot of the shard, as slots were in the beginning.</summary>
    /// <param name="n">Another one for another number.</param>
    public static RoomId RoomIn(int shard, int n = 0) =>
        Enumerable.Range(0, int.MaxValue).Select(i => new RoomId(PostgresDesk.Id(5_000 + i))).Where(room => Slot.Of(room) % Count == shard).ElementAt(n);

    public override void Reopen()
    {
        Close();
        Open();
    }

    /// <summary>The rooms as another server has them, with a map of its own.</summary>
    /// <param name="open">Null: all shards are there.</param>
    /// <param name="shards">So many are known to it.</param>
    internal async Task<ShardedRoomStore> OpenNode(
        Func<IShardMap, IShardMap>? map = null, Func<int, Func<short, long>, IRoomStore>? open = null, TimeProvider? time = null, int shards = Count)
    {
        IShardMap source = new PostgresSlotAssignments(_databases[0]);
        return await ShardedRoomStore.Open(map?.Invoke(source) ?? source, shards, open ?? OpenShard, time ?? TimeProvider.System, CancellationToken.None);
    }

    internal PostgresRoomStore OpenShard(int shard, Func<short, long> epochOf) => new(_databases[shard], epochOf);

    /// <summary>A hand-over as it is agreed: copy; freeze, copy the rest and give away; own it there; tell all.</summary>
    /// <param name="beforeOwned">Between the last two but one: nobody owns the slot.</param>
    public async Task Move(short slot, int from, int to, Func<Task>? beforeOwned = null)
    {
        _isWorn = true;
        await using NpgsqlDataSource source = PostgresRoomArchive.Connect(OwnerConnection(from)), destination = PostgresRoomArchive.Connect(OwnerConnection(to));
        PostgresRoomArchive origin = new(source), copy = new(destination);
        await Copy(slot, origin, copy);
        long epoch;
        await using (NpgsqlConnection mover = await PostgresDesk.Open(OwnerConnection(from)))
        {
            await mover.Execute("BEGIN");
            await mover.Execute($"SELECT pg_advisory_xact_lock({PostgresLocks.Slot}, {slot})");
            await Copy(slot, origin, copy);
            epoch = await mover.Scalar<long>($"UPDATE rooms.slot_owner SET state = 2, epoch = epoch + 1 WHERE slot = {slot} RETURNING epoch");
            await mover.Execute("COMMIT");
        }

        await (beforeOwned?.Invoke() ?? Task.CompletedTask);
        PostgresServer.Execute(
            OwnerConnection(to),
            $"INSERT INTO rooms.slot_owner (slot, epoch, state) VALUES ({slot}, {epoch}, 1) ON CONFLICT (slot) DO UPDATE SET epoch = {epoch}, state = 1");
        PostgresServer.Execute(
            OwnerConnection(0),
            $"UPDATE directory.slot_map SET shard = {to}, epoch = {epoch} WHERE slot = {slot}; UPDATE directory.slot_map_version SET version = version + 1");
    }

    public override void Dispose()
    {
        Close();
        if (_isWorn)
        {
            Array.ForEach(_names, PostgresServer.Shared.DropDatabase);
            return;
        }

        foreach (string name in _names)
        {
            PostgresServer.Execute(
                PostgresServer.Shared.OwnerConnection(name),
                "TRUNCATE rooms.room, rooms.event, rooms.member, rooms.message_state, rooms.reaction, rooms.reaction_emoji, rooms.membership_outbox");
        }

        Clean.Add(_names);
    }

    private static async Task Copy(short slot, PostgresRoomArchive from, PostgresRoomArchive to)
    {
        Dictionary<RoomId, long> heads = (await to.ReadRooms([slot], null, 100, PostgresDesk.Cancel)).ToDictionary(room => room.Id, room => room.Head);
        foreach (ArchivedRoom room in await from.ReadRooms([slot], null, 100, PostgresDesk.Cancel))
        {
            IReadOnlyList<RoomEvent> events = await from.ReadLog(room.Tenant, room.Id, heads.GetValueOrDefault(room.Id), 100_000, int.MaxValue, PostgresDesk.Cancel);
            if (events.Count > 0)
            {
                await to.Write([new LogPart(room.Id, room.Tenant, room.Epoch, events)], PostgresDesk.Cancel);
            }
        }
    }

    private static string CreateDatabase(int shard) => PostgresServer.Shared.CreateDatabase($"monstera_shard_{shard}_of_three", owner =>
    {
        string name = new NpgsqlConnectionStringBuilder(owner).Database!;
        PostgresDatabase.Open(
            new PostgresOptions { ConnectionString = PostgresServer.Shared.AppConnection(name), OwnerConnectionString = owner }, PostgresParts.Rooms | PostgresParts.Directory).Dispose();
        PostgresServer.Execute(
            owner,
            $"DELETE FROM rooms.slot_owner WHERE slot % {Count} <> {shard}",
            "INSERT INTO directory.shard (id, name, state) VALUES (1, 'one', 1), (2, 'two', 1)",
            $"UPDATE directory.slot_map SET shard = slot % {Count}");
    });

    private void Open()
    {
        _databases = [.. _names.Select((name, shard) => PostgresDatabase.Open(
            new PostgresOptions { ConnectionString = PostgresServer.Shared.AppConnection(name) }, shard == 0 ? PostgresParts.Rooms | PostgresParts.Directory : PostgresParts.Rooms))];
        _directory = new PostgresDirectory(_databases[0]);
        Store = OpenNode().GetAwaiter().GetResult();
    }

    private void Close() => Array.ForEach(_databases, database => database.Dispose());
}
