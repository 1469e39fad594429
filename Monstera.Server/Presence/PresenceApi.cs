using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Presence;

/// <summary>One's own presence over REST: docs/protocol.md section 10.</summary>
public static class PresenceApi
{
    /// <param name="api">The group of <see cref="RestFeature.MapApi"/>.</param>
    public static void MapPresence(this RouteGroupBuilder api) =>
        api.MapPut("/me/presence", PutPresence).WithTags("Me").WithName("SetPresence").WithSummary("Chooses what others see of the caller's presence.");

    private static async Task<Results<Ok<PresenceView>, ErrorResult>> PutPresence(JsonBody<PresenceRequest> body, Caller caller, PresenceChoices choices)
    {
        Result<PresenceView> set = await choices.Set(caller, body.Value);
        return set.Error is { } refused ? new ErrorResult(refused) : TypedResults.Ok(set.Value);
    }
}
