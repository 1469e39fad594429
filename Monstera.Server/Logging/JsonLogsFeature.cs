using Microsoft.Extensions.Logging.Console;

namespace Monstera.Server.Logging;

/// <summary>Logs for machines: one JSON object a line (<c>Logging:Console:FormatterName=json</c>), with scopes and the ids of the trace, if there is one.</summary>
public static class JsonLogsFeature
{
    public static IServiceCollection AddJsonLogs(this IServiceCollection services) => services
        .Configure<LoggerFactoryOptions>(options => options.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId)
        .Configure<JsonConsoleFormatterOptions>(options =>
        {
            options.IncludeScopes = true;
            options.UseUtcTimestamp = true;
            options.TimestampFormat ??= "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
}
