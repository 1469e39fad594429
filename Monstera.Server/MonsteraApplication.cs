using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Backplane;
using Monstera.Server.Cache;
using Monstera.Server.Configuration;
using Monstera.Server.ConnectionTokens;
using Monstera.Server.Errors;
using Monstera.Server.Growth;
using Monstera.Server.Health;
using Monstera.Server.Hosting;
using Monstera.Server.Lifecycle;
using Monstera.Server.Limits;
using Monstera.Server.Metrics;
using Monstera.Server.Nodes;
using Monstera.Server.OpenApi;
using Monstera.Server.Presence;
using Monstera.Server.Proxies;
using Monstera.Server.Realtime;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Redis;
using Monstera.Server.Rest;
using Monstera.Server.Rooms;
using Monstera.Server.Storage;
using Monstera.Server.Web;

namespace Monstera.Server;

/// <summary>The composition: which features there are and in which order a request passes them. The one place that sees them all.</summary>
public static partial class MonsteraApplication
{
    /// <summary>Where the server listens when nothing else is said.</summary>
    public const string DefaultUrl = "http://localhost:5080";

    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddSecretFiles();
        configure?.Invoke(builder);
        AddServices(builder);

        WebApplication app = builder.Build();

        // Settings first, then the storage, so that what is wrong with them is said before anything runs.
        _ = app.Services.GetRequiredService<IOptions<MonsteraOptions>>().Value;
        _ = app.Services.GetRequiredService<IRoomStore>();
        _ = app.Services.GetRequiredService<IDirectory>();
        MapRequests(app);
        app.Lifetime.ApplicationStarted.Register(() => Announce(app));
        return app;
    }

    private static void AddServices(WebApplicationBuilder builder)
    {
        IServiceCollection services = builder.Services;
        if (!HasAddress(builder.Configuration))
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        builder.ListenForMetrics();

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Greeting.FrameBytesMax;
            RealtimeOptions realtime = kestrel.ApplicationServices.GetRequiredService<IOptions<MonsteraOptions>>().Value.Realtime;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(realtime.HelloTimeoutSeconds);
            kestrel.ConfigureHttpsDefaults(kestrel.ApplicationServices.GetRequiredService<CertificateMeter>().Follow);
        });

        services.AddOptions<MonsteraOptions>().BindConfiguration(MonsteraOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<MonsteraOptions>, MonsteraOptionsValidator>();
        services.AddSingleton<ConnectionStrings>();
        services.AddSingleton<IValidateOptions<MonsteraOptions>, ConnectionStringsValidator>();
        services.AddSingleton(TimeProvider.System);

        services.AddMetricsExposition();
        services.AddErrorBodies();
        services.AddTrustedProxies();
        services.AddLifecycle();
        services.AddStorage();
        services.AddDirectoryCache();
        services.AddSingleton<Node>();
        services.AddSingleton<JobMeter>();
        services.AddLimits();
        services.AddRooms();
        services.AddRedis();
        services.AddBackplane();
        services.AddPresence();
        services.AddAccounts();
        services.AddConnectionTokens();
        services.AddRealtime();
        services.AddApiDescription();
        services.AddHealth();
        services.AddGrowth(
            connections: provider => provider.GetRequiredService<ConnectionRegistry>().Count, users: provider => provider.GetRequiredService<ConnectionRegistry>().UserCount);
        services.AddWebClient();
    }

    private static void MapRequests(WebApplication app)
    {
        app.UseTrustedProxies();
        app.UseErrorBodies();
        app.UseSecurityHeaders();
        app.UseMetricsExposition();
        app.UseWebClient();
        app.UseRouting();
        app.UseCors();
        app.UseHubDoor();
        app.UseAccounts();
        app.UseHubWebSockets();

        RouteGroupBuilder api = app.MapApi();
        api.MapAccounts();
        api.MapRooms();
        api.MapPresence();
        api.MapGrowth();
        app.MapApiDescription();
        app.MapHealth();
        app.MapRealtime();
    }

    private static bool HasAddress(ConfigurationManager configuration) =>
        configuration["urls"] is not null
        || configuration["http_ports"] is not null
        || configuration["https_ports"] is not null
        || configuration.GetSection("Kestrel:Endpoints").Exists();

    private static void Announce(WebApplication app)
    {
        ILogger log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Monstera");
        IServerAddressesFeature? addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>();
        string place = app.Services.GetRequiredService<StoragePlace>().Name;
        int metricsPort = app.Services.GetRequiredService<IOptions<MonsteraOptions>>().Value.Metrics.Port;
        foreach (string address in addresses?.Addresses ?? [])
        {
            if (metricsPort != 0 && BindingAddress.Parse(address).Port == metricsPort)
            {
                LogMetrics(log, address);
            }
            else
            {
                LogStarted(log, address, place);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Monstera is ready: open {Address} in a browser. Data is kept in {Place}")]
    private static partial void LogStarted(ILogger log, string address, string place);

    [LoggerMessage(2, LogLevel.Information, "Metrics are at {Address}/metrics")]
    private static partial void LogMetrics(ILogger log, string address);
}
