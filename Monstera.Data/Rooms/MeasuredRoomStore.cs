using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>A store of rooms whose calls are measured. What it answers and throws is the other's.</summary>
public sealed class MeasuredRoomStore(IRoomStore store, StorageMeter meter) : IRoomStore
{
    /// <inheritdoc/>
    public int Partitions => store.Partitions;

    /// <inheritdoc/>
    public IReadOnlyList<IMembershipOutbox> Outboxes { get; } = [.. store.Outboxes.Select(outbox => new MeasuredOutbox(outbox, meter))];

    /// <inheritdoc/>
    public int PartitionOf(RoomId room) => store.PartitionOf(room);

    public ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel) =>
        meter.Measure("append", meter.Now, store.Append(drafts, now, cancel));

    public ValueTask<LogPage?> ReadAfter(TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel) =>
        meter.Measure("read_after", meter.Now, store.ReadAfter(tenant, room, reader, after, eventsMax, bytesMax, cancel));

    public ValueTask<TimelinePage?> ReadTimeline(TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel) =>
        meter.Measure("timeline", meter.Now, store.ReadTimeline(tenant, room, reader, query, limit, cancel));

    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) =>
        meter.Measure("message", meter.Now, store.FindMessage(tenant, room, reader, seq, cancel));

    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) =>
        meter.Measure("pins", meter.Now, store.ReadPins(tenant, room, reader, cancel));

    public ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel) =>
        meter.Measure("heads", meter.Now, store.ReadHeads(tenant, rooms, cancel));

    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) =>
        meter.Measure("room", meter.Now, store.FindRoom(tenant, room, cancel));

    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) =>
        meter.Measure("member", meter.Now, store.FindMember(tenant, room, user, cancel));

    public ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel) =>
        meter.Measure("members_standing", meter.Now, store.FindMembers(tenant, room, users, cancel));

    public ValueTask<Page<RoomMember>?> ReadMembers(TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel) =>
        meter.Measure("members", meter.Now, store.ReadMembers(tenant, room, reader, after, limit, cancel));

    public ValueTask<Gathered<RoomSummary>> Summarize(TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel) =>
        meter.Measure("rooms_list", meter.Now, store.Summarize(tenant, user, rooms, cancel));

    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) =>
        meter.Measure("unread", meter.Now, store.CountUnread(tenant, room, user, readSeq, cancel));

    public ValueTask<PublicRoomPage> ReadPublicRooms(TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel) =>
        meter.Measure("public_rooms", meter.Now, store.ReadPublicRooms(tenant, user, query, after, limit, cancel));

    private sealed class MeasuredOutbox(IMembershipOutbox outbox, StorageMeter meter) : IMembershipOutbox
    {
        public ValueTask<IReadOnlyList<MembershipChange>> Read(int limit, CancellationToken cancel) => meter.Measure("outbox", meter.Now, outbox.Read(limit, cancel));

        public ValueTask Acknowledge(long id, CancellationToken cancel) => meter.Measure("outbox_acknowledge", meter.Now, outbox.Acknowledge(id, cancel));
    }
}
