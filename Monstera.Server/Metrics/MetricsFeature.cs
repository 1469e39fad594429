using System.Globalization;
using Monstera.Server.Configuration;

namespace Monstera.Server.Metrics;

/// <summary>What monitoring asks for, at <see cref="Path"/>: docs/metrics.md.</summary>
public static class MetricsFeature
{
    public const string Path = "/metrics";

    private const string PortKey = $"{MonsteraOptions.Section}:Metrics:Port";

    public static IServiceCollection AddMetricsExposition(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton<MeterCollector>();
        services.AddSingleton<MetricsDoor>();
        services.AddSingleton<MetricsMeter>();
        services.AddSingleton<ProcessMeter>();
        services.AddSingleton<CertificateMeter>();
        services.AddSingleton<InfoMeter>();
        return services;
    }

    /// <summary>Has the server listen at the metrics' own port too, if there is one, wherever else it listens.</summary>
    public static void ListenForMetrics(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);

        // One that is wrong is told of when the settings are checked, and nothing listens before that.
        if (PortOf(builder.Configuration) is not { } port)
        {
            return;
        }

        if (builder.Configuration.GetSection("Kestrel:Endpoints").Exists())
        {
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(port));
            return;
        }

        string[] urls = builder.Configuration["urls"] is { Length: > 0 } given
            ? [given]
            : [.. UrlsOf(builder.Configuration["http_ports"], "http"), .. UrlsOf(builder.Configuration["https_ports"], "https")];
        builder.WebHost.UseUrls([.. urls, string.Create(CultureInfo.InvariantCulture, $"http://*:{port}")]);
    }

    /// <summary>
    /// Answers at <see cref="Path"/>. Goes after the proxies, whose word on who asks counts, and before everything that is for users: no session, no other origins' pages, no page of the client.
    /// At the metrics' own port there is nothing else.
    /// </summary>
    public static IApplicationBuilder UseMetricsExposition(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        IServiceProvider services = app.ApplicationServices;

        // They are there from the first moment: what goes up and down is wrong for ever when its beginning was missed.
        MeterCollector collector = services.GetRequiredService<MeterCollector>();
        MetricsMeter meter = services.GetRequiredService<MetricsMeter>();
        services.GetRequiredService<ProcessMeter>();
        services.GetRequiredService<CertificateMeter>();
        services.GetRequiredService<InfoMeter>();
        MetricsDoor door = services.GetRequiredService<MetricsDoor>();
        return app.Use((context, next) => door.Judge(context) switch
        {
            MetricsAccess.NotAsked => next(context),
            MetricsAccess.Allowed => MetricsAnswer.Write(context, collector, meter),
            _ => NotFound(context),
        });
    }

    /// <summary>The metrics' own port; null: none, or it is no port.</summary>
    internal static int? PortOf(IConfiguration configuration) =>
        int.TryParse(configuration[PortKey], NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65_535 ? port : null;

    /// <summary>As if there were no such address: who may not ask needs not know.</summary>
    private static Task NotFound(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static IEnumerable<string> UrlsOf(string? ports, string scheme) =>
        (ports ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(port => $"{scheme}://*:{port}");
}
