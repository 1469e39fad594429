using Monstera.Server.Nodes;

namespace Monstera.Server.Presence;

/// <summary>A node's table of who is connected to it, as it was after the change of that counter.</summary>
public sealed record PresenceTableCopy(long Counter, IReadOnlyList<PresenceEntry> Entries);

/// <summary>
/// Where nodes keep their tables of who is connected to them, for the other nodes to read whole: when they start, and when they have missed something.
/// </summary>
/// <remarks>What every implementation guarantees is in PresenceTablesContract: each write is whole or not at all; a table is gone once it was neither written nor renewed for the lease;
/// what cannot be reached now is an answer, not an exception.</remarks>
public interface IPresenceTables
{
    /// <summary>Writes changes of a table, the counter that they lead to, and renews the lease. An entry with <see cref="PresenceActivity.None"/> takes the row away.</summary>
    /// <param name="whole">The entries are the whole table, whatever was there.</param>
    /// <returns>False: it is not known to be written, or there was no table to change: write it whole.</returns>
    ValueTask<bool> Write(Guid node, long counter, IReadOnlyCollection<PresenceEntry> entries, bool whole, TimeSpan lease, CancellationToken cancel);

    /// <returns>Null: there is none, or it cannot be read now.</returns>
    ValueTask<PresenceTableCopy?> Read(Guid node, CancellationToken cancel);

    /// <summary>The node stops.</summary>
    ValueTask Remove(Guid node, CancellationToken cancel);
}
