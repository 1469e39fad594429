using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.SignalR;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>
/// The calls of docs/protocol.md section 6. Thin: who and how fast was settled by <see cref="CallGuard"/>; what may be is settled by <see cref="RoomActions"/> and in the
/// transaction. SignalR starts a connection's calls in the order of their arrival and lets the next one start when one waits, so drafts reach the write path in that
/// order without waiting for each other's commit.
/// </summary>
[Authorize]
public sealed class ChatHub(
    RoomActions actions, RoomReads reads, Resumption resumption, OpenRooms openRooms, Greeting greeting, ConnectionRegistry connections) : Hub
{
    private ChatConnection Me => ConnectionOf(Context);

    internal static ChatConnection ConnectionOf(HubCallerContext context) =>
        context.Features.Get<ChatConnection>() ?? throw new InvalidOperationException("A call on a connection that was never added.");

    public override Task OnConnectedAsync() =>
        Me.IsOneTooMany ? throw new HubException("rate_limited: the user has too many connections.") : Task.CompletedTask;

    public async Task<object> Hello(HelloRequest request) => Reply(await greeting.Hello(Me, request, Context.ConnectionAborted));

    public async Task<object> Refresh(RefreshRequest request) => Reply(await greeting.Refresh(Me, request, Context.ConnectionAborted));

    public async Task<object> Resume(ResumeRequest request) => Reply(await resumption.Resume(Me, request, Context.ConnectionAborted));

    public async Task<object> Send(SendRequest request) => Reply(await actions.Send(Me.Caller, request));

    public async Task<object> Edit(EditRequest request) => Reply(await actions.Edit(Me.Caller, request));

    public async Task<object> Delete(DeleteRequest request) => Reply(await actions.Delete(Me.Caller, request));

    public async Task<object> React(ReactRequest request) => Reply(await actions.React(Me.Caller, request));

    public async Task<object> Pin(PinRequest request) => Reply(await actions.Pin(Me.Caller, request));

    public async Task<object> MarkRead(MarkReadRequest request)
    {
        Result<ReadAck> ack = await actions.MarkRead(Me.Caller, request, Context.ConnectionAborted);
        if (ack.Value is { } read)
        {
            // The user's other tabs and devices.
            SerializedHubMessage signal = SignalFrames.Read(request.Room, read.Seq, read.Unread);
            foreach (ChatConnection other in connections.OfUser(Me.Caller.User))
            {
                if (other != Me)
                {
                    other.TrySignal(signal);
                }
            }
        }

        return Reply(ack);
    }

    public async Task<object> Open(RoomRequest request) => Reply(await openRooms.Open(Me, request.Room, Context.ConnectionAborted));

    public Task<object> Close(RoomRequest request)
    {
        openRooms.Close(Me, request.Room);
        return Task.FromResult<object>(new EmptyReply());
    }

    public Task<object> Typing(RoomRequest request)
    {
        // A subscription ends with the membership, so it is proof enough for a signal.
        if (!Me.IsSubscribed(request.Room))
        {
            return Task.FromResult<object>(new ErrorReply(Error.NotFound("room among those you resumed")));
        }

        openRooms.Signal(request.Room, Me.Caller.User, SignalFrames.Typing(request.Room, Me.Caller.User));
        return Task.FromResult<object>(new EmptyReply());
    }

    public async Task<object> Rooms(EmptyRequest request) =>
        Reply(await reads.MyRooms(Me.Caller, after: null, RoomReads.PageDefault, Context.ConnectionAborted));

    /// <summary>Where <see cref="CodedHubProtocol"/> sends what it cannot bind. Not part of the protocol; calling it is answered with an error too.</summary>
    public Task<object> Refuse(Error error) => Task.FromResult<object>(new ErrorReply(error));

    private static object Reply<T>(Result<T> result) => result.Error is { } error ? new ErrorReply(error) : result.Value!;
}
