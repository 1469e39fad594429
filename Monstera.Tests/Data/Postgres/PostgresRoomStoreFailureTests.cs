using System.Collections.Concurrent;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>The server stops, locks are held, slots are somebody else's.</summary>
public sealed class PostgresRoomStoreFailureTests : IDisposable
{
    private readonly Lazy<PostgresStorage> _storage = new(() => new PostgresStorage());

    private PostgresStorage Storage => _storage.Value;

    private string Owner => PostgresServer.Shared.OwnerConnection(Storage.Name);

    public void Dispose()
    {
        if (_storage.IsValueCreated)
        {
            Storage.Dispose();
        }
    }

    /// <summary>What was acknowledged is there, once and where it was said to be; the rest is settled by sending it again.</summary>
    [Fact]
    public async Task A_server_that_stops_in_the_middle_loses_nothing_that_was_acknowledged()
    {
        const int Writers = 3, Each = 150, StopAt = 60;
        using PostgresServer server = PostgresServer.Start();
        string name = PostgresStorage.CreateDatabase(server);
        PostgresOptions options = new() { ConnectionString = server.AppConnection(name) };
        PostgresDatabase[] databases = [.. Enumerable.Range(0, Writers).Select(_ => PostgresDatabase.Open(options, PostgresRoomStore.Schema))];
        PostgresRoomStore[] stores = [.. databases.Select(database => new PostgresRoomStore(database))];
        await stores[0].Do(Create(Room(1)));
        ConcurrentDictionary<int, long> acknowledged = [];
        using var stopDue = new SemaphoreSlim(0);
        var back = new TaskCompletionSource();
        int failures = 0;
        Task[] writing = [.. stores.Select((store, which) => Task.Run(
            async () =>
            {
                for (int i = which * Each; i < (which + 1) * Each; i++)
                {
                    while (!acknowledged.ContainsKey(i))
                    {
                        try
                        {
                            acknowledged[i] = (await store.Do(Send(Room(1), $"{i}", i))).Seq;
                        }
                        catch (StorageUnavailableException)
                        {
                            Interlocked.Increment(ref failures);
                            await back.Task;
                        }
                    }

                    if (acknowledged.Count >= StopAt)
                    {
                        stopDue.Release();
                    }
                }
            },
            Cancel))];
        await stopDue.WaitAsync(Cancel);
        server.StopImmediately();
        server.Restart();
        back.SetResult();
        await Task.WhenAll(writing);

        Assert.True(failures > 0);
        IReadOnlyList<RoomEvent> log = await stores[0].Log(Room(1));
        Assert.Equal(Enumerable.Range(1, 2 + (Writers * Each)).Select(n => (long)n), log.Select(e => e.Seq));
        Assert.All(acknowledged, a => Assert.Equal($"{a.Key}", log[(int)a.Value - 1].Text));
        Assert.Equal(Writers * Each, acknowledged.Values.Distinct().Count());
        Array.ForEach(databases, database => database.Dispose());
    }

