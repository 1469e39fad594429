using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Postgres.Slots;

/// <summary>A shard's rooms, of which somebody writes one each time before it is looked at.</summary>
internal sealed class BusyArchive(IRoomArchive archive, Func<RoomId, Task> beforeDigest) : IRoomArchive
{
    public ValueTask<IReadOnlyList<ArchivedRoom>> ReadRooms(IReadOnlyCollection<short>? slots, RoomId? after, int limit, CancellationToken cancel) =>
        archive.ReadRooms(slots, after, limit, cancel);

    public ValueTask<IReadOnlyList<RoomEvent>> ReadLog(TenantId tenant, RoomId room, long after, int eventsMax, int bytesMax, CancellationToken cancel) =>
        archive.ReadLog(tenant, room, after, eventsMax, bytesMax, cancel);

    public ValueTask<IReadOnlyList<RoomMember>> ReadMembers(TenantId tenant, RoomId room, UserId? after, int limit, CancellationToken cancel) =>
        archive.ReadMembers(tenant, room, after, limit, cancel);

    public ValueTask<IReadOnlyList<MembershipChange>> ReadMemberships(TenantId tenant, IReadOnlyCollection<(RoomId Room, UserId User)> of, CancellationToken cancel) =>
        archive.ReadMemberships(tenant, of, cancel);

    public ValueTask Write(IReadOnlyList<LogPart> parts, CancellationToken cancel) => archive.Write(parts, cancel);

    public async ValueTask<RoomDigest?> Digest(TenantId tenant, RoomId room, CancellationToken cancel)
    {
        await beforeDigest(room);
        return await archive.Digest(tenant, room, cancel);
    }

    public ValueTask Remove(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel) => archive.Remove(tenant, rooms, cancel);
}
