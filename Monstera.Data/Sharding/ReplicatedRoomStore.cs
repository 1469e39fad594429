using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

/// <summary><see cref="IRoomStore.ReadTimeline"/> of a replica, which may be behind, slow, away, or not the replica that it was taken for.</summary>
public delegate ValueTask<TimelinePage?> ReplicaRead(
    TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel);

/// <summary>How long a replica is waited for.</summary>
public sealed record ReplicaPatience
{
    /// <summary>Beyond the primary's answer to where the log stands.</summary>
    public TimeSpan Beyond { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long it is left alone after it failed or was too slow.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// A shard whose pages of the timeline are read from a replica, as far as it is not behind. Everything else goes to the primary: writes, what resumes and repairs, heads,
/// members, counts.
/// </summary>
/// <remarks>
/// What a page shows of a room (texts, deletions, pins, who may read it) changes with an event in the room's log, in the same transaction. So a page whose head and epoch are
/// the primary's is the page that the primary would give. The primary is asked for the head and the replica for the page at the same time; the page counts when the log stood
/// there on the primary at some moment of the call: not before where it stood when the call began, and, looked at again, not beyond where it stands now (a standby may show a
/// commit first, and a cursor past the head would be refused by the primary). In all other cases, a null above all, the primary reads. A replica can cost time, and nothing else.
/// </remarks>
/// <param name="primary">Its exceptions pass through.</param>
public sealed class ReplicatedRoomStore(IRoomStore primary, ReplicaRead replica, ReplicaPatience patience, HistoryReads reads, TimeProvider time) : IRoomStore
{
    private readonly ReplicaCircuit _circuit = new(patience.Rest, time);

    /// <inheritdoc/>
    public int Partitions => primary.Partitions;

    /// <inheritdoc/>
    public IReadOnlyList<IMembershipOutbox> Outboxes => primary.Outboxes;

    /// <inheritdoc/>
    public int PartitionOf(RoomId room) => primary.PartitionOf(room);

    /// <inheritdoc/>
    public async ValueTask<TimelinePage?> ReadTimeline(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel)
    {
        HistorySource source = HistorySource.Resting;
        TimelinePage? page = null;
        if (_circuit.TryEnter())
        {
            bool? isWell = null;
            try
            {
                (page, source) = await ReadReplica(tenant, room, reader, query, limit, cancel);
                isWell = source switch { HistorySource.Failed or HistorySource.Slow => false, HistorySource.Unknown => null, _ => true };
            }
            finally
            {
                _circuit.Leave(isWell);
            }
        }

        reads.Count(source);
        return source == HistorySource.Replica ? page : await primary.ReadTimeline(tenant, room, reader, query, limit, cancel);
    }

    public ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel) =>
        primary.Append(drafts, now, cancel);

    public ValueTask<LogPage?> ReadAfter(TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel) =>
        primary.ReadAfter(tenant, room, reader, after, eventsMax, bytesMax, cancel);

    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) =>
        primary.FindMessage(tenant, room, reader, seq, cancel);

    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) =>
        primary.ReadPins(tenant, room, reader, cancel);

    public ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel) =>
        primary.ReadHeads(tenant, rooms, cancel);

    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) => primary.FindRoom(tenant, room, cancel);

    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) =>
        primary.FindMember(tenant, room, user, cancel);

    public ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel) =>
        primary.FindMembers(tenant, room, users, cancel);

    public ValueTask<Page<RoomMember>?> ReadMembers(TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel) =>
        primary.ReadMembers(tenant, room, reader, after, limit, cancel);

    public ValueTask<Gathered<RoomSummary>> Summarize(TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel) =>
        primary.Summarize(tenant, user, rooms, cancel);

    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) =>
        primary.CountUnread(tenant, room, user, readSeq, cancel);

    public ValueTask<PublicRoomPage> ReadPublicRooms(TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel) =>
        primary.ReadPublicRooms(tenant, user, query, after, limit, cancel);

    /// <summary>1. asks both at the same time; 2. waits for the primary; 3. a little longer for the replica; 4. compares. What the primary throws passes through.</summary>
    private async ValueTask<(TimelinePage? Page, HistorySource Source)> ReadReplica(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel)
    {
        // 1.
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task<(TimelinePage? Page, HistorySource Source)> asked = AskReplica(tenant, room, reader, query, limit, giveUp.Token);
        try
        {
            // 2.
            RoomHead? before = await HeadOnPrimary(tenant, room, cancel);
            if (before is null)
            {
                return (null, HistorySource.Unknown);
            }

            // 3.
            (TimelinePage? page, HistorySource source) = await InTime(asked, cancel);

            // 4.
            return page is null ? (null, source) : (page, await Compare(page, before.Value, tenant, room, cancel));
        }
        finally
        {
            await giveUp.CancelAsync();
        }
    }

    private async ValueTask<(TimelinePage? Page, HistorySource Source)> InTime(Task<(TimelinePage? Page, HistorySource Source)> asked, CancellationToken cancel)
    {
        try
        {
            return await asked.WaitAsync(patience.Beyond, time, cancel);
        }
        catch (TimeoutException)
        {
            return (null, HistorySource.Slow);
        }
    }

    private async ValueTask<HistorySource> Compare(TimelinePage page, RoomHead before, TenantId tenant, RoomId room, CancellationToken cancel)
    {
        if (page.Epoch != before.Epoch || page.Head < before.Head)
        {
            return HistorySource.Behind;
        }

        if (page.Head == before.Head)
        {
            return HistorySource.Replica;
        }

        RoomHead? now = await HeadOnPrimary(tenant, room, cancel);
        return now is { } head && head.Epoch == page.Epoch && head.Head >= page.Head ? HistorySource.Replica : HistorySource.Ahead;
    }

    /// <summary>Whatever a replica throws is its own affair: this never fails, but for a call that was given up.</summary>
    private async Task<(TimelinePage? Page, HistorySource Source)> AskReplica(
        TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel)
    {
        try
        {
            return (await replica(tenant, room, reader, query, limit, cancel), HistorySource.Unknown);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            // One that has not heard of a slot's coming, or of its epoch, is behind. A call that makes no sense is answered by the primary.
            return (null, e switch { RoomMovedException => HistorySource.Behind, ArgumentException => HistorySource.Unknown, _ => HistorySource.Failed });
        }
    }

    private async ValueTask<RoomHead?> HeadOnPrimary(TenantId tenant, RoomId room, CancellationToken cancel)
    {
        Gathered<RoomHead> heads = await primary.ReadHeads(tenant, [room], cancel);
        return heads.Items.Count == 0 ? null : heads.Items[0];
    }
}
