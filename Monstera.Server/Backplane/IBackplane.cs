using Monstera.Server.Rooms;

namespace Monstera.Server.Backplane;

/// <summary>
/// Carries what one node committed to the others. A hint: it may lose, repeat or reorder anything at any time, and is never waited for; the receiving feed puts in order, drops
/// what it has, and reads what is missing from the log.
/// </summary>
/// <remarks>What every implementation guarantees is in BackplaneContract: what is published reaches the other nodes that are connected, never the publisher itself;
/// what arrives is whole and unchanged; no method throws or waits.</remarks>
public interface IBackplane
{
    /// <summary>Hands the events to the other nodes.</summary>
    void Publish(CommittedEvents events);

    /// <summary>Raised for what other nodes published. Handlers must be quick and must not throw.</summary>
    event Action<CommittedEvents>? Received;

    /// <summary>Raised when the backplane was away and is back: something was probably missed, so compare heads now.</summary>
    event Action? Restored;
}
