using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Options;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.Feeds;
using Monstera.Server.Presence;

namespace Monstera.Server.Realtime;

/// <summary>
/// Makes a <see cref="ChatConnection"/> of every connection of the hub: the place where SignalR hands out the connection itself, which the fan-out writes to directly.
/// SignalR's own groups and users are not used.
/// </summary>
public sealed class ChatLifetime(
    ILogger<DefaultHubLifetimeManager<ChatHub>> log,
    ConnectionRegistry registry,
    RoomFeeds feeds,
    OpenRooms openRooms,
    IPresence presence,
    IOptions<MonsteraOptions> options,
    TimeProvider time) : DefaultHubLifetimeManager<ChatHub>(log)
{
    public override Task OnConnectedAsync(HubConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Caller caller = Caller.Of(connection.User) ?? throw new InvalidOperationException("The hub let somebody in who is not signed in.");
        LimitOptions limits = options.Value.Limits;
        ChatConnection chat = new(connection, caller, feeds, new CallLimiter(limits, time), time.GetTimestamp());
        connection.Features.Set(chat);
        if (registry.TryAdd(chat, limits.ConnectionsPerUser))
        {
            presence.Connected(caller.Tenant, caller.User, connection.ConnectionId);
        }
        else
        {
            // The hub, which can tell the client why, closes it.
            chat.IsOneTooMany = true;
        }

        return base.OnConnectedAsync(connection);
    }

    public override async Task OnDisconnectedAsync(HubConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        if (connection.Features.Get<ChatConnection>() is { } chat)
        {
            registry.Remove(chat);
            openRooms.CloseAll(chat);
            presence.Disconnected(chat.Caller.Tenant, chat.Caller.User, connection.ConnectionId);
            await chat.End(last: null);
        }

        await base.OnDisconnectedAsync(connection);
    }
}
