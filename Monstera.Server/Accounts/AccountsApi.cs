using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Accounts;

/// <summary>Getting in: what can be called without being signed in.</summary>
internal static class AccountsApi
{
    public static void Map(RouteGroupBuilder api)
    {
        RouteGroupBuilder open = api.MapGroup("").AllowAnonymous().WithTags("Accounts");
        open.MapGet("/workspace", ReadWorkspace)
            .WithName("ReadWorkspace").WithSummary("The workspace, as anybody sees it.");

        RouteGroupBuilder limited = open.MapGroup("").AddEndpointFilterFactory(
            (context, next) =>
            {
                AddressLimiter limiter = context.ApplicationServices.GetRequiredService<AddressLimiter>();
                return call => limiter.InvokeAsync(call, next);
            });
        limited.MapPost("/setup", SetUp)
            .WithName("SetUp").WithSummary("Names the workspace and makes its owner account, once.");
        limited.MapPost("/register", Register)
            .WithName("Register").WithSummary("Makes an account, with an invitation unless registration is open.");
        limited.MapPost("/sign-in", SignIn)
            .WithName("SignIn").WithSummary("Begins a session: the cookie, or a bearer token when asked for.");
        limited.MapGet("/join/{code}", ReadInvitation)
            .WithName("ReadInvitation").WithSummary("Where an invitation leads; gone when it can no longer be used.");
    }

    private static async Task<Ok<WorkspaceView>> ReadWorkspace(Workspace workspace, IOptions<MonsteraOptions> options, CancellationToken cancel)
    {
        Tenant tenant = await workspace.Read(cancel);
        return TypedResults.Ok(new WorkspaceView(tenant.Name, tenant.SetUp, options.Value.Registration, Workspace.Version));
    }

