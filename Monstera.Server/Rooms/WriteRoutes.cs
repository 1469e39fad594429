using Monstera.Data.Rooms;

namespace Monstera.Server.Rooms;

/// <summary>
/// Which lane the drafts of each slot go to. All of a slot's drafts that are not answered yet are in one lane, whatever the map says meanwhile: so none can overtake another. Only when
/// there are none, or all of them go over together, the slot changes its lane. Under the writer's lock.
/// </summary>
internal sealed class WriteRoutes(IRoomStore store)
{
    private readonly int[] _lanes = new int[Slot.Count];
    private readonly int[] _unanswered = new int[Slot.Count];

    /// <summary>The lane of the room's next draft.</summary>
    public int LaneOf(Draft draft, short slot) => _unanswered[slot] == 0 ? _lanes[slot] = store.PartitionOf(draft.Room) : _lanes[slot];

    /// <summary>A lane took a draft.</summary>
    public void Enter(short slot) => _unanswered[slot]++;

    /// <summary>These were answered.</summary>
    public void Leave(List<PendingDraft> drafts)
    {
        foreach (PendingDraft pending in drafts)
        {
            _unanswered[Slot.Of(pending.Draft.Room)]--;
        }
    }

    /// <summary>All of the slot's drafts went over.</summary>
    public void Move(short slot, int lane) => _lanes[slot] = lane;
}