    [Fact]
    public async Task Connections_that_died_while_idle_fail_nobody()
    {
        using PostgresServer server = PostgresServer.Start();
        string name = PostgresStorage.CreateDatabase(server);
        using PostgresDatabase database = PostgresDatabase.Open(new PostgresOptions { ConnectionString = server.AppConnection(name) }, PostgresRoomStore.Schema);
        var store = new PostgresRoomStore(database);
        await store.Do(Create(Room(1)));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await store.FindRoom(Tenant, Room(1), Cancel), Cancel)));
        server.StopImmediately();
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await store.FindRoom(Tenant, Room(1), Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => store.Do(Send(Room(1), "a")));
        server.Restart();
        Assert.Equal(2, (await store.FindRoom(Tenant, Room(1), Cancel))!.Head);
        Assert.Equal(3, (await store.Do(Send(Room(1), "a"))).Seq);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await store.FindRoom(Tenant, Room(1), Cancel), Cancel)));
        server.StopImmediately();
        server.Restart();
        Assert.Equal(4, (await store.Do(Send(Room(1), "b"))).Seq);
        Assert.Equal(4, (await store.FindRoom(Tenant, Room(1), Cancel))!.Head);
    }

    [Fact]
    public async Task A_server_that_is_away_is_unavailable()
    {
        PostgresOptions options = new() { ConnectionString = $"Host=127.0.0.1;Port={PostgresTools.FreePort()};Username=a;Database=b" };
        Assert.Throws<StorageUnavailableException>(() => PostgresDatabase.Open(options, PostgresRoomStore.Schema));
        await Storage.Rooms.Do(Create(Room(1)));
        PostgresServer.Shared.DropDatabase(Storage.Name);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Storage.Rooms.Do(Send(Room(1), "a")));
    }

    [Fact]
    public async Task A_standby_is_unavailable_for_writing()
    {
        await Storage.Rooms.Do(Create(Room(1)));
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(Storage.Name), $"ALTER DATABASE {Storage.Name} SET default_transaction_read_only = on");
        Storage.Reopen();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Storage.Rooms.Do(Send(Room(1), "a")));
        Assert.Equal(2, (await Storage.Rooms.Log(Room(1))).Count);
    }

    [Fact]
    public async Task A_batch_that_fails_leaves_no_trace_and_the_next_one_succeeds()
    {
        await Storage.Rooms.Do(Create(Room(1)));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Storage.Rooms.Append(
            [Send(Room(1), "a", 1), new Unheard { Tenant = Tenant, Room = Room(1), Sender = Ann }], Now, Cancel));

        // A text that the contract does not let through is a bug of the caller's, and not a storage that is away.
        Assert.Equal(
            PostgresErrorCodes.CharacterNotInRepertoire,
            (await Assert.ThrowsAsync<PostgresException>(async () => await Storage.Rooms.Append([Send(Room(1), "a\0", 2)], Now, Cancel))).SqlState);
        Assert.Equal([3, 4], (await Storage.Rooms.Append([Send(Room(1), "a", 1), Send(Room(1), "b", 2)], Now, Cancel)).Select(o => o.Seq));
    }

    [Fact]
    public async Task What_cannot_be_in_a_name_finds_nothing()
    {
        await Storage.Rooms.Do(Create(Room(1)));
        Assert.Empty((await Storage.Rooms.ReadPublicRooms(Tenant, Ann, "a\0", null, 10, Cancel)).Items);
        string cursor = PageCursor.Of(Id(1), "a\0b");
        await Assert.ThrowsAsync<FormatException>(async () => await Storage.Rooms.ReadPublicRooms(Tenant, Ann, null, cursor, 10, Cancel));
    }

    [Theory]
    [InlineData("DELETE FROM rooms.slot_owner WHERE slot = {0}")]
    [InlineData("UPDATE rooms.slot_owner SET state = 2 WHERE slot = {0}")]
    [InlineData("UPDATE rooms.slot_owner SET epoch = 2 WHERE slot = {0}")]
    public async Task A_slot_that_is_not_ours_is_not_written(string move)
    {
        await Storage.Rooms.Append([Create(Room(1)), Create(Room(2))], Now, Cancel);
        short slot = Slot.Of(Room(1));
        Assert.NotEqual(slot, Slot.Of(Room(2)));
        await using NpgsqlConnection superuser = await Open(PostgresServer.Shared.SuperuserConnection(Storage.Name));
        await superuser.Execute(string.Format(null, System.Text.CompositeFormat.Parse(move), slot));
        RoomMovedException e = await Assert.ThrowsAsync<RoomMovedException>(
            async () => await Storage.Rooms.Append([Send(Room(2), "a"), Send(Room(1), "b")], Now, Cancel));
        Assert.Equal([slot], e.Slots);
        Assert.Equal(2, (await Storage.Rooms.Log(Room(2))).Count);
        Assert.Equal(4, await superuser.Scalar<long>("SELECT count(*) FROM rooms.event"));
        Assert.Equal(3, (await Storage.Rooms.Do(Send(Room(2), "a"))).Seq);
        await Assert.ThrowsAsync<RoomMovedException>(() => Storage.Rooms.Do(Create(Room(1))));
    }

    [Fact]
    public async Task A_slot_is_ours_at_the_epoch_that_we_believe_in()
    {
        await Storage.Rooms.Append([Create(Room(1)), Create(Room(2))], Now, Cancel);
        short slot = Slot.Of(Room(1));
        PostgresServer.Execute(Owner, $"UPDATE rooms.slot_owner SET epoch = 7 WHERE slot = {slot}");
        var knowing = new PostgresRoomStore(Storage.Database, s => s == slot ? 7 : 1);
        Assert.Equal([3, 3], (await knowing.Append([Send(Room(1), "a"), Send(Room(2), "a")], Now, Cancel)).Select(o => o.Seq));
    }

    /// <summary>All that are refused are named, for whatever reason each is, and nobody waits for who moves them.</summary>
    [Fact]
    public async Task Slots_that_are_being_moved_are_refused_at_once_and_all_of_them()
    {
        await Storage.Rooms.Append([.. Enumerable.Range(1, 4).Select(i => Create(Room(i)))], Now, Cancel);
        await using NpgsqlConnection mover = await Open(Owner);
        await mover.Execute("BEGIN");
        await mover.Execute($"SELECT pg_advisory_xact_lock({PostgresLocks.Slot}, {Slot.Of(Room(1))}), pg_advisory_xact_lock({PostgresLocks.Slot}, {Slot.Of(Room(2))})");
        await mover.Execute($"UPDATE rooms.slot_owner SET state = 2 WHERE slot = {Slot.Of(Room(2))}");
        PostgresServer.Execute(Owner, $"DELETE FROM rooms.slot_owner WHERE slot = {Slot.Of(Room(3))}");

        // A lock that was waited for would end as another exception, after this long.
        using PostgresDatabase patient = PostgresDatabase.Open(Storage.Options() with { LockTimeout = TimeSpan.FromSeconds(60) }, PostgresRoomStore.Schema);
        var store = new PostgresRoomStore(patient);
        RoomMovedException e = await Assert.ThrowsAsync<RoomMovedException>(
            async () => await store.Append([.. Enumerable.Range(1, 4).Select(i => Send(Room(i), "a"))], Now, Cancel));
        Assert.Equal(Enumerable.Range(1, 3).Select(i => Slot.Of(Room(i))).Order(), e.Slots.Order());
        await mover.Execute("COMMIT");
        Assert.Equal([3, 3], (await store.Append([Send(Room(1), "a"), Send(Room(4), "a")], Now, Cancel)).Select(o => o.Seq));
        Assert.Equal([Slot.Of(Room(2))], (await Assert.ThrowsAsync<RoomMovedException>(() => store.Do(Send(Room(2), "a")))).Slots);
    }

    /// <summary>What is left of a slot that was given away is a copy, and what came before it is ours another one.</summary>
    [Theory]
    [InlineData("DELETE FROM rooms.slot_owner WHERE slot = {0}")]
    [InlineData("UPDATE rooms.slot_owner SET state = 2 WHERE slot = {0}")]
    [InlineData("UPDATE rooms.slot_owner SET epoch = 2 WHERE slot = {0}")]
    public async Task A_slot_that_is_not_ours_is_not_read(string move)
    {
        IRoomStore store = Storage.Rooms;
        await store.Append([Create(Room(1)), Create(Room(2))], Now, Cancel);
        short slot = Slot.Of(Room(1));
        PostgresServer.Execute(Owner, string.Format(null, System.Text.CompositeFormat.Parse(move), slot));
        RoomId room = Room(1);
        Func<Task>[] reads =
        [
            async () => await store.ReadAfter(Tenant, room, null, 0, 10, 1_000, Cancel),
            async () => await store.ReadTimeline(Tenant, room, Ann, new TimelineQuery.Newest(), 10, Cancel),
            async () => await store.FindMessage(Tenant, room, Ann, 3, Cancel),
            async () => await store.ReadPins(Tenant, room, Ann, Cancel),
            async () => await store.FindRoom(Tenant, room, Cancel),
            async () => await store.FindMember(Tenant, room, Ann, Cancel),
            async () => await store.FindMembers(Tenant, room, [Ann], Cancel),
            async () => await store.ReadMembers(Tenant, room, Ann, null, 10, Cancel),
            async () => await store.CountUnread(Tenant, room, Ann, 0, Cancel),
            async () => await store.ReadHeads(Tenant, [Room(2), room], Cancel),
            async () => await store.Summarize(Tenant, Ann, [new ReadMarker(Room(2), 0), new ReadMarker(room, 0)], Cancel),
        ];
        foreach (Func<Task> read in reads)
        {
            Assert.Equal([slot], (await Assert.ThrowsAsync<RoomMovedException>(read)).Slots);
        }

        Assert.Single((await store.ReadHeads(Tenant, [Room(2)], Cancel)).Items);

        // Asked of all shards at any epoch: only who owns the slot now shows its rooms.
        bool isOwner = move.Contains("epoch", StringComparison.Ordinal);
        Assert.Equal(isOwner ? [Room(1), Room(2)] : [Room(2)], (await store.ReadPublicRooms(Tenant, Ann, null, null, 10, Cancel)).Items.Select(r => r.Id).OrderBy(id => id.ToString(), StringComparer.Ordinal));
    }

    [Fact]
    public async Task Waiting_for_a_lock_ends_as_unavailable()
    {
        await Storage.Rooms.Do(Create(Room(1)));
        using PostgresDatabase hasty = PostgresDatabase.Open(Storage.Options() with { LockTimeout = TimeSpan.FromMilliseconds(50) }, PostgresRoomStore.Schema);
        var store = new PostgresRoomStore(hasty);
        await using NpgsqlConnection other = await Open(PostgresServer.Shared.SuperuserConnection(Storage.Name));
        await other.Execute("BEGIN");
        await other.Execute("SELECT FROM rooms.room FOR UPDATE");
        StorageUnavailableException e = await Assert.ThrowsAsync<StorageUnavailableException>(() => store.Do(Send(Room(1), "a")));
        Assert.Contains(PostgresErrorCodes.LockNotAvailable, e.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await store.Log(Room(1))).Count);
        await other.Execute("ROLLBACK");
        Assert.Equal(3, (await store.Do(Send(Room(1), "a"))).Seq);
    }

    [Fact]
    public async Task A_call_that_was_cancelled_before_its_turn_does_nothing()
    {
        await Storage.Rooms.Do(Create(Room(1)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Storage.Rooms.Append([Send(Room(1), "a")], Now, new CancellationToken(canceled: true)));
        Assert.Equal(2, (await Storage.Rooms.Log(Room(1))).Count);
    }

    private sealed record Unheard : Draft;
}
