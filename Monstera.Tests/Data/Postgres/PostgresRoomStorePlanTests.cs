using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>How much the server looks at: walks along indexes, from the first message on, when the statistics still are those of empty tables.</summary>
public sealed class PostgresRoomStorePlanTests : IDisposable
{
    private const int Rooms = 20, Messages = 2_000, Appends = 50;

    private readonly PostgresStorage _storage = new();

    public void Dispose() => _storage.Dispose();

    [Fact]
    public async Task No_query_reads_a_table_and_an_append_reads_a_few_rows()
    {
        IRoomStore store = _storage.Rooms;
        await store.Append([.. Enumerable.Range(0, Rooms).Select(i => Create(Room(i), Bob))], Now, Cancel);
        await store.Append([.. Enumerable.Range(0, Messages).Select(i => Send(Room(i % Rooms), $"{i}", i))], Now, Cancel);
        await store.Append([new React(5, "👍", true) { Tenant = Tenant, Room = Room(0), Sender = Ann }, new Pin(5, true) { Tenant = Tenant, Room = Room(0), Sender = Ann }], Now, Cancel);
        (_, long before) = await Settled();

        _storage.Reopen();
        store = _storage.Rooms;
        for (int i = 0; i < Appends; i++)
        {
            await store.Append([Send(Room(0), "a", Messages + (2 * i)), Send(Room(1), "b", Messages + (2 * i) + 1)], Now, Cancel);
        }

        (long scans, long after) = await Settled();
        Assert.Equal(0, scans);

        // The head of each of the two rooms, and some to spare; not the hundred messages that each had.
        Assert.InRange(after - before, 2 * Appends, 6 * Appends);

        _storage.Reopen();
        await ReadEverything(_storage.Rooms);
        (scans, _) = await Settled();
        Assert.Equal(0, scans);
    }

    /// <summary>A plan is made when there is next to nothing, and stays with its connection while everything grows a hundred times.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_plan_that_was_made_for_little_does_for_much(bool analyzed)
    {
        const int Singles = 20, Batches = 40, PerBatch = 50;
        await _storage.Rooms.Append([Create(Room(0), [.. Enumerable.Range(0, 150).Select(_ => new UserId(Guid.NewGuid()))])], Now, Cancel);
        if (analyzed)
        {
            await using NpgsqlConnection statistics = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
            await statistics.Execute("ANALYZE");
        }

        (_, long before) = await Settled();
        _storage.Reopen();
        IRoomStore store = _storage.Rooms;
        int messages = 0;
        for (int i = 0; i < Singles; i++)
        {
            await store.Append([Send(Room(0), "a", messages++)], Now, Cancel);
        }

        for (int i = 0; i < Batches; i++)
        {
            await store.Append([.. Enumerable.Range(0, PerBatch).Select(_ => Send(Room(0), "b", messages++))], Now, Cancel);
        }

        (long scans, long after) = await Settled();
        Assert.Equal(0, scans);

        // The head, once for an append. That statistics were renewed meanwhile would not save a log that is read for each message.
        Assert.InRange(after - before, Singles + Batches, 10 * (Singles + Batches));
    }

    /// <summary>The same for questions: some rows of some rooms, never a whole log, nor all rooms.</summary>
    [Fact]
    public async Task A_plan_of_a_question_that_was_made_for_little_does_for_much()
    {
        const int Asked = 20, Batches = 40, PerBatch = 50, RowsMax = 150, RowsOfAWrite = 6;
        await _storage.Rooms.Append([Create(Room(0), Bob)], Now, Cancel);
        (_, long before) = await Settled("event", "room", "member");
        _storage.Reopen();
        IRoomStore store = _storage.Rooms;
        int messages = 0;
        await AskOften(store, Asked);
        for (int i = 0; i < Batches; i++)
        {
            IReadOnlyList<AppendOutcome> sent = await store.Append([.. Enumerable.Range(0, PerBatch).Select(_ => Send(Room(0), "b", messages++))], Now, Cancel);
            await store.Do(new EditMessage(sent[0].Seq, "edited") { Tenant = Tenant, Room = Room(0), Sender = Ann });
            await store.Append([.. Enumerable.Range(1, PerBatch).Select(n => Create(Room((i * PerBatch) + n), Bob))], Now, Cancel);
        }

        await AskOften(store, Asked);
        (long scans, long after) = await Settled("event", "room", "member");
        Assert.Equal(0, scans);
        Assert.InRange(after - before, 2 * Asked, (2 * Asked * RowsMax) + (2 * Batches * PerBatch * RowsOfAWrite));
    }

    private static async Task AskOften(IRoomStore store, int times)
    {
        for (int i = 0; i < times; i++)
        {
            long head = (await store.ReadHeads(Tenant, [Room(0)], Cancel)).Items[0].Head;
            await store.Summarize(Tenant, Ann, [new(Room(0), head)], Cancel);
            await store.ReadTimeline(Tenant, Room(0), Ann, new TimelineQuery.Around(head / 2), 20, Cancel);
            await store.FindMessage(Tenant, Room(0), Ann, head / 2, Cancel);
            await store.CountUnread(Tenant, Room(0), Bob, head, Cancel);
            await store.Do(new ChangeRole(Bob, i % 2 == 0 ? RoomRole.Moderator : RoomRole.Member) { Tenant = Tenant, Room = Room(0), Sender = Ann });
        }
    }

    private static async Task ReadEverything(IRoomStore store)
    {
        await store.ReadAfter(Tenant, Room(0), Ann, 50, 10, 10_000, Cancel);
        await store.ReadTimeline(Tenant, Room(0), Ann, new TimelineQuery.Around(50), 20, Cancel);
        await store.FindMessage(Tenant, Room(0), Ann, 5, Cancel);
        await store.ReadPins(Tenant, Room(0), Ann, Cancel);
        await store.ReadHeads(Tenant, [Room(0), Room(1)], Cancel);
        await store.FindRoom(Tenant, Room(0), Cancel);
        await store.FindMember(Tenant, Room(0), Bob, Cancel);
        await store.FindMembers(Tenant, Room(0), [Ann, Bob], Cancel);
        await store.ReadMembers(Tenant, Room(0), Ann, null, 10, Cancel);
        await store.Summarize(Tenant, Ann, [new(Room(0), 0), new(Room(1), 0)], Cancel);
        await store.CountUnread(Tenant, Room(0), Bob, 0, Cancel);
        await store.ReadPublicRooms(Tenant, Ann, "gen", null, 10, Cancel);
    }

    /// <summary>Counted when a session ends: waits until all of the store have.</summary>
    /// <returns>How often a whole table was read, and how many rows of these tables (none said: of the log) were fetched through their indexes.</returns>
    private async Task<(long Scans, long Fetched)> Settled(params string[] tables)
    {
        _storage.Database.Dispose();
        await using NpgsqlConnection watch = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        await watch.UntilAlone();
        return (
            await watch.Scalar<long>("SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE schemaname = 'rooms' AND relname NOT IN ('slot_owner', 'schema_migration')"),
            await watch.Scalar<long>(
                $"SELECT sum(idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE schemaname = 'rooms' AND relname IN ('{string.Join("', '", tables.DefaultIfEmpty("event"))}')"));
    }
}
