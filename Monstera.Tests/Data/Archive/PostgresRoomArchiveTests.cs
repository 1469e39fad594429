using Monstera.Data.Archive;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Postgres;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

public sealed class PostgresRoomArchiveTests : RoomArchiveContract
{
    protected override ArchiveUnderTest Open() => new PostgresArchiveUnderTest();

    protected override ArchiveUnderTest OpenOther() => new SqliteArchiveUnderTest();

    /// <summary>Of a database that serves some slots and receives others: only the latter are written.</summary>
    [Fact]
    public async Task Slots_that_are_not_owned_are_written_and_the_others_are_not()
    {
        await From.Storage.Rooms.Append([Create(Room(1)), Create(Room(2))], Now, Cancel);
        LogPart[] parts = [.. Rooms(From).Select(room => new LogPart(room.Id, Tenant, 2, Wait(From.Archive.ReadLog(Tenant, room.Id, 0, 100, int.MaxValue, default))))];
        ArchiveUnderTest to = To(true);
        PostgresServer.Execute(
            PostgresServer.Shared.SuperuserConnection(((PostgresArchiveUnderTest)to).Name),
            $"DELETE FROM rooms.slot_owner WHERE slot = {Slot.Of(parts[0].Room)}", $"UPDATE rooms.slot_owner SET state = 2 WHERE slot = {Slot.Of(parts[1].Room)}");
        await to.Served.Write(parts, Cancel);
        Assert.Equal(await From.Archive.Digest(Tenant, Room(2), Cancel) is { } digest ? digest with { Epoch = 2 } : null, await to.Served.Digest(Tenant, Room(2), Cancel));

        PostgresServer.Execute(
            PostgresServer.Shared.SuperuserConnection(((PostgresArchiveUnderTest)to).Name), $"UPDATE rooms.slot_owner SET state = 1 WHERE slot = {Slot.Of(parts[1].Room)}");
        Assert.Contains(
            $"slot {Slot.Of(parts[1].Room)} ", (await Assert.ThrowsAsync<ArchiveConflictException>(async () => await to.Served.Remove(Tenant, [parts[1].Room], Cancel))).Message,
            StringComparison.Ordinal);
        await to.Served.Remove(Tenant, [parts[0].Room], Cancel);
        Assert.Equal([parts[1].Room], Rooms(to).Select(room => room.Id));
    }

    /// <summary>Who takes over a slot takes its lock alone; a write that began before ends before, and one that comes after looks after it.</summary>
    [Fact]
    public async Task A_write_waits_for_who_takes_the_slot_over()
    {
        await From.Storage.Rooms.Do(Create(Room(1)));
        LogPart part = new(Room(1), Tenant, 1, await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel));
        ArchiveUnderTest to = To(true);
        string name = ((PostgresArchiveUnderTest)to).Name;
        short slot = Slot.Of(Room(1));
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(name), $"DELETE FROM rooms.slot_owner WHERE slot = {slot}");
        await using NpgsqlConnection mover = await PostgresDesk.Open(PostgresServer.Shared.SuperuserConnection(name));
        await mover.Execute($"BEGIN; SELECT pg_advisory_xact_lock(19795, {slot}); INSERT INTO rooms.slot_owner (slot, epoch, state) VALUES ({slot}, 2, 1)");
        Task write = to.Served.Write([part], Cancel).AsTask();
        await using NpgsqlConnection watch = await PostgresDesk.Open(PostgresServer.Shared.SuperuserConnection(name));
        await watch.UntilSomebodyWaits(write);
        Assert.False(write.IsCompleted);
        await mover.Execute("COMMIT");
        await Assert.ThrowsAsync<ArchiveConflictException>(() => write);
        Assert.Equal(0, to.CountRows());
    }

    /// <summary>A copier that was taken for dead goes on beside the one that took its place.</summary>
    [Fact]
    public async Task Two_that_copy_the_same_rooms_at_once_make_one_copy()
    {
        await From.Storage.Rooms.Append([.. Enumerable.Range(0, 20).Select(i => Create(Room(i), Bob)), .. Enumerable.Range(0, 200).Select(i => Send(Room(i % 20), $"{i}", i))], Now, Cancel);
        List<LogPart> parts = [];
        foreach (ArchivedRoom room in Rooms(From))
        {
            parts.Add(new LogPart(room.Id, Tenant, 1, await From.Archive.ReadLog(Tenant, room.Id, 0, 1_000, int.MaxValue, Cancel)));
        }

        ArchiveUnderTest to = To(true);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(
            async () =>
            {
                foreach (LogPart[] some in (i % 2 == 0 ? parts : parts.AsEnumerable().Reverse()).Chunk(4))
                {
                    await to.Archive.Write(some, Cancel);
                }
            },
            Cancel)));
        AssertSameDigests(From, to);
    }
}
