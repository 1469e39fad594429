using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Errors;
using Monstera.Server.Presence;
using Monstera.Server.Rest;

namespace Monstera.Server.Accounts;

/// <summary>One's own account and sessions.</summary>
internal static class MeApi
{
    public static void Map(RouteGroupBuilder api)
    {
        RouteGroupBuilder me = api.MapGroup("").WithTags("Me");
        me.MapPost("/sign-out", SignOut).WithName("SignOut").WithSummary("Ends this session and its connections.");
        me.MapGet("/me", ReadMe).WithName("ReadMe").WithSummary("Who the caller is.");
        me.MapPatch("/me", ChangeMe).WithName("ChangeMe").WithSummary("Changes the display name.");
        me.MapPost("/me/password", ChangePassword).WithName("ChangePassword").WithSummary("Changes the password and ends all other sessions.");
        me.MapGet("/sessions", ReadSessions).WithName("ReadSessions").WithSummary("The caller's sessions, latest seen first.");
        me.MapDelete("/sessions/{id}", EndSession).WithName("EndSession").WithSummary("Ends a session and its connections.");
    }

    private static async Task<Results<NoContent, ErrorResult>> SignOut(Caller caller, HttpContext context, SignIns signIns)
    {
        if (caller.Session is not { } session)
        {
            return new ErrorResult(new Error(ErrorCode.Conflict, "A connection token has no session to end."));
        }

        await signIns.End(caller, session);
        SessionCookie.Delete(context);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<MeView>, ErrorResult>> ReadMe(
        Caller caller, HttpContext context, IDirectory directory, CancellationToken cancel)
    {
        CurrentSession? current = context.Features.Get<CurrentSession>();
        User? user = current?.User ?? await directory.FindUser(caller.Tenant, caller.User, cancel);
        return user is null ? new ErrorResult(Error.NotFound("user")) : TypedResults.Ok(View(user, current));
    }

    private static async Task<Results<Ok<MeView>, ErrorResult>> ChangeMe(
        JsonBody<MeRequest> body, Caller caller, HttpContext context, IDirectory directory, CancellationToken cancel)
    {
        Result<string> name = AccountRules.Name("displayName", body.Value.DisplayName);
        if (name.Error is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        await directory.SetDisplayName(caller.Tenant, caller.User, name.Value!, CancellationToken.None);
        User? user = await directory.FindUser(caller.Tenant, caller.User, cancel);
        return user is null ? new ErrorResult(Error.NotFound("user")) : TypedResults.Ok(View(user, context.Features.Get<CurrentSession>()));
    }

    private static async Task<Results<NoContent, ErrorResult>> ChangePassword(
        JsonBody<PasswordRequest> body, Caller caller, IDirectory directory, Passwords passwords, SignIns signIns, CancellationToken cancel)
    {
        // 1. The form, and the present password: a stolen session must not become a stolen account. Wrong ones count as at sign-in.
        Result<string> current = AccountRules.Password("current", body.Value.Current);
        Result<string> next = AccountRules.NewPassword("next", body.Value.Next);
        if ((current.Error ?? next.Error) is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        if (caller.Session is null || await directory.FindUser(caller.Tenant, caller.User, cancel) is not { } user)
        {
            return new ErrorResult(new Error(ErrorCode.Forbidden, "Whoever comes by connection token has no password here."));
        }

        Result<User> verified = await passwords.Check(caller.Tenant, user.UserName, current.Value!, cancel);
        if (verified.Error is { } wrong)
        {
            return new ErrorResult(wrong.Code == ErrorCode.Unauthenticated ? new Error(ErrorCode.Forbidden, "current: the password is wrong.") : wrong);
        }

        Result<string> hash = await passwords.Hash(next.Value!, cancel);
        if (hash.Error is { } overloaded)
        {
            return new ErrorResult(overloaded);
        }

        // 2. The others are signed out before and after: before, so that nothing is left half done when the storage fails in between (the present password still
        //    works for another try); after, for those who signed in with the old password meanwhile.
        await signIns.EndOthers(caller);
        await directory.SetPasswordHash(caller.Tenant, caller.User, hash.Value!, CancellationToken.None);
        await signIns.EndOthers(caller);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<PageView<SessionView>>> ReadSessions(
        Caller caller, IDirectory directory, TimeProvider time, CancellationToken cancel)
    {
        IReadOnlyList<Session> sessions = await directory.ReadSessions(caller.Tenant, caller.User, time.GetUtcNow(), cancel);
        return TypedResults.Ok(new PageView<SessionView>([.. sessions.Select(session => SessionView.Of(session, caller.Session))]));
    }

    private static async Task<Results<NoContent, ErrorResult>> EndSession(SessionId id, Caller caller, HttpContext context, SignIns signIns)
    {
        if (!await signIns.End(caller, id))
        {
            return new ErrorResult(Error.NotFound("session"));
        }

        if (id == caller.Session)
        {
            SessionCookie.Delete(context);
        }

        return TypedResults.NoContent();
    }

    private static MeView View(User user, CurrentSession? current) =>
        new(UserView.Of(user), current is null ? null : SessionView.Of(current.Session, current.Session.Id), PresenceView.Of(user));
}
