using Monstera.Data.Rooms;

namespace Monstera.Server.Rooms;

/// <summary>Drafts of slots that were refused because they are being moved, each slot's in order. Later drafts of such a slot queue here too. Under the writer's lock.</summary>
internal sealed class ParkedDrafts
{
    private readonly Dictionary<short, List<PendingDraft>> _slots = [];

    public int Count { get; private set; }

    public IReadOnlyCollection<short> Slots => _slots.Keys;

    public bool Has(short slot) => _slots.ContainsKey(slot);

    public int CountOf(short slot) => _slots[slot].Count;

    /// <summary>Any draft of the slot stands for all: they are of one partition.</summary>
    public Draft AnyOf(short slot) => _slots[slot][0].Draft;

    /// <summary>Behind those of its slot.</summary>
    public void Add(short slot, PendingDraft pending)
    {
        (_slots.TryGetValue(slot, out List<PendingDraft>? drafts) ? drafts : _slots[slot] = []).Add(pending);
        Count++;
    }

    /// <summary>Takes out of a batch, in order, the drafts of the slots that were refused, and puts them before those that are here: they came first.</summary>
    /// <param name="now">A timestamp: since when a draft waits is kept when it is refused again.</param>
    public void TakeFrom(List<PendingDraft> batch, IReadOnlyCollection<short> refused, long now)
    {
        Dictionary<short, List<PendingDraft>> taken = [];
        batch.RemoveAll(pending =>
        {
            short slot = Slot.Of(pending.Draft.Room);
            if (!refused.Contains(slot))
            {
                return false;
            }

            pending.ParkedAt ??= now;
            (taken.TryGetValue(slot, out List<PendingDraft>? drafts) ? drafts : taken[slot] = []).Add(pending);
            return true;
        });
        foreach ((short slot, List<PendingDraft> drafts) in taken)
        {
            Count += drafts.Count;
            if (_slots.TryGetValue(slot, out List<PendingDraft>? later))
            {
                drafts.AddRange(later);
            }

            _slots[slot] = drafts;
        }
    }

    /// <summary>The oldest of each slot, to be tried again: so many in all, and no later one of a slot without the earlier.</summary>
    public void MoveTo(List<PendingDraft> batch, int max)
    {
        foreach ((short slot, List<PendingDraft> drafts) in _slots.ToArray())
        {
            int some = Math.Min(drafts.Count, max - batch.Count);
            batch.AddRange(drafts.Take(some));
            drafts.RemoveRange(0, some);
            Count -= some;
            if (drafts.Count == 0)
            {
                _slots.Remove(slot);
            }
        }
    }

    public List<PendingDraft> Remove(short slot)
    {
        _slots.Remove(slot, out List<PendingDraft>? drafts);
        Count -= drafts!.Count;
        return drafts;
    }

    /// <summary>All of the slots whose oldest draft waits since before <paramref name="parkedBefore"/> (a timestamp): what came after it is not written without it.</summary>
    public List<PendingDraft> RemoveExpired(long parkedBefore) =>
        [.. _slots.Where(slot => slot.Value[0].ParkedAt < parkedBefore).Select(slot => slot.Key).ToArray().SelectMany(Remove)];
}
