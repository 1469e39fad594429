using Monstera.Server.Errors;

namespace Monstera.Server.Rest;

/// <summary>What all endpoints under <c>/api</c> share.</summary>
public static class RestFeature
{
    /// <summary>The group of all endpoints: signed-in callers only unless an endpoint says otherwise, bodies checked, nothing cached.</summary>
    public static RouteGroupBuilder MapApi(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder api = routes.MapGroup("/api").RequireAuthorization();
        api.AddEndpointFilter(async (call, next) =>
        {
            call.HttpContext.Response.Headers.CacheControl = "no-store";
            for (int i = 0; i < call.Arguments.Count; i++)
            {
                if (call.Arguments[i] is IJsonBody { Error: { } error })
                {
                    return new ErrorResult(error);
                }
            }

            return await next(call);
        });
        return api;
    }
}
