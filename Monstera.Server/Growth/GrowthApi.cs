using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Server.Accounts;

namespace Monstera.Server.Growth;

/// <summary>
/// The growth report for those who run the installation: owners and admins of its own workspace. Other tenants on the same machines have owners too, who are told nothing of the whole.
/// </summary>
internal static class GrowthApi
{
    /// <param name="api">The group of <see cref="Rest.RestFeature.MapApi"/>.</param>
    public static void MapGrowth(this RouteGroupBuilder api) => api.MapGet("/growth", ReadGrowth)
        .AddEndpointFilter(WorkspaceRoles.RefuseMembers("The growth report is for owners and admins of the installation's workspace.", ofThisInstallation: true))
        .WithTags("Growth").WithName("ReadGrowth")
        .WithSummary("Which growth phase the installation is in, where its limits stand, and what comes next. Owners and admins of the installation's own workspace.");

    private static async Task<Ok<GrowthReport>> ReadGrowth(GrowthReports reports, CancellationToken cancel) => TypedResults.Ok(await reports.Make(cancel));
}
