namespace Monstera.Server.Health;

/// <summary>What load balancers and orchestrators ask: does the process live, and should calls be sent to it.</summary>
public static class HealthFeature
{
    public const string LivePath = "/healthz/live";
    public const string ReadyPath = "/healthz/ready";

    public static IServiceCollection AddHealth(this IServiceCollection services) => services.AddSingleton<Readiness>();

    /// <summary>For anybody, so nothing but one word is told.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder health = routes.MapGroup("").AllowAnonymous().ExcludeFromDescription();
        string[] reads = [HttpMethods.Get, HttpMethods.Head];
        health.MapMethods(LivePath, reads, (HttpContext context) => Answer(context, "live", StatusCodes.Status200OK));
        health.MapMethods(ReadyPath, reads, async (HttpContext context, Readiness readiness) =>
            readiness.IsDraining ? Answer(context, "draining", StatusCodes.Status503ServiceUnavailable)
            : await readiness.IsReady() ? Answer(context, "ready", StatusCodes.Status200OK)
            : Answer(context, "unavailable", StatusCodes.Status503ServiceUnavailable));
    }

    private static IResult Answer(HttpContext context, string status, int statusCode)
    {
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(new { status }, statusCode: statusCode);
    }
}
