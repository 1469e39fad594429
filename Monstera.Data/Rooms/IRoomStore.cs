using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>
/// Rooms: their logs, members, and what is projected from the logs. The log is the truth. In one database or in several, the partitions, of which each has whole rooms.
/// </summary>
/// <remarks>
/// What every provider guarantees (RoomStoreContract holds each to it):
/// <list type="bullet">
/// <item>Tenants: no call sees or changes a room of a tenant other than the one it names; such a room is as if it were not there.</item>
/// <item>Reads are consistent: each sees one instant, at which all of a batch is there or none of it. They never wait for writers. What spans rooms sees one instant of each partition.</item>
/// <item>Reads with a <c>reader</c> answer null when that user is no member at that instant, as for a room that is not there.</item>
/// <item>Failure of the storage (full, locked, gone) throws <see cref="StorageUnavailableException"/>; everything else that is expected is a value.</item>
/// <item>Partitions fail one by one. What spans rooms then answers with what the others have and says what is missing; when no partition that was asked answers, it throws.</item>
/// </list>
/// </remarks>
public interface IRoomStore
{
    /// <summary>How many partitions there are, from 1; the same as long as the store is open.</summary>
    int Partitions { get; }

    /// <summary>One of each partition, in their order.</summary>
    IReadOnlyList<IMembershipOutbox> Outboxes { get; }

    /// <summary>
    /// The partition (0 … <see cref="Partitions"/> - 1) that is believed to write the room now; the same for all rooms of a slot. It changes when slots move. A room that
    /// nobody can write has one too.
    /// </summary>
    int PartitionOf(RoomId room);

    /// <summary>
    /// Takes the drafts in order, all of a partition in one transaction. Whoever needs a whole batch to be one gives drafts of one partition.
    /// </summary>
    /// <remarks>
    /// <list type="number">
    /// <item>Atomic: when this returns, every event of every outcome is durable (it survives the machine's power cut). When it throws, the outcome of the whole batch
    /// is unknown, and giving the same drafts again, in any batch, settles it.</item>
    /// <item>Ordered: events of a room get the next seqs in the order of the drafts, without a gap.</item>
    /// <item>Idempotent by (room, sender, client id), for ever: a draft seen before answers with the first one's seq and time, also when the
    /// sender has left since or the content differs.</item>
    /// <item>A refused draft changes nothing and harms no other.</item>
    /// <item>Membership changes go to the outbox in the same transaction.</item>
    /// <item>Later drafts of a batch see what earlier ones did.</item>
    /// </list>
    /// In each partition one caller at a time; others wait.
    /// </remarks>
    /// <exception cref="RoomMovedException">A batch of one partition has rooms in slots that it may not write now. Nothing of it was written, and nobody was waited for.</exception>
    /// <param name="now">The time of all events of the batch.</param>
    /// <returns>One outcome for each draft, in the same order.</returns>
    ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel);

    /// <summary>The log after <paramref name="after"/> (0: from its beginning). Null reader: the server itself reads.</summary>
    /// <param name="eventsMax">At most this many events.</param>
    /// <param name="bytesMax">
    /// Stops before the UTF-8 lengths of text, emoji, name and topic (plus 128 for each event) would pass this, but after at least one event.
    /// </param>
    ValueTask<LogPage?> ReadAfter(
        TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel);

    /// <summary>A page of the timeline with at most <paramref name="limit"/> items (1–<see cref="RoomLimits.PageMax"/>).</summary>
    ValueTask<TimelinePage?> ReadTimeline(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel);

    /// <summary>One message in its present state; null also when there is no message with this seq.</summary>
    ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel);

    /// <summary>The pinned messages, latest pin first.</summary>
    ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel);

    /// <summary>Heads of those rooms that exist, in no order. At most 1,000 rooms.</summary>
    ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel);

    /// <summary>The room, whoever asks: for rules that do not hang on membership, such as joining.</summary>
    ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel);

    ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel);

    /// <summary>Where the log stands, and who of <paramref name="users"/> (at most 1,000) is a member at that instant. Null: there is no such room.</summary>
    ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel);

    /// <summary>Members by user id.</summary>
    /// <param name="after"><see cref="Page{T}.Next"/> of the page before; one that is no such text is an <see cref="FormatException"/>.</param>
    ValueTask<Page<RoomMember>?> ReadMembers(
        TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel);

    /// <summary>The rooms as <paramref name="user"/> sees them, in the order given; those that the user is no member of are left out. At most 100 rooms.</summary>
    ValueTask<Gathered<RoomSummary>> Summarize(
        TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel);

    /// <summary>
    /// Undeleted messages of others after <paramref name="readSeq"/>, up to <see cref="RoomLimits.UnreadMax"/>, among the newest <see cref="RoomLimits.ScanMax"/> events. Null: no
    /// member.
    /// </summary>
    ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel);

    /// <summary>Public rooms by folded name (<see cref="FoldedText"/>) in the order of code points, then id. <paramref name="query"/>: part of the name, ignoring case and width (NFKC).</summary>
    ValueTask<PublicRoomPage> ReadPublicRooms(
        TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel);
}

/// <summary>How far a user has read a room.</summary>
public readonly record struct ReadMarker(RoomId Room, long Seq);
