using Monstera.Data.Ids;

namespace Monstera.Server.Presence;

/// <summary>Presence of a single node, in memory.</summary>
public sealed class MemoryPresence(TimeProvider time) : IPresence, IDisposable
{
    /// <summary>How long a user stays online after the last connection went.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<(TenantId, UserId), Lease> _leases = [];

    public event Action<PresenceChange>? Changed;

    public void Connected(TenantId tenant, UserId user, string connection)
    {
        lock (_gate)
        {
            if (_leases.TryGetValue((tenant, user), out Lease? lease))
            {
                lease.Ending?.Dispose();
                lease.Ending = null;
                lease.Connections.Add(connection);
                return;
            }

            _leases.Add((tenant, user), new Lease { Connections = { connection } });

            // Raised under the lock: changes of a user must come in their order, and handlers are quick.
            Changed?.Invoke(new PresenceChange(tenant, user, Online: true));
        }
    }

    public void Disconnected(TenantId tenant, UserId user, string connection)
    {
        lock (_gate)
        {
            if (_leases.TryGetValue((tenant, user), out Lease? lease) && lease.Connections.Remove(connection) && lease.Connections.Count == 0)
            {
                lease.Ending = time.CreateTimer(_ => End(tenant, user, lease), null, Linger, Timeout.InfiniteTimeSpan);
            }
        }
    }

    public IReadOnlyList<UserId> Online(TenantId tenant, IReadOnlyCollection<UserId> users)
    {
        lock (_gate)
        {
            return [.. users.Where(user => _leases.ContainsKey((tenant, user)))];
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (Lease lease in _leases.Values)
            {
                lease.Ending?.Dispose();
            }

            _leases.Clear();
        }
    }

    private void End(TenantId tenant, UserId user, Lease lease)
    {
        lock (_gate)
        {
            if (lease.Connections.Count == 0 && _leases.TryGetValue((tenant, user), out Lease? current) && current == lease)
            {
                lease.Ending?.Dispose();
                _leases.Remove((tenant, user));
                Changed?.Invoke(new PresenceChange(tenant, user, Online: false));
            }
        }
    }

    private sealed class Lease
    {
        public HashSet<string> Connections { get; } = new(StringComparer.Ordinal);

        public ITimer? Ending { get; set; }
    }
}
