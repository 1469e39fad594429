using System.Collections.Concurrent;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres.Slots;

/// <summary>An installation of two shards on real databases, the first of which has the directory too; and what must hold of it after whatever was done to it.</summary>
internal sealed class SlotWorld : IAsyncDisposable
{
    /// <summary>Quick, and with little in each group and batch, so that there are several.</summary>
    public static readonly SlotMoverOptions Options = new()
    {
        GroupRoomsMax = 2,
        BatchEventsMax = 20,
        SoakInterval = TimeSpan.FromMilliseconds(20),
        FreezePause = TimeSpan.FromMilliseconds(20),
        LockTimeout = TimeSpan.FromMilliseconds(500),
        FreezeAttemptsMax = 100,
    };

    private readonly List<PostgresDatabase> _open = [];

    private SlotWorld(string[] names) => Names = names;

    /// <summary>Of the databases, by shard.</summary>
    public string[] Names { get; }

    public PostgresDatabase Directory { get; private set; } = null!;

    public PostgresShardMap Map { get; private set; } = null!;

    public PostgresSlotMoves Moves { get; private set; } = null!;

    public Dictionary<short, SlotShard> Shards { get; } = [];

    public SlotWriter Writer { get; private set; } = null!;

    public static async Task<SlotWorld> Create()
    {
        var world = new SlotWorld([PostgresStorage.CreateDatabase(PostgresServer.Shared), PostgresStorage.CreateDatabase(PostgresServer.Shared)]);
        world.Directory = world.Keep(PostgresDatabase.OpenAsOwner(world.OptionsOf(0), PostgresParts.Directory));
        world.Map = new PostgresShardMap(world.Directory);
        world.Moves = new PostgresSlotMoves(world.Directory);
        Guid installation = PostgresInstallation.Read(world.Directory).Id;
        List<PostgresDatabase> serving = [];
        for (short shard = 0; shard < 2; shard++)
        {
            serving.Add(world.Keep(PostgresDatabase.Open(world.OptionsOf(shard), PostgresParts.Rooms, new ShardIdentity(shard, installation))));
            world.Shards.Add(shard, SlotShard.Open(shard, shard == 0 ? "main" : "second", world.OptionsOf(shard)));
            world.Keep(world.Shards[shard].Database);
        }

        Assert.True(await world.Map.TryAddShard(new Shard(1, "second", ShardState.Active), Cancel));
        world.Writer = new SlotWriter(world.Map, serving);
        return world;
    }

    public PostgresOptions OptionsOf(short shard) => new()
    {
        ConnectionString = PostgresServer.Shared.AppConnection(Names[shard]),
        OwnerConnectionString = PostgresServer.Shared.OwnerConnection(Names[shard]),
    };

    /// <summary>A mover that dies at the nth time it comes to a point, as far as it knows.</summary>
    public SlotMover Mover(PostgresOperation operation, SlotMovePoint? die = null, int nth = 1, SlotMoverOptions? options = null, Func<SlotMovePoint, ValueTask>? reached = null)
    {
        int count = 0;
        return new SlotMover(Directory, operation, Shards, TimeProvider.System, options ?? Options, point =>
            point == die && Interlocked.Increment(ref count) == nth ? throw new MoverKilledException(point) : reached?.Invoke(point) ?? ValueTask.CompletedTask);
    }

    public async Task<PostgresOperation> Begin() => (await PostgresOperation.TryBegin(Directory, Cancel))!;

    /// <summary>Looks with the rights of an administrator, whom no wall stops.</summary>
    public async Task<T> Look<T>(short shard, string query)
    {
        await using NpgsqlConnection connection = await Open(PostgresServer.Shared.SuperuserConnection(Names[shard]));
        return await connection.Scalar<T>(query);
    }

    public Task<long> RoomsIn(short shard) => Look<long>(shard, "SELECT count(*) FROM rooms.room");

    /// <summary>One owner for each slot, as the map says; each log whole; what is stored agrees with it; nothing left over.</summary>
    public async Task IsWell()
    {
        ShardsReport report = await new ShardsVerifier(Directory, Shards).Verify(only: null, Cancel);
        Assert.Empty(report.Problems);
    }

    /// <summary>The slots lie in the shard and nowhere else, and are owned nowhere else.</summary>
    public async Task IsOnlyIn(short shard, IReadOnlyCollection<short> slots)
    {
        string list = string.Join(',', slots);
        Assert.Equal(0, await Look<long>((short)(1 - shard), $"SELECT count(*) FROM rooms.room WHERE slot IN ({list})"));
        Assert.Equal(0, await Look<long>((short)(1 - shard), $"SELECT count(*) FROM rooms.slot_owner WHERE state = 1 AND slot IN ({list})"));
        Assert.Equal(slots.Count, await Look<long>(shard, $"SELECT count(*) FROM rooms.slot_owner WHERE state = 1 AND slot IN ({list})"));
        Assert.Equal(0, await Look<long>((short)(1 - shard), "SELECT count(*) FROM rooms.event e WHERE NOT EXISTS (SELECT FROM rooms.room r WHERE r.room_key = e.room_key)"));
        Assert.Empty(await Moves.ReadOpen(Cancel));
    }

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        _open.ForEach(database => database.Dispose());
        foreach (string name in Names)
        {
            PostgresServer.Shared.DropDatabase(name);
        }
    }

    private PostgresDatabase Keep(PostgresDatabase database)
    {
        _open.Add(database);
        return database;
    }
}

/// <summary>A mover was killed, as far as a test can tell it to.</summary>
internal sealed class MoverKilledException(SlotMovePoint point) : Exception($"Killed at {point}.");

