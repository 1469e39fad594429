using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Monstera.Server.ConnectionTokens;
using Monstera.Server.Errors;

namespace Monstera.Server.Accounts;

/// <summary>
/// Finds out who calls, by one of the three kinds of credentials of docs/protocol.md section 4. A token that a program chose to send goes before the cookie, which browsers
/// send unasked; a wrong token is refused, never passed over for the cookie.
/// </summary>
internal sealed class Authentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory loggers,
    UrlEncoder encoder,
    SessionCheck sessions,
    ConnectionTokenVerifier connectionTokens)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "monstera";
    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers.Authorization is { Count: > 0 } authorization)
        {
            return authorization is [{ } header] && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
                ? await OfToken(header[Bearer.Length..].Trim())
                : Refused(new Error(ErrorCode.Unauthenticated, "Authorization: one Bearer token is taken."));
        }

        if (Context.Features.Get<QueryToken>() is { } fromQuery)
        {
            return await OfToken(fromQuery.Value);
        }

        return Request.Cookies.TryGetValue(SessionCookie.Name, out string? cookie) ? await OfSession(cookie, isCookie: true) : AuthenticateResult.NoResult();
    }

    /// <summary>401 with the reason. A cookie that leads nowhere is taken back: scripts cannot delete it.</summary>
    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        AuthenticateResult result = await HandleAuthenticateOnceSafeAsync();
        Error error = (result.Failure as RefusedCredentials)?.Error ?? new Error(ErrorCode.Unauthenticated, "Not signed in.");
        if (error.Code == ErrorCode.Unauthenticated && Request.Cookies.ContainsKey(SessionCookie.Name) && Request.Headers.Authorization.Count == 0)
        {
            SessionCookie.Delete(Context);
        }

        if (ErrorTable.StatusOf(error.Code) == StatusCodes.Status401Unauthorized)
        {
            Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer";
        }

        await Problem.Write(Context, error);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problem.Write(Context, new Error(ErrorCode.Forbidden, "Not allowed."));

    private Task<AuthenticateResult> OfToken(string token) =>
        token.AsSpan().Count('.') == 2 ? OfConnectionToken(token) : OfSession(token, isCookie: false);

    private async Task<AuthenticateResult> OfConnectionToken(string token)
    {
        Result<Caller> caller = await connectionTokens.Verify(token, Context.RequestAborted);
        return caller.Error is { } error ? Refused(error) : Ticket(caller.Value!);
    }

    private async Task<AuthenticateResult> OfSession(string token, bool isCookie)
    {
        if (await sessions.Find(token, Context.RequestAborted) is not { } found)
        {
            return Refused(new Error(ErrorCode.Unauthenticated, "The session has ended, or there was none."));
        }

        (CurrentSession current, bool extended) = found;
        if (extended && isCookie && !Response.HasStarted)
        {
            SessionCookie.Set(Context, token, current.Session.ExpiresAt);
        }

        Context.Features.Set(current);
        return Ticket(new Caller(current.Session.Tenant, current.User.Id, current.Session.Id, null));
    }

    private static AuthenticateResult Ticket(Caller caller) =>
        AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new CallerIdentity(caller, SchemeName)), SchemeName));

    private static AuthenticateResult Refused(Error error) => AuthenticateResult.Fail(new RefusedCredentials(error));

    /// <summary>Carries the error from authentication to the challenge; the framework wants an exception for that. It is never thrown.</summary>
    private sealed class RefusedCredentials(Error error) : Exception(error.Message)
    {
        public Error Error { get; } = error;
    }
}
