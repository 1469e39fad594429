using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Nodes;

namespace Monstera.Server.Rooms;

/// <summary>Moves a user's read marker, and says so for the user's tabs and devices.</summary>
public sealed class ReadMarkers(RoomActions actions)
{
    /// <summary>Raised with the connection that asked; null: it was asked over REST. Handlers must be quick and must not throw.</summary>
    public event Action<ReadSignal, string?>? Moved;

    /// <param name="connection">The one that asks; null: none.</param>
    public async Task<Result<ReadAck>> MarkRead(Caller caller, MarkReadRequest request, string? connection, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        Result<ReadAck> ack = await actions.MarkRead(caller, request, cancel);
        if (ack.Value is { } read)
        {
            Moved?.Invoke(new ReadSignal(caller.Tenant, caller.User, request.Room, read.Seq, read.Unread), connection);
        }

        return ack;
    }
}
