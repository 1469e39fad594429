using Microsoft.AspNetCore.SignalR;

namespace Monstera.Bench.Baseline;

/// <summary>The hub of every tutorial: a group for each room; nothing is stored, nobody is asked who they are.</summary>
public sealed class PlainHub : Hub
{
    public Task Join(string room) => Groups.AddToGroupAsync(Context.ConnectionId, room);

    public Task Send(string room, string text) => Clients.Group(room).SendAsync("Message", text);
}