    private static async Task<Results<Created<SignedInView>, ErrorResult>> SetUp(
        JsonBody<SetupRequest> body, HttpContext context, Workspace workspace, Passwords passwords, IDirectory directory, SignIns signIns,
        TimeProvider time, CancellationToken cancel)
    {
        // 1. The form of everything, before anything is done.
        SetupRequest request = body.Value;
        Result<string> name = AccountRules.Name("workspaceName", request.WorkspaceName);
        Result<NewUser> owner = NewAccount(await workspace.Id(cancel), request.UserName, request.DisplayName, WorkspaceRole.Owner);
        Result<string> password = AccountRules.NewPassword("password", request.Password);
        if ((name.Error ?? owner.Error ?? password.Error) is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        // 2. The cheap no, before a hash is paid for.
        if ((await workspace.Read(cancel)).SetUp)
        {
            return new ErrorResult(SetUpAlready());
        }

        Result<string> hash = await passwords.Hash(password.Value!, cancel);
        if (hash.Error is { } overloaded)
        {
            return new ErrorResult(overloaded);
        }

        // 3. Of two who come at once the directory takes one.
        CreateUserResult made = await directory.SetUp(name.Value!, owner.Value! with { PasswordHash = hash.Value }, time.GetUtcNow(), CancellationToken.None);
        if (made.Status != CreateUserStatus.Created)
        {
            return new ErrorResult(made.Status == CreateUserStatus.NameTaken ? NameTaken() : SetUpAlready());
        }

        // 4. The room to begin in, and the session.
        await workspace.EnsureDefaultRoom(made.User!, Language.PrefersJapanese(context.Request));
        return TypedResults.Created("/api/me", await signIns.Begin(context, made.User!, request.Token));
    }

    private static async Task<Results<Created<SignedInView>, ErrorResult>> Register(
        JsonBody<RegisterRequest> body, HttpContext context, Workspace workspace, Passwords passwords, IDirectory directory, SignIns signIns,
        IOptions<MonsteraOptions> options, TimeProvider time, CancellationToken cancel)
    {
        // 1. The form of everything, and whether registration is open to the caller.
        RegisterRequest request = body.Value;
        Tenant tenant = await workspace.Read(cancel);
        Result<NewUser> account = NewAccount(tenant.Id, request.UserName, request.DisplayName, WorkspaceRole.Member);
        Result<string> password = AccountRules.NewPassword("password", request.Password);
        if ((account.Error ?? password.Error ?? Closed(tenant, options.Value.Registration, request.Invite)) is { } refused)
        {
            return new ErrorResult(refused);
        }

        // 2. The cheap no, before a hash is paid for. An open door needs no invitation, so none is used up.
        string? invite = options.Value.Registration == Registration.Open ? null : request.Invite;
        if (invite is not null && await directory.FindInvite(tenant.Id, invite, time.GetUtcNow(), cancel) is null)
        {
            return new ErrorResult(InviteGone());
        }

        Result<string> hash = await passwords.Hash(password.Value!, cancel);
        if (hash.Error is { } overloaded)
        {
            return new ErrorResult(overloaded);
        }

        // 3. The account and the use of the invitation are one transaction.
        CreateUserResult made = await directory.CreateUser(account.Value! with { PasswordHash = hash.Value }, invite, time.GetUtcNow(), CancellationToken.None);
        if (made.Status != CreateUserStatus.Created)
        {
            return new ErrorResult(made.Status == CreateUserStatus.InviteGone ? InviteGone() : NameTaken());
        }

        // 4. The room to begin in, and the session.
        await workspace.JoinDefaultRoom(made.User!);
        return TypedResults.Created("/api/me", await signIns.Begin(context, made.User!, request.Token));
    }

    private static async Task<Results<Ok<SignedInView>, ErrorResult>> SignIn(
        JsonBody<SignInRequest> body, HttpContext context, Workspace workspace, Passwords passwords, SignIns signIns, CancellationToken cancel)
    {
        SignInRequest request = body.Value;
        Result<string> password = AccountRules.Password("password", request.Password);
        if (password.Error is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        // A name that no account can have is as wrong as one that no account has, and takes as long.
        string userName = AccountRules.UserName(request.UserName).Value ?? "";
        Result<User> user = await passwords.Check(await workspace.Id(cancel), userName, password.Value!, cancel);
        if (user.Error is { } error)
        {
            return new ErrorResult(error);
        }

        if (user.Value!.Role == WorkspaceRole.Owner && (await workspace.Read(cancel)).DefaultRoom is null)
        {
            await workspace.EnsureDefaultRoom(user.Value, Language.PrefersJapanese(context.Request));
        }

        return TypedResults.Ok(await signIns.Begin(context, user.Value, request.Token));
    }

    private static async Task<Results<Ok<JoinView>, ErrorResult>> ReadInvitation(
        string code, Workspace workspace, IDirectory directory, IOptions<MonsteraOptions> options, TimeProvider time, CancellationToken cancel)
    {
        Tenant tenant = await workspace.Read(cancel);
        return options.Value.Registration != Registration.Closed
            && code.Length <= InvitesApi.CodeCharsMax
            && await directory.FindInvite(tenant.Id, code, time.GetUtcNow(), cancel) is not null
            ? TypedResults.Ok(new JoinView(tenant.Name))
            : new ErrorResult(InviteGone());
    }

    private static Result<NewUser> NewAccount(TenantId tenant, string userName, string displayName, WorkspaceRole role)
    {
        Result<string> name = AccountRules.UserName(userName);
        Result<string> display = AccountRules.Name("displayName", displayName);
        return (name.Error ?? display.Error) is { } error ? error : new NewUser(tenant, name.Value!, display.Value!, null, role);
    }

    private static Error? Closed(Tenant tenant, Registration registration, string? invite)
    {
        if (!tenant.SetUp)
        {
            return new Error(ErrorCode.Conflict, "The workspace was not set up yet.");
        }

        return registration switch
        {
            Registration.Open => null,
            Registration.Invite when invite is null => new Error(ErrorCode.Forbidden, "invite: accounts are made with an invitation."),
            Registration.Invite => invite.Length <= InvitesApi.CodeCharsMax ? null : InviteGone(),
            _ => new Error(ErrorCode.Forbidden, "Registration is closed."),
        };
    }

    private static Error SetUpAlready() => new(ErrorCode.Conflict, "The workspace was set up already.");

    private static Error NameTaken() => new(ErrorCode.Conflict, "userName: taken.");

    private static Error InviteGone() => new(ErrorCode.Gone, "The invitation does not exist, has expired or was used up.");
}
