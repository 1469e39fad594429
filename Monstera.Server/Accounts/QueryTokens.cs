using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace Monstera.Server.Accounts;

/// <summary>The token that a request for the hub brought in its query. A feature, because the query no longer has it.</summary>
/// <param name="Value">Empty when the query had more than one.</param>
internal sealed record QueryToken(string Value);

/// <summary>
/// Takes <c>access_token</c> out of every request's query before anything sees the request. Browsers cannot send headers with a WebSocket, so the token has to travel in the
/// address; but addresses are logged and traced by the framework as soon as a request begins, before any middleware could hide it.
/// </summary>
internal sealed class QueryTokens(IServiceProvider services) : IHttpContextFactory
{
    private const string Key = "access_token";

    private readonly DefaultHttpContextFactory _inner = new(services);

    public HttpContext Create(IFeatureCollection featureCollection)
    {
        QueryToken? token = null;
        if (featureCollection.Get<IHttpRequestFeature>() is { QueryString.Length: > 1 } request)
        {
            token = Take(request);
        }

        HttpContext context = _inner.Create(featureCollection);
        if (token is not null && context.Request.Path.StartsWithSegments("/hub", StringComparison.OrdinalIgnoreCase))
        {
            context.Features.Set(token);
        }

        return context;
    }

    public void Dispose(HttpContext httpContext) => _inner.Dispose(httpContext);

    private static QueryToken? Take(IHttpRequestFeature request)
    {
        QueryToken? token = null;
        StringBuilder rest = new(request.QueryString.Length);
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(request.QueryString))
        {
            if (pair.DecodeName().Span.Equals(Key, StringComparison.OrdinalIgnoreCase))
            {
                token = new QueryToken(token is null ? pair.DecodeValue().ToString() : "");
            }
            else
            {
                rest.Append(rest.Length == 0 ? '?' : '&').Append(pair.EncodedName).Append('=').Append(pair.EncodedValue);
            }
        }

        if (token is not null)
        {
            request.QueryString = rest.ToString();
            int query = request.RawTarget.IndexOf('?', StringComparison.Ordinal);
            request.RawTarget = (query < 0 ? request.RawTarget : request.RawTarget[..query]) + rest;
        }

        return token;
    }
}
