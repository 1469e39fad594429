using Monstera.Data.Sharding;

namespace Monstera.Tests.Data.Sharding;

/// <summary>A map of which a server hears nothing new while it is held, as one that looked a moment too early.</summary>
internal sealed class HeldMap(IShardMap inner) : IShardMap
{
    private int _asked;

    public bool IsHeld { get; set; }

    public int Asked => Volatile.Read(ref _asked);

    public async ValueTask<SlotAssignments?> ReadNewer(long version, CancellationToken cancel)
    {
        Interlocked.Increment(ref _asked);
        return IsHeld ? null : await inner.ReadNewer(version, cancel);
    }
}
