using Monstera.Server.Nodes;
using Monstera.Server.Rooms;

namespace Monstera.Server.Backplane;

/// <summary>
/// Carries what one node committed, and what else it tells, to the others. A hint: it may lose, repeat or reorder anything at any time, and is never waited for; the receiving feed
/// puts events in order, drops what it has, and reads what is missing from the log.
/// </summary>
/// <remarks>What every implementation guarantees is in BackplaneContract: what is published reaches the other nodes that are connected and listen, never the publisher itself;
/// what arrives is whole and unchanged; when something may have been missed, <see cref="Missed"/> says so; no method throws or waits.</remarks>
public interface IBackplane
{
    /// <summary>Whether what is published now probably does not arrive. Nodes ask the log more often meanwhile.</summary>
    bool IsAway { get; }

    /// <summary>Hands the events to the other nodes that listen to the room's partition.</summary>
    void Publish(CommittedEvents events);

    /// <summary>Raised for what other nodes published. Handlers must be quick and must not throw.</summary>
    event Action<CommittedEvents>? Received;

    /// <summary>Tells the other nodes: those that listen to the partition of the room that it is about, or all.</summary>
    void Tell(NodeSignal signal);

    /// <summary>Raised for what other nodes told. Handlers must be quick and must not throw.</summary>
    event Action<NodeSignal>? Told;

    /// <summary>Counted: ends with as many calls of <see cref="Unlisten"/>. Begins a moment later, which <see cref="Missed"/> tells.</summary>
    void Listen(int partition);

    void Unlisten(int partition);

    /// <summary>
    /// Raised when something may have been missed until now and will not be from now on: of this partition, because listening to it has begun; or (null) of everything, because the
    /// backplane was away. So compare heads now. Handlers must be quick and must not throw.
    /// </summary>
    event Action<int?>? Missed;
}
