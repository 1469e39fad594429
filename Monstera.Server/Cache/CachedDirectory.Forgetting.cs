using Monstera.Data.Ids;
using Monstera.Server.Nodes;

namespace Monstera.Server.Cache;

// What changed is remembered no longer, here and elsewhere.
public sealed partial class CachedDirectory
{
    /// <summary>Something of the directory has changed: nobody remembers it any more.</summary>
    /// <param name="here">What this node does instead of forgetting.</param>
    private async ValueTask Tell(NodeSignal change, Action? here = null)
    {
        SharedKey key = change switch
        {
            UserSignal user => UserKey(user.Tenant, user.User),
            TenantSignal tenant => TenantKey(tenant.Tenant),
            _ => throw new ArgumentException("Only users and tenants are remembered by all nodes.", nameof(change)),
        };

        // First the shared cache, so that nobody who forgets it finds it there again.
        bool isRemoved = await _shared.Remove(key);
        if (here is null)
        {
            Hear(change);
        }
        else
        {
            here();
        }

        bool isTold = !_backplane.IsAway;
        _backplane.Tell(change);
        if (isRemoved && isTold)
        {
            return;
        }

        lock (_gate)
        {
            if (_untold.Count < UntoldMax)
            {
                _untold.Add(change);
            }
        }
    }

    private void Hear(NodeSignal signal)
    {
        switch (signal)
        {
            case UserSignal user:
                _users.Drop((user.Tenant, user.User));
                break;
            case TenantSignal tenant:
                _tenants.Drop(tenant.Tenant);
                break;
            default:
                // Endings of sessions come by themselves; the rest is about nothing that is remembered here.
                break;
        }
    }

    private void NoteChanged(SessionId session) => _changedSessions.Put(session, _time.GetTimestamp());

    /// <summary>What others told meanwhile was missed, and what this node told was missed by them.</summary>
    private void ForgetMissed(int? partition)
    {
        if (partition is not null)
        {
            return;
        }

        _sessions.Clear();
        _users.Clear();
        _tenants.Clear();
        NodeSignal[] untold;
        lock (_gate)
        {
            untold = [.. _untold];
            _untold.Clear();
        }

        if (untold.Length > 0)
        {
            _ = TellAll(untold);
        }
    }

    private async Task TellAll(NodeSignal[] changes)
    {
        foreach (NodeSignal change in changes)
        {
            await Tell(change);
        }
    }
}
