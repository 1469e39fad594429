using Monstera.Data.Archive;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Postgres;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Archive;

public abstract partial class RoomArchiveContract
{
    [Fact]
    public async Task What_does_not_fit_is_refused_and_nothing_is_written()
    {
        await From.Storage.Rooms.Append(
            [
                Create(Room(1), Bob), Send(Room(1), "a"), Send(Room(1), "b"), new React(4, "👍", true) { Tenant = Tenant, Room = Room(1), Sender = Bob },
                new RemoveMember(Bob) { Tenant = Tenant, Room = Room(1), Sender = Ann }, Create(Room(2)),
            ],
            Now, Cancel);
        RoomEvent[] log = [.. await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel)];
        RoomEvent[] other = [.. await From.Archive.ReadLog(Tenant, Room(2), 0, 100, int.MaxValue, Cancel)];
        LogPart good = new(Room(2), Tenant, 1, other);
        ArchiveUnderTest to = To(true);

        // Before anything is there.
        await Refused(good, Part(log[1..]), "begins with event 2");
        await Refused(good, Part([log[0], log[2]]), "not consecutive");
        await Refused(good, Part([log[0], other[1]]), "not consecutive");
        await Refused(good, Part([log[0], log[1] with { Role = null }]), "not whole");
        await Refused(good, Part([log[0] with { Type = EventType.MessageCreated }]), "not whole");
        await Refused(good, Part([log[0], log[1] with { Type = (EventType)99 }]), "not whole");
        await Refused(good, Part([log[0], log[3] with { Seq = 2 }, log[5] with { Seq = 3, Target = 1 }]), "does not fit");
        await Refused(good, Part([log[0], log[1], log[1] with { Seq = 3 }]), "does not fit");
        await Refused(good, Part([log[0], log[1], log[6] with { Seq = 3 }]), "does not fit");
        Assert.Equal(0, to.CountRows());

        // When half is.
        await to.Archive.Write([Part(log[..3])], Cancel);
        long rows = to.CountRows();
        await Refused(good, Part(log[4..]), "begins with event 5");
        Assert.Equal(rows, to.CountRows());
        await to.Archive.Write([good, Part(log[2..])], Cancel);
        AssertSameDigests(From, to);

        LogPart Part(RoomEvent[] events) => new(Room(1), Tenant, 1, events);

        async Task Refused(LogPart before, LogPart part, string message)
        {
            ArchiveConflictException e = await Assert.ThrowsAsync<ArchiveConflictException>(async () => await to.Archive.Write([before, part], Cancel));
            Assert.Contains(message, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_room_of_another_tenant_is_refused()
    {
        await From.Storage.Rooms.Append([Create(Room(1)), Create(Room(2))], Now, Cancel);
        ArchiveUnderTest to = To(true);
        await to.Storage.Rooms.Do(Create(Room(1)) with { Tenant = OtherTenant });
        long rows = to.CountRows();
        LogPart[] parts = [.. Rooms(From).Select(room => new LogPart(room.Id, room.Tenant, 1, Wait(From.Archive.ReadLog(Tenant, room.Id, 0, 100, int.MaxValue, default))))];
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await to.Archive.Write(parts, Cancel));

        // Also when the call speaks for that tenant too.
        LogPart theirs = new(Room(1), OtherTenant, 1, []);
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await to.Archive.Write([theirs, .. parts], Cancel));
        Assert.Equal(rows, to.CountRows());
    }

    [Fact]
    public async Task What_is_served_is_neither_written_nor_removed()
    {
        await From.Storage.Rooms.Append([Create(Room(1)), Send(Room(1), "a")], Now, Cancel);
        LogPart part = new(Room(1), Tenant, 1, await From.Archive.ReadLog(Tenant, Room(1), 0, 100, int.MaxValue, Cancel));
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await To(true).Served.Write([part], Cancel));
        Assert.Equal(0, To(true).CountRows());
        long rows = From.CountRows();
        await Assert.ThrowsAsync<ArchiveConflictException>(async () => await From.Served.Remove(Tenant, [Room(1)], Cancel));
        Assert.Equal(rows, From.CountRows());
        Assert.Equal(await From.Archive.Digest(Tenant, Room(1), Cancel), await From.Served.Digest(Tenant, Room(1), Cancel));
    }
}
