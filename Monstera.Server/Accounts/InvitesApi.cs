using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Accounts;

/// <summary>Invitations to the workspace, made by its owners and admins.</summary>
internal static class InvitesApi
{
    /// <summary>Longer than any code, so that no query is made for what cannot be one.</summary>
    public const int CodeCharsMax = 64;

    private const int CodeBytes = 16;
    private const int SecondsDefault = 7 * 24 * 3_600;
    private const int SecondsMin = 60;
    private const int SecondsMax = 365 * 24 * 3_600;
    private const int UsesMax = 1_000;

    public static void Map(RouteGroupBuilder api)
    {
        RouteGroupBuilder invites = api.MapGroup("/invites").WithTags("Invitations");
        invites.AddEndpointFilter(WorkspaceRoles.RefuseMembers("Invitations are for owners and admins of the workspace."));
        invites.MapGet("", ReadInvites).WithName("ReadInvites").WithSummary("Invitations that can still be used, latest first. Owners and admins.");
        invites.MapPost("", CreateInvite).WithName("CreateInvite")
            .WithSummary("Makes an invitation; for one person and seven days unless said otherwise. Owners and admins.");
        invites.MapDelete("/{id}", DeleteInvite).WithName("DeleteInvite").WithSummary("Takes an invitation back. Owners and admins.");
    }

    private static async Task<Ok<PageView<InviteView>>> ReadInvites(Caller caller, IDirectory directory, TimeProvider time, CancellationToken cancel)
    {
        IReadOnlyList<Invite> invites = await directory.ReadInvites(caller.Tenant, time.GetUtcNow(), cancel);
        return TypedResults.Ok(new PageView<InviteView>([.. invites.Select(InviteView.Of)]));
    }

    private static async Task<Results<Created<InviteView>, ErrorResult>> CreateInvite(
        JsonBody<InviteRequest> body, Caller caller, IDirectory directory, TimeProvider time)
    {
        int seconds = body.Value.ExpiresInSeconds ?? SecondsDefault;
        int uses = body.Value.Uses ?? 1;
        if (seconds is < SecondsMin or > SecondsMax)
        {
            return new ErrorResult(Error.Invalid($"expiresInSeconds: from {SecondsMin} to {SecondsMax}."));
        }

        if (uses is < 1 or > UsesMax)
        {
            return new ErrorResult(Error.Invalid($"uses: from 1 to {UsesMax}."));
        }

        DateTimeOffset now = time.GetUtcNow();
        string code = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(CodeBytes));
        Invite invite = new(caller.Tenant, InviteId.New(now), code, caller.User, now, now.AddSeconds(seconds), uses);
        await directory.CreateInvite(invite, CancellationToken.None);
        return TypedResults.Created($"/api/join/{code}", InviteView.Of(invite));
    }

    private static async Task<Results<NoContent, ErrorResult>> DeleteInvite(InviteId id, Caller caller, IDirectory directory) =>
        await directory.DeleteInvite(caller.Tenant, id, CancellationToken.None)
            ? TypedResults.NoContent()
            : new ErrorResult(Error.NotFound("invitation"));
}
