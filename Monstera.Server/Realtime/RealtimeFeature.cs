using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Feeds;
using Monstera.Server.Hosting;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>The hub and everything that stands behind it.</summary>
public static class RealtimeFeature
{
    public const string HubPath = "/hub";

    public static IServiceCollection AddRealtime(this IServiceCollection services)
    {
        services.AddSingleton<ConnectionRegistry>();
        services.AddSingleton<OpenRooms>();
        services.AddSingleton<Resumption>();
        services.AddSingleton<Greeting>();
        services.AddHosted<RoomFeeds>();
        services.AddHosted<ConnectionWatch>();

        // Without AddHubOptions SignalR never looks at the hub's own options: no filter, its own limits.
        services.AddSignalR().AddJsonProtocol(json => WireJson.Configure(json.PayloadSerializerOptions)).AddHubOptions<ChatHub>(_ => { });
        services.AddSingleton<IHubFilter, CallGuard>();
        services.AddOptions<HubOptions<ChatHub>>().Configure<IOptions<MonsteraOptions>, IHubFilter>((hub, options, guard) =>
        {
            RealtimeOptions realtime = options.Value.Realtime;
            hub.MaximumReceiveMessageSize = Greeting.FrameBytesMax;
            hub.MaximumParallelInvocationsPerClient = Greeting.CallsInFlightMax;
            hub.KeepAliveInterval = TimeSpan.FromSeconds(realtime.KeepAliveSeconds);
            hub.ClientTimeoutInterval = TimeSpan.FromSeconds(realtime.ClientTimeoutSeconds);
            hub.HandshakeTimeout = TimeSpan.FromSeconds(realtime.HelloTimeoutSeconds);
            hub.SupportedProtocols = ["json"];
            hub.StatefulReconnectBufferSize = 0;
            hub.AddFilter(guard);
        });
        services.AddSingleton<HubLifetimeManager<ChatHub>, ChatLifetime>();

        // SignalR takes the last protocol of a name.
        services.AddSingleton<IHubProtocol>(provider =>
            new CodedHubProtocol(new JsonHubProtocol(provider.GetRequiredService<IOptions<JsonHubProtocolOptions>>())));
        return services;
    }

    public static void MapRealtime(this IEndpointRouteBuilder endpoints)
    {
        RealtimeOptions realtime = endpoints.ServiceProvider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Realtime;
        endpoints.MapHub<ChatHub>(HubPath, http =>
        {
            http.Transports = HttpTransports.All;
            http.TransportMaxBufferSize = realtime.SendBufferBytes;
            http.ApplicationMaxBufferSize = Greeting.FrameBytesMax;
            http.TransportSendTimeout = TimeSpan.FromSeconds(realtime.SendTimeoutSeconds);
            http.AllowStatefulReconnects = false;
        });
    }
}
