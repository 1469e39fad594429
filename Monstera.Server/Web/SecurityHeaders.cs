using Microsoft.Net.Http.Headers;

namespace Monstera.Server.Web;

/// <summary>Headers that tell browsers what the server's answers may do. Set before anything answers, so that errors have them too.</summary>
internal sealed class SecurityHeaders(RequestDelegate next)
{
    /// <summary>For pages: nothing but the client's own files, no inline script or style, nobody's frame. HTML from strings only through the client framework's own templates.</summary>
    public const string PagePolicy =
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'; "
        + "require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

    /// <summary>For everything that is no page: were it ever shown as one, it could do nothing.</summary>
    private const string DataPolicy = "default-src 'none'; frame-ancestors 'none'";

    public Task Invoke(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Response.OnStarting(Set, context.Response);
        return next(context);
    }

    private static Task Set(object state)
    {
        HttpResponse response = (HttpResponse)state;
        IHeaderDictionary headers = response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";
        if (!headers.ContainsKey(HeaderNames.ContentSecurityPolicy))
        {
            bool isData = response.ContentType is { } type
                && (type.StartsWith("application/json", StringComparison.Ordinal) || type.StartsWith("application/problem+json", StringComparison.Ordinal));
            headers.ContentSecurityPolicy = isData ? DataPolicy : PagePolicy;
        }

        return Task.CompletedTask;
    }
}