/// <summary>Writes into rooms wherever the map says they are, asks again when they have moved, and remembers what was acknowledged.</summary>
internal sealed class SlotWriter(PostgresShardMap map, IReadOnlyList<PostgresDatabase> shards) : IAsyncDisposable
{
    /// <summary>Of each writer; as fast as they can, they would leave the mover no processor.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _enough = new();
    private readonly ConcurrentDictionary<RoomId, ConcurrentQueue<(string Text, long Seq)>> _acknowledged = [];
    private readonly List<Task> _writing = [];
    private volatile SlotMap? _map;
    private int _clientId;
    private long _count;

    /// <summary>Acknowledged so far.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>The longest that one draft was refused.</summary>
    public TimeSpan LongestWait { get; private set; }

    /// <summary>A room with some of everything in it.</summary>
    public async Task Furnish(RoomId room)
    {
        await Do(Create(room, Bob));
        long first = await Note(Send(room, "first"));
        long second = await Note(Send(room, "second"));
        await Do(new EditMessage(second, "second, edited") { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new React(first, "👍", On: true) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new React(first, "👍", On: true) { Tenant = Tenant, Room = room, Sender = Bob });
        await Do(new React(first, "🎉", On: true) { Tenant = Tenant, Room = room, Sender = Bob });
        await Do(new React(first, "🎉", On: false) { Tenant = Tenant, Room = room, Sender = Bob });
        await Do(new Pin(second, On: true) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new Pin(first, On: true) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new Pin(first, On: false) { Tenant = Tenant, Room = room, Sender = Ann });
        long gone = (await Do(Send(room, "to be deleted", NextId()))).Seq;
        await Do(new EditMessage(gone, "still to be deleted") { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new React(gone, "👍", On: true) { Tenant = Tenant, Room = room, Sender = Bob });
        await Do(new Pin(gone, On: true) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new DeleteMessage(gone) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new UpdateRoom("Renamed", "About") { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new UpdateRoom(null, "") { Tenant = Tenant, Room = room, Sender = Ann });
        var carl = new UserId(Id(13));
        await Do(new AddMember(carl, RoomRole.Member) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new RemoveMember(carl) { Tenant = Tenant, Room = room, Sender = Ann });
        await Do(new ChangeRole(Bob, RoomRole.Moderator) { Tenant = Tenant, Room = room, Sender = Ann });
    }

    /// <summary>One writer for each room, one message after another, until <see cref="Stop"/>.</summary>
    public void Start(IEnumerable<RoomId> rooms) => _writing.AddRange(rooms.Select(room => Task.Run(async () =>
    {
        for (int i = 0; !_enough.IsCancellationRequested; i++)
        {
            await Note(Send(room, $"message {i}"));
            await Task.Delay(Pace, TimeProvider.System, CancellationToken.None);
        }
    })));

    public async Task Stop()
    {
        await _enough.CancelAsync();
        await Task.WhenAll(_writing).WaitAsync(TimeSpan.FromSeconds(30));
        _writing.Clear();
    }

    /// <summary>Back when so many more were acknowledged.</summary>
    public Task More(int messages)
    {
        long before = Count;
        return Clients.Signal.Poll(() => Count - before >= messages || _writing.Any(writing => writing.IsFaulted), "acknowledgements");
    }

    public async Task<long> Note(SendMessage draft)
    {
        draft = draft with { ClientId = new ClientId(Id(NextId())) };
        AppendOutcome outcome = await Do(draft);
        Assert.Null(outcome.Refusal);
        _acknowledged.GetOrAdd(draft.Room, _ => []).Enqueue((draft.Text, outcome.Seq));
        Interlocked.Increment(ref _count);
        return outcome.Seq;
    }

    public async Task<AppendOutcome> Do(Draft draft)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                AppendOutcome outcome = await Of(draft.Room).Do(draft);
                TimeSpan waited = TimeProvider.System.GetElapsedTime(began);
                LongestWait = waited > LongestWait ? waited : LongestWait;
                return outcome;
            }
            catch (RoomMovedException) when (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20))
            {
                _map = null;
                await Task.Delay(Pace, TimeProvider.System, CancellationToken.None);
            }
        }
    }

    public async Task<IReadOnlyList<RoomEvent>> Log(RoomId room)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await Of(room).Log(room);
            }
            catch (RoomMovedException) when (attempt < 100)
            {
                _map = null;
            }
        }
    }

    /// <summary>Each acknowledged message is there once, at its place, in the order in which they were acknowledged; each client id once; no gap.</summary>
    public async Task HoldsAll()
    {
        foreach ((RoomId room, ConcurrentQueue<(string Text, long Seq)> acknowledged) in _acknowledged)
        {
            IReadOnlyList<RoomEvent> log = await Log(room);
            Assert.Equal(Enumerable.Range(1, log.Count).Select(seq => (long)seq), log.Select(e => e.Seq));
            Assert.All(acknowledged, message => Assert.Equal(message.Text, log[(int)message.Seq - 1].Text));
            Assert.Equal(acknowledged.Select(message => message.Seq).Order(), acknowledged.Select(message => message.Seq));
            IEnumerable<ClientId> ids = log.Where(e => e.ClientId is not null).Select(e => e.ClientId!.Value);
            Assert.Equal(ids.Distinct().Count(), ids.Count());
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await Task.WhenAll(_writing).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _enough.Dispose();
    }

    private int NextId() => Interlocked.Increment(ref _clientId) + 10_000_000;

    private PostgresRoomStore Of(RoomId room)
    {
        SlotMap now = _map ??= map.Read(CancellationToken.None).GetAwaiter().GetResult();
        return new PostgresRoomStore(shards[now.Slots[Slot.Of(room)].Shard], slot => now.Slots[slot].Epoch);
    }
}
