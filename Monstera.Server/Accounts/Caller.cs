using System.Security.Claims;
using Monstera.Data.Ids;

namespace Monstera.Server.Accounts;

/// <summary>Who is calling, whichever credentials said so.</summary>
/// <param name="Session">The session of a cookie or bearer token; null with a connection token.</param>
/// <param name="ExpiresAt">When a connection token ends; null with a session, whose end is announced by <see cref="SessionEndings"/>.</param>
public sealed record Caller(TenantId Tenant, UserId User, SessionId? Session, DateTimeOffset? ExpiresAt)
{
    /// <summary>The caller that authentication has put into <paramref name="principal"/>; null when nobody is signed in.</summary>
    public static Caller? Of(ClaimsPrincipal? principal) => (principal?.Identity as CallerIdentity)?.Caller;

    /// <summary>Makes the caller a parameter of endpoints, which all require one unless they say otherwise.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return ValueTask.FromResult(Of(context.User));
    }
}

/// <summary>Carries the <see cref="Caller"/> itself, so that no request parses ids out of claims.</summary>
public sealed class CallerIdentity : ClaimsIdentity
{
    public CallerIdentity(Caller caller, string scheme)
        : base([new Claim(ClaimTypes.NameIdentifier, caller.User.ToString())], scheme) => Caller = caller;

    public Caller Caller { get; }
}
