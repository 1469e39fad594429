using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>Two servers at one database.</summary>
public sealed class PostgresRoomStoreRaceTests : IDisposable
{
    private readonly PostgresStorage _storage = new();
    private readonly PostgresDatabase _second;
    private readonly IRoomStore[] _stores;

    public PostgresRoomStoreRaceTests()
    {
        _second = PostgresDatabase.Open(_storage.Options() with { LockTimeout = TimeSpan.FromSeconds(30) }, PostgresRoomStore.Schema);
        _stores = [_storage.Rooms, new PostgresRoomStore(_second)];
    }

    public void Dispose()
    {
        _second.Dispose();
        _storage.Dispose();
    }

    /// <summary>Each message is sent through both, in batches over the same rooms in different orders.</summary>
    [Fact]
    public async Task Logs_have_no_gap_and_every_message_once()
    {
        const int Rooms = 5, Messages = 400;
        await _stores[0].Append([.. Enumerable.Range(0, Rooms).Select(i => Create(Room(i)))], Now, Cancel);
        Dictionary<ClientId, long>[] answers = await Task.WhenAll(_stores.Select((store, which) => Task.Run(
            async () =>
            {
                Dictionary<ClientId, long> seqs = [];
                var random = new Random(which);
                foreach (int[] chunk in Enumerable.Range(0, Messages).Chunk(8))
                {
                    Draft[] batch = [.. chunk.Select(i => Send(Room(i % Rooms), $"{i}", i)).OrderBy(_ => random.Next())];
                    IReadOnlyList<AppendOutcome> outcomes = await store.Append(batch, Now, Cancel);
                    for (int i = 0; i < batch.Length; i++)
                    {
                        seqs.Add(batch[i].ClientId!.Value, outcomes[i].Seq);
                    }
                }

                return seqs;
            },
            Cancel)));
        Assert.Equal(answers[0].OrderBy(a => a.Key.ToString()), answers[1].OrderBy(a => a.Key.ToString()));
        int messages = 0;
        for (int i = 0; i < Rooms; i++)
        {
            IReadOnlyList<RoomEvent> log = await _stores[1].Log(Room(i));
            Assert.Equal(Enumerable.Range(1, log.Count).Select(n => (long)n), log.Select(e => e.Seq));
            Assert.All(log.Skip(2), e => Assert.Equal(answers[0][e.ClientId!.Value], e.Seq));
            messages += log.Count - 2;
        }

        Assert.Equal(Messages, messages);
    }

