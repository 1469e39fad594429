using Monstera.Data.Ids;
using Monstera.Server.Nodes;

namespace Monstera.Server.Presence;

/// <summary>Tables of nodes within one process. They can be cut off and lost, as a server that keeps them can.</summary>
public sealed class MemoryPresenceTables(TimeProvider time) : IPresenceTables
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Table> _tables = [];

    public bool IsCut { get; set; }

    /// <summary>Loses everything.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _tables.Clear();
        }
    }

    public ValueTask<bool> Write(Guid node, long counter, IReadOnlyCollection<PresenceEntry> entries, bool whole, TimeSpan lease, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(entries);
        lock (_gate)
        {
            if (IsCut || (!whole && Find(node) is null))
            {
                return ValueTask.FromResult(false);
            }

            Table table = whole ? _tables[node] = new Table() : _tables[node];
            table.Counter = counter;
            table.EndsAt = time.GetUtcNow() + lease;
            foreach (PresenceEntry entry in entries)
            {
                if (entry.Activity == PresenceActivity.None)
                {
                    table.Entries.Remove((entry.Tenant, entry.User));
                }
                else
                {
                    table.Entries[(entry.Tenant, entry.User)] = entry;
                }
            }

            return ValueTask.FromResult(true);
        }
    }

    public ValueTask<PresenceTableCopy?> Read(Guid node, CancellationToken cancel)
    {
        lock (_gate)
        {
            return ValueTask.FromResult(!IsCut && Find(node) is { } table ? new PresenceTableCopy(table.Counter, [.. table.Entries.Values]) : null);
        }
    }

    public ValueTask Remove(Guid node, CancellationToken cancel)
    {
        lock (_gate)
        {
            _tables.Remove(node);
        }

        return ValueTask.CompletedTask;
    }

    private Table? Find(Guid node) => _tables.TryGetValue(node, out Table? table) && table.EndsAt > time.GetUtcNow() ? table : null;

    private sealed class Table
    {
        public long Counter { get; set; }

        public DateTimeOffset EndsAt { get; set; }

        public Dictionary<(TenantId, UserId), PresenceEntry> Entries { get; } = [];
    }
}
