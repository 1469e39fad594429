using Monstera.Server.Nodes;
using Monstera.Server.Rooms;

namespace Monstera.Server.Backplane;

/// <summary>The backplane of nodes within one process. A server alone is the only one on it, and publishing costs it nothing.</summary>
public sealed class MemoryBackplane : IBackplane, IDisposable
{
    private readonly MemoryBackplaneWire _wire;

    public MemoryBackplane(MemoryBackplaneWire wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        _wire = wire;
        _wire.Join(this);
    }

    public event Action<CommittedEvents>? Received;

    public event Action<NodeSignal>? Told;

    public event Action<int?>? Missed;

    public bool IsAway => _wire.IsCut;

    public void Publish(CommittedEvents events) => _wire.Carry(this, node => node.Received?.Invoke(events));

    public void Tell(NodeSignal signal) => _wire.Carry(this, node => node.Told?.Invoke(signal));

    public void Listen(int partition)
    {
        // In one process it costs nothing to hear of all.
    }

    public void Unlisten(int partition)
    {
    }

    public void Dispose() => _wire.Leave(this);

    internal void Restore() => Missed?.Invoke(null);
}

/// <summary>What joins the nodes of one process. It can be cut and mended, as a network can.</summary>
public sealed class MemoryBackplaneWire
{
    private readonly Lock _gate = new();
    private MemoryBackplane[] _nodes = [];
    private volatile bool _cut;

    public bool IsCut => _cut;

    /// <summary>While it is cut everything is lost; mending tells the nodes.</summary>
    public void SetCut(bool cut)
    {
        _cut = cut;
        if (!cut)
        {
            foreach (MemoryBackplane node in _nodes)
            {
                node.Restore();
            }
        }
    }

    internal void Join(MemoryBackplane node)
    {
        lock (_gate)
        {
            _nodes = [.. _nodes, node];
        }
    }

    internal void Leave(MemoryBackplane node)
    {
        lock (_gate)
        {
            _nodes = [.. _nodes.Where(other => other != node)];
        }
    }

    internal void Carry(MemoryBackplane from, Action<MemoryBackplane> hand)
    {
        if (_cut || _nodes.Length == 1)
        {
            return;
        }

        foreach (MemoryBackplane node in _nodes)
        {
            if (node != from)
            {
                hand(node);
            }
        }
    }
}
