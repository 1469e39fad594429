using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Feeds;
using Monstera.Server.Hosting;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Realtime.Transports;
using Monstera.Server.Realtime.Transports.Direct;

namespace Monstera.Server.Realtime;

/// <summary>The hub and everything that stands behind it.</summary>
public static class RealtimeFeature
{
    public const string HubPath = "/hub";

    public static IServiceCollection AddRealtime(this IServiceCollection services)
    {
        services.AddSingleton<ConnectionRegistry>();
        services.AddSingleton<RealtimeMeter>();
        services.AddSingleton<HubMeter>();
        services.AddSingleton<OpenRooms>();
        services.AddSingleton<Resumption>();
        services.AddSingleton<Greeting>();
        services.AddSingleton<HubCalls>();
        services.AddSingleton<ConnectionDrain>();
        services.AddSingleton<HubAdmission>();
        services.AddSingleton<HubServer>();
        services.AddHosted<RoomFeeds>();
        services.AddHosted<ConnectionWatch>();
        services.AddHosted<SessionWatch>();
        services.AddHosted<Devices>();
        services.AddConnections();
        services.AddDirectConnections();
        return services;
    }

    private static void AddDirectConnections(this IServiceCollection services)
    {
        services.AddSingleton<RequestPipeline>();
        services.AddSingleton<DirectConnections>();
        services.AddSingleton<IConnectionListenerFactory, DirectTransport>();
        ServiceDescriptor http = services.Last(service => service.ServiceType == typeof(IServer));
        services.AddSingleton<IServer>(provider => new PipelineSharingServer(
            (IServer)ActivatorUtilities.CreateInstance(provider, http.ImplementationType!), provider.GetRequiredService<RequestPipeline>()));
    }

    /// <summary>Who may come in at all. Goes after CORS, before authentication, which costs.</summary>
    public static IApplicationBuilder UseHubDoor(this IApplicationBuilder app) => app.UseMiddleware<HubDoor>();

    /// <summary>WebSockets. Goes after authentication and authorization.</summary>
    public static IApplicationBuilder UseHubWebSockets(this IApplicationBuilder app) => app.UseMiddleware<HubEndpoint>();

    /// <summary>The other transports, and the address that authorization looks at.</summary>
    public static void MapRealtime(this IEndpointRouteBuilder endpoints)
    {
        RealtimeOptions realtime = endpoints.ServiceProvider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Realtime;
        endpoints.MapConnectionHandler<FallbackHandler>(HubPath, http =>
        {
            // WebSockets are offered by the negotiation, and taken before they come here.
            http.Transports = HttpTransports.All;
            http.TransportMaxBufferSize = realtime.SendBufferBytes;
            http.ApplicationMaxBufferSize = Greeting.FrameBytesMax;
            http.TransportSendTimeout = TimeSpan.FromSeconds(realtime.SendTimeoutSeconds);
            http.AllowStatefulReconnects = false;
        }).RequireAuthorization();
    }
}
