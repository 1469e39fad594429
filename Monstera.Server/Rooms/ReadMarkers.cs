using Monstera.Server.Errors;
using Monstera.Server.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>Moves a user's read marker and tells the user's other tabs and devices.</summary>
public sealed class ReadMarkers(RoomActions actions, ConnectionRegistry connections)
{
    public async Task<Result<ReadAck>> MarkRead(ChatConnection me, MarkReadRequest request)
    {
        ArgumentNullException.ThrowIfNull(me);
        ArgumentNullException.ThrowIfNull(request);
        Result<ReadAck> ack = await actions.MarkRead(me.Caller, request, CancellationToken.None);
        if (ack.Value is { } read)
        {
            ReadOnlyMemory<byte> signal = SignalFrames.Read(request.Room, read.Seq, read.Unread);
            foreach (ChatConnection other in connections.OfUser(me.Caller.User))
            {
                if (other != me)
                {
                    other.TrySignal(signal);
                }
            }
        }

        return ack;
    }
}
