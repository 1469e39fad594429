using Monstera.Server.Wire;

namespace Monstera.Server.Errors;

/// <summary>One error body everywhere.</summary>
public static class ErrorsFeature
{
    public static IServiceCollection AddErrorBodies(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json => WireJson.Configure(json.SerializerOptions));

        // Parameters that do not bind come as exceptions, which name the parameter, rather than as a bare 400.
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        return services;
    }

    /// <summary>Goes before everything else.</summary>
    public static IApplicationBuilder UseErrorBodies(this IApplicationBuilder app) => app.UseMiddleware<ErrorBodies>();
}