    /// <summary>
    /// Locks of rows alone would let a batch that comes take them before another, which has waited all the while, has woken up. Here that one does not wake up before it is told to.
    /// </summary>
    [Fact]
    public async Task Who_has_waited_for_a_room_is_not_overtaken()
    {
        await _stores[0].Append([Create(Room(1))], Now, Cancel);
        await using NpgsqlConnection holder = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await using NpgsqlConnection watch = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await holder.Execute("BEGIN");
        await holder.Execute($"SELECT FROM rooms.room WHERE id = '{Room(1)}' FOR UPDATE");
        Task<IReadOnlyList<AppendOutcome>> first = Task.Run(async () => await _stores[0].Append([Send(Room(1), "first", 1)], Now, Cancel), Cancel);
        await watch.UntilSomebodyWaits(first);
        int backend = await watch.Scalar<int>("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
        Task<IReadOnlyList<AppendOutcome>> second;
        await Tell("-STOP", backend);
        try
        {
            await holder.Execute("COMMIT");
            second = Task.Run(async () => await _stores[1].Append([Send(Room(1), "second", 2)], Now, Cancel), Cancel);
            await watch.UntilSomebodyWaits(second, backends: 2);
            Assert.False(second.IsCompleted);
        }
        finally
        {
            await Tell("-CONT", backend);
        }

        Assert.True((await first)[0].Seq < (await second)[0].Seq);

        async Task Tell(string signal, int process)
        {
            using Process kill = Process.Start("kill", [signal, process.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(Cancel);
        }
    }

    [Fact]
    public async Task Who_makes_the_same_rooms_at_once_ends_with_one_of_each()
    {
        for (int round = 0; round < 30; round++)
        {
            RoomId[] rooms = [.. Enumerable.Range(0, 3).Select(i => Room((10 * round) + i))];
            IReadOnlyList<AppendOutcome>[] outcomes = await Task.WhenAll(
                Task.Run(async () => await _stores[0].Append([.. rooms.Select(room => Create(room, Bob))], Now, Cancel), Cancel),
                Task.Run(async () => await _stores[1].Append([.. rooms.Reverse().Select(room => Create(room, Bob))], Now, Cancel), Cancel));
            Assert.All(outcomes.SelectMany(o => o), o => Assert.Equal((null, 1L), (o.Refusal, o.Seq)));
            Assert.Equal(3 * rooms.Length, outcomes.SelectMany(o => o).Sum(o => o.Events.Count));
        }
    }

    [Fact]
    public async Task An_id_that_another_tenant_takes_in_between_is_a_conflict()
    {
        await using NpgsqlConnection other = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await using NpgsqlConnection watch = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await other.Execute("BEGIN");
        await other.Execute(
            $"""
            INSERT INTO rooms.room (room_key, id, tenant, slot, kind, name_seq, topic_seq, epoch, members, created_at)
            VALUES (nextval('rooms.room_key'), '{Room(1)}', '{OtherTenant}', {Slot.Of(Room(1))}, 1, 1, 1, 1, 0, now())
            """);
        Task<IReadOnlyList<AppendOutcome>> late = Task.Run(async () => await _stores[1].Append([Create(Room(1)), Create(Room(2))], Now, Cancel), Cancel);
        await watch.UntilSomebodyWaits(late);
        Assert.False(late.IsCompleted);
        await other.Execute("COMMIT");
        IReadOnlyList<AppendOutcome> outcomes = await late;
        Assert.Equal(RefusalCode.Conflict, outcomes[0].Refusal?.Code);
        Assert.Equal(1, outcomes[1].Seq);
    }

    /// <summary>The batch holds one room and waits for the other; who holds that one asks for the first, and is the more patient. The server ends the batch's transaction, and it is tried again.</summary>
    [Fact]
    public async Task A_deadlock_is_tried_again()
    {
        RoomId[] rooms = [.. new[] { Room(1), Room(2) }.OrderBy(room => room.ToString(), StringComparer.Ordinal)];
        await _stores[0].Append([.. rooms.Select(room => Create(room))], Now, Cancel);
        await using NpgsqlConnection other = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await using NpgsqlConnection watch = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await other.Execute("SET deadlock_timeout = '1h'");
        await other.Execute("BEGIN");
        await other.Execute($"SELECT FROM rooms.room WHERE id = '{rooms[1]}' FOR UPDATE");
        Task<IReadOnlyList<AppendOutcome>> append = Task.Run(async () => await _stores[1].Append([.. rooms.Select(room => Send(room, "a"))], Now, Cancel), Cancel);
        await watch.UntilSomebodyWaits(append);
        await other.Execute($"SELECT FROM rooms.room WHERE id = '{rooms[0]}' FOR UPDATE");
        await other.Execute("ROLLBACK");
        Assert.Equal([3, 3], (await append).Select(o => o.Seq));
    }

    /// <summary>Many that come and go, through both, while two carry the changes over. Nothing is lost, and nobody sees a room's changes out of order.</summary>
    [Fact]
    public async Task Two_who_drain_the_outbox_lose_nothing()
    {
        const int Rooms = 4, Rounds = 60;
        await _stores[0].Append([.. Enumerable.Range(0, Rooms).Select(i => Create(Room(i)))], Now, Cancel);
        ConcurrentDictionary<(RoomId, long), bool> made = [];
        for (int i = 0; i < Rooms; i++)
        {
            made[(Room(i), 2)] = true;
        }

        Task writing = Task.WhenAll(_stores.Select((store, which) => Task.Run(
            async () =>
            {
                var user = new UserId(Id(100 + which));
                for (int i = 0; i < Rounds; i++)
                {
                    // Some batches hold their ids for longer than others.
                    Draft[] batch = [.. Enumerable.Range(0, 1 + (i % Rooms)).Select(n => Room((n + which) % Rooms)).SelectMany(room => new Draft[]
                    {
                        new JoinRoom { Tenant = Tenant, Room = room, Sender = user }, new RemoveMember(user) { Tenant = Tenant, Room = room, Sender = user },
                    })];
                    foreach (RoomEvent e in (await store.Append(batch, Now, Cancel)).SelectMany(o => o.Events))
                    {
                        made[(e.Room, e.Seq)] = e.Type == EventType.MemberJoined;
                    }
                }
            },
            Cancel)));
        List<MembershipChange>[] drained = await Task.WhenAll(_stores.Select(store => Task.Run(
            async () =>
            {
                List<MembershipChange> all = [];
                while (true)
                {
                    bool last = writing.IsCompleted;
                    IReadOnlyList<MembershipChange> page = await store.Outboxes[0].Read(7, Cancel);
                    all.AddRange(page);
                    if (page.Count > 0)
                    {
                        await store.Outboxes[0].Acknowledge(page[^1].Id, Cancel);
                    }
                    else if (last)
                    {
                        return all;
                    }
                }
            },
            Cancel)));
        await writing;
        Assert.Equal(
            made.Select(m => (m.Key, m.Value)).ToHashSet(), drained.SelectMany(d => d).Select(c => ((c.Room, c.Seq), c.Member)).ToHashSet());
        Assert.All(drained.SelectMany(d => d.Distinct().GroupBy(c => c.Room)), room => Assert.Equal(room.Select(c => c.Seq).Order(), room.Select(c => c.Seq)));
    }

    /// <summary>Ids are drawn in the order in which they will be seen: while one membership change is not committed, no other gets an id, and messages go on.</summary>
    [Fact]
    public async Task Membership_changes_are_committed_one_after_another()
    {
        await _stores[0].Append([Create(Room(1)), Create(Room(2))], Now, Cancel);
        using PostgresDatabase hasty = PostgresDatabase.Open(_storage.Options() with { LockTimeout = TimeSpan.FromMilliseconds(50) }, PostgresRoomStore.Schema);
        var store = new PostgresRoomStore(hasty);
        await using NpgsqlConnection other = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await other.Execute("BEGIN");
        await other.Execute($"SELECT pg_advisory_xact_lock({PostgresLocks.Outbox}, 0)");
        var join = new JoinRoom { Tenant = Tenant, Room = Room(1), Sender = Bob };
        await Assert.ThrowsAsync<StorageUnavailableException>(() => store.Do(join));
        Assert.Equal(3, (await store.Do(Send(Room(1), "goes on"))).Seq);
        await other.Execute("ROLLBACK");
        Assert.Equal(4, (await store.Do(join)).Seq);
    }
}
