using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Tracing;

/// <summary>Traces by OTLP: docs/operations.md, "Traces and logs".</summary>
public static class TracingFeature
{
    public static IServiceCollection AddTracing(this IServiceCollection services)
    {
        services.AddSingleton<CallTracing>();
        services.AddHostedService<TraceExport>();

        // Asked for requests only, by ASP.NET Core.
        services.AddSingleton<DistributedContextPropagator>(provider => new Callers(provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Tracing.TrustCallers));
        return services;
    }

    /// <summary>Says in a request's span what was asked, by the route's pattern: addresses themselves may hold invitations and tokens. Goes first.</summary>
    public static IApplicationBuilder UseTracing(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        return app.ApplicationServices.GetRequiredService<IOptions<MonsteraOptions>>().Value.Tracing.Endpoint.Length == 0 ? app : app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            finally
            {
                if (context.Features.Get<IHttpActivityFeature>()?.Activity is { IsAllDataRequested: true } span)
                {
                    Describe(span, context);
                }
            }
        });
    }

    private static void Describe(Activity span, HttpContext context)
    {
        // Methods are of a closed set too: a client may invent some.
        string method = HttpMethods.GetCanonicalizedValue(context.Request.Method) is var known && Known.Contains(known) ? known : "_OTHER";
        string? route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = route is null ? method : $"{method} {route}";
        span.SetTag("http.request.method", method).SetTag("http.route", route).SetTag("http.response.status_code", context.Response.StatusCode);
        if (context.Response.StatusCode >= 500)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }
    }

    private static readonly HashSet<string> Known =
        new(StringComparer.Ordinal) { HttpMethods.Get, HttpMethods.Head, HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch, HttpMethods.Delete, HttpMethods.Options, HttpMethods.Connect, HttpMethods.Trace };
}
