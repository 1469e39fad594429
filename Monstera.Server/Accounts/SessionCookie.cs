using Monstera.Data.Directory;

namespace Monstera.Server.Accounts;

/// <summary>The cookie that carries a session's token in browsers. Scripts cannot read it, and other sites' requests do not carry it (but for plain links).</summary>
internal static class SessionCookie
{
    public const string Name = "monstera_session";

    public static void Set(HttpContext context, string token, DateTimeOffset expiresAt) =>
        context.Response.Cookies.Append(Name, token, Options(context, expiresAt));

    public static void Delete(HttpContext context) => context.Response.Cookies.Delete(Name, Options(context, null));

    private static CookieOptions Options(HttpContext context, DateTimeOffset? expiresAt) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = context.Request.IsHttps,
        Path = "/",
        IsEssential = true,
        Expires = expiresAt,
    };
}

/// <summary>The session of the request, and its user as authentication has read it: a feature of requests that came with a cookie or bearer token.</summary>
internal sealed record CurrentSession(Session Session, User User);
