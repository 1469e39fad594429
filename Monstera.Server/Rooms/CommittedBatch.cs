using System.Diagnostics;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Delivery;
using Monstera.Server.Errors;
using Monstera.Server.Tracing;

namespace Monstera.Server.Rooms;

/// <summary>Events that were committed to one room's log: consecutive, ascending.</summary>
public sealed record CommittedEvents(TenantId Tenant, RoomId Room, long Epoch, IReadOnlyList<RoomEvent> Events)
{
    /// <summary>A timestamp: when they were committed here, or came from elsewhere; 0: they were read from the log.</summary>
    public long KnownAt { get; init; }

    /// <summary>What led here, if that is traced.</summary>
    internal TraceParent? Trace { get; init; }
}

/// <summary>A draft and whoever waits for it.</summary>
public abstract class PendingDraft(Draft draft)
{
    public Draft Draft { get; } = draft;

    /// <summary>A timestamp: when it came to the write path.</summary>
    internal long QueuedAt { get; set; }

    /// <summary>The call that it comes of, if that is traced.</summary>
    internal Activity? Call { get; set; }

    /// <summary>A timestamp: since when it waits for its slot, which is being moved.</summary>
    internal long? ParkedAt { get; set; }

    /// <summary>Called once, after the commit. Neither waits nor throws.</summary>
    /// <param name="flush">The delivery that the answer goes with; null: by itself.</param>
    public abstract void Complete(Result<AppendOutcome> result, FlushList? flush);
}

/// <summary>What one transaction committed, and who waits for it.</summary>
public sealed class CommittedBatch
{
    private readonly PendingDraft[] _drafts;
    private readonly IReadOnlyList<AppendOutcome> _outcomes;
    private readonly MembershipIndex _memberships;
    private readonly int _partition;
    private readonly long _committedAt;
    private readonly TraceParent? _trace;

    internal CommittedBatch(
        PendingDraft[] drafts, IReadOnlyList<AppendOutcome> outcomes, MembershipIndex memberships, int partition, long committedAt, TraceParent? trace)
    {
        _trace = trace;
        (_drafts, _outcomes, _memberships, _partition, _committedAt) = (drafts, outcomes, memberships, partition, committedAt);
        Rooms = EventsByRoom();
    }

    /// <summary>The committed events of each room that has any.</summary>
    public IReadOnlyList<CommittedEvents> Rooms { get; }

    /// <summary>Answers all drafts. Who changed a membership hears of it when the list of rooms shows it too.</summary>
    public void Answer(FlushList? flush)
    {
        List<int>? membershipChanges = null;
        for (int i = 0; i < _drafts.Length; i++)
        {
            if (_outcomes[i].Refusal is { } refusal)
            {
                _drafts[i].Complete(Error.From(refusal), flush);
            }
            else if (_drafts[i].Draft is CreateRoom or JoinRoom or AddMember or RemoveMember or AdmitMember)
            {
                (membershipChanges ??= []).Add(i);
            }
            else
            {
                _drafts[i].Complete(_outcomes[i], flush);
            }
        }

        if (membershipChanges is not null)
        {
            _ = AnswerWhenIndexed(membershipChanges);
        }
    }

    private async Task AnswerWhenIndexed(List<int> changes)
    {
        await _memberships.CatchUp(_partition);
        foreach (int i in changes)
        {
            _drafts[i].Complete(_outcomes[i], flush: null);
        }
    }

    private List<CommittedEvents> EventsByRoom()
    {
        Dictionary<RoomId, List<RoomEvent>> byRoom = [];
        List<CommittedEvents> rooms = [];
        for (int i = 0; i < _drafts.Length; i++)
        {
            AppendOutcome outcome = _outcomes[i];
            if (outcome.Events.Count == 0)
            {
                continue;
            }

            Draft draft = _drafts[i].Draft;
            if (!byRoom.TryGetValue(draft.Room, out List<RoomEvent>? events))
            {
                byRoom.Add(draft.Room, events = new List<RoomEvent>(outcome.Events.Count));
                rooms.Add(new CommittedEvents(draft.Tenant, draft.Room, outcome.Epoch, events) { KnownAt = _committedAt, Trace = _trace });
            }

            events.AddRange(outcome.Events);
        }

        return rooms;
    }
}
