using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;

namespace Monstera.Server.Accounts;

/// <summary>
/// Refuses what a page of another site made a browser send along with its cookie (docs/protocol.md section 4): any method but GET and HEAD, and every request for the hub, must
/// name an origin that is the server's own or allowed. WebSockets know no same-origin policy, so for them this check is the only one there is.
/// </summary>
public sealed class OriginCheck(RequestDelegate next, IOptions<MonsteraOptions> options)
{
    private readonly HashSet<string> _allowed = [.. options.Value.AllowedOrigins.Select(origin => origin.ToLowerInvariant())];

    public Task Invoke(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return IsCovered(context.Request) && !IsAllowed(context.Request)
            ? Problem.Write(context, new Error(ErrorCode.Forbidden, "The header Origin must name this server's own origin or one of Monstera:AllowedOrigins."))
            : next(context);
    }

    private static bool IsCovered(HttpRequest request) =>
        request.Cookies.ContainsKey(SessionCookie.Name)
        && (!(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            || request.Path.StartsWithSegments("/hub", StringComparison.OrdinalIgnoreCase));

    private bool IsAllowed(HttpRequest request)
    {
        if (request.Headers.Origin is not [{ Length: > 0 } origin])
        {
            return request.Headers.Origin.Count == 0 && IsOwnPoll(request);
        }

        return string.Equals(origin, OwnOrigin(request), StringComparison.Ordinal) || _allowed.Contains(origin);
    }

    /// <summary>
    /// Browsers send no Origin with a plain GET to the page's own server, which is what Server-Sent Events and long polling are. They do say <c>Sec-Fetch-Site</c> there, which
    /// no page can set. A WebSocket always has its Origin, so that one without is no browser's.
    /// </summary>
    private static bool IsOwnPoll(HttpRequest request) =>
        HttpMethods.IsGet(request.Method)
        && request.Headers.Upgrade.Count == 0
        && request.Headers["Sec-Fetch-Site"] is ["same-origin"];

    /// <summary>As browsers write it: lower case, without the scheme's default port.</summary>
    private static string OwnOrigin(HttpRequest request)
    {
        string scheme = request.Scheme.ToLowerInvariant();
        int defaultPort = scheme == "https" ? 443 : 80;
        string host = request.Host.Host.ToLowerInvariant();
        return request.Host.Port is { } port && port != defaultPort ? FormattableString.Invariant($"{scheme}://{host}:{port}") : $"{scheme}://{host}";
    }
}
