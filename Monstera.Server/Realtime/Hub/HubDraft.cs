using Monstera.Data.Rooms;
using Monstera.Server.Delivery;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;

namespace Monstera.Server.Realtime.Hub;

/// <summary>A write called over the hub: its answer goes out with the events of the same batch.</summary>
internal sealed class HubDraft(HubSession session, byte[] invocationId, Draft draft, HubMeter meter, string method, HubCallBegun begun) : PendingDraft(draft)
{
    public override void Complete(Result<AppendOutcome> result, FlushList? flush)
    {
        if (invocationId.Length > 0)
        {
            if (result.Error is { } error)
            {
                session.Connection.Reply(invocationId, new ErrorReply(error), flush);
            }
            else
            {
                session.Connection.Acknowledge(invocationId, result.Value!, flush);
            }
        }

        begun.Answered(meter, method, result.Error);
        session.EndCall();
    }
}
