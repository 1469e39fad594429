using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Rooms;

/// <summary>A store of two partitions that takes messages and nothing else, and does with each batch what the test says.</summary>
internal sealed class TwoPartitions : IRoomStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, List<string>> _logs = [];

    public Signal Changed { get; } = new();

    /// <summary>Which rooms the second partition has.</summary>
    public HashSet<RoomId> InSecond { get; } = [];

    /// <summary>Rooms that nobody writes now.</summary>
    public HashSet<RoomId> Moving { get; } = [];

    /// <summary>Before a batch is looked at.</summary>
    public Func<IReadOnlyList<Draft>, Task>? Before { get; set; }

    /// <summary>Batches that were asked for.</summary>
    public int Asked { get; private set; }

    /// <summary>Batches with rooms that are being moved.</summary>
    public int Refused { get; private set; }

    public int Partitions => 2;

    public IReadOnlyList<IMembershipOutbox> Outboxes => [];

    public int PartitionOf(RoomId room)
    {
        lock (_gate)
        {
            return InSecond.Contains(room) ? 1 : 0;
        }
    }

    public IReadOnlyList<string> Log(RoomId room)
    {
        lock (_gate)
        {
            return [.. _logs.GetValueOrDefault(room) ?? []];
        }
    }

    public void Change(Action change)
    {
        lock (_gate)
        {
            change();
        }

        Changed.Pulse();
    }

    public async ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        lock (_gate)
        {
            Asked++;
        }

        Changed.Pulse();
        await (Before?.Invoke(drafts) ?? Task.CompletedTask);
        List<AppendOutcome> outcomes = [];
        lock (_gate)
        {
            short[] moving = [.. drafts.Where(draft => Moving.Contains(draft.Room)).Select(draft => Slot.Of(draft.Room)).Distinct()];
            if (moving.Length > 0)
            {
                Refused++;
                Changed.Pulse();
                throw new RoomMovedException(moving);
            }

            Assert.Single(drafts.Select(draft => InSecond.Contains(draft.Room)).Distinct());
            foreach (Draft draft in drafts)
            {
                List<string> log = _logs.TryGetValue(draft.Room, out List<string>? there) ? there : _logs[draft.Room] = [];
                log.Add(((SendMessage)draft).Text);
                outcomes.Add(new AppendOutcome { Epoch = 1, Seq = log.Count, At = now });
            }
        }

        Changed.Pulse();
        return outcomes;
    }

    public ValueTask<LogPage?> ReadAfter(TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<TimelinePage?> ReadTimeline(TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel) =>
        throw new NotSupportedException();

    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<Page<RoomMember>?> ReadMembers(TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel) =>
        throw new NotSupportedException();

    public ValueTask<Gathered<RoomSummary>> Summarize(TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) => throw new NotSupportedException();

    public ValueTask<PublicRoomPage> ReadPublicRooms(TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel) =>
        throw new NotSupportedException();
}
