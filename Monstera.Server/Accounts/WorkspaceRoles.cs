using Monstera.Data.Directory;
using Monstera.Server.Errors;

namespace Monstera.Server.Accounts;

/// <summary>Endpoints that are for some of the workspace only.</summary>
internal static class WorkspaceRoles
{
    /// <summary>Lets owners and admins through.</summary>
    /// <param name="sentence">For the others.</param>
    /// <param name="ofThisInstallation">Only those of the workspace that browsers sign in to, and not of other tenants.</param>
    public static Func<EndpointFilterInvocationContext, EndpointFilterDelegate, ValueTask<object?>> RefuseMembers(string sentence, bool ofThisInstallation = false) => async (call, next) =>
    {
        HttpContext context = call.HttpContext;
        Caller caller = Caller.Of(context.User)!;
        User? user = context.Features.Get<CurrentSession>()?.User
            ?? await context.RequestServices.GetRequiredService<IDirectory>().FindUser(caller.Tenant, caller.User, context.RequestAborted);
        bool isElsewhere = ofThisInstallation && caller.Tenant != await context.RequestServices.GetRequiredService<Workspace>().Id(context.RequestAborted);
        return user?.Role is WorkspaceRole.Owner or WorkspaceRole.Admin && !isElsewhere ? await next(call) : new ErrorResult(new Error(ErrorCode.Forbidden, sentence));
    };
}
