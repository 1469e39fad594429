using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Server.Nodes;

/// <summary>What a user's devices on one node say. The most present device counts.</summary>
public enum PresenceActivity : byte
{
    /// <summary>The user is not connected to the node.</summary>
    None = 0,

    Idle = 1,
    Active = 2,
}

/// <summary>A row of a node's table of who is connected to it.</summary>
public readonly record struct PresenceEntry(TenantId Tenant, UserId User, PresenceActivity Activity, PresenceSetting Setting);

/// <summary>
/// What has changed in a node's table of who is connected to it, or, without changes, that the node lives. The table is whatever all changes up to the counter make of it: who finds
/// a gap between counters reads it whole.
/// </summary>
/// <param name="Counter">Of signals with changes: 1, 2, 3 …; without changes that of the last one that had some.</param>
/// <param name="Changes">At most <see cref="ChangesMax"/>.</param>
public sealed record PresenceSignal(Guid Node, long Counter, IReadOnlyList<PresenceEntry> Changes) : NodeSignal
{
    public const int ChangesMax = 500;
}

/// <summary>The node stops: its users are gone unless they come up elsewhere in a moment.</summary>
public sealed record NodeLeftSignal(Guid Node) : NodeSignal;
