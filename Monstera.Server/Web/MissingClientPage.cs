using Monstera.Server.Accounts;

namespace Monstera.Server.Web;

/// <summary>What people see in place of the client when the server was built without it. Needs no script and no style.</summary>
internal static class MissingClientPage
{
    private const string English =
        """
        <section lang="en">
          <h1>Monstera is running, without its web client</h1>
          <p>The server was built without Node.js, so there is no page to show. To get the client, install
          <a href="https://nodejs.org/">Node.js 20 or later</a> and build again:</p>
          <pre>dotnet build -c Release</pre>
          <p>The API works all the same: see <a href="/openapi/v1.json">its description</a>.</p>
        </section>
        """;

    private const string Japanese =
        """
        <section lang="ja">
          <h1>Monstera は動いていますが、Web クライアントがありません</h1>
          <p>Node.js なしでビルドされたため、表示するページがありません。<a href="https://nodejs.org/">Node.js 20 以降</a>を入れて、もう一度ビルドしてください。</p>
          <pre>dotnet build -c Release</pre>
          <p>API はそのまま使えます(<a href="/openapi/v1.json">API の説明</a>)。</p>
        </section>
        """;

    public static Task Write(HttpContext context)
    {
        bool japanese = Language.PrefersJapanese(context.Request);
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.Vary = "Accept-Language";
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.WriteAsync(
                $"""
                <!doctype html>
                <html lang="{(japanese ? "ja" : "en")}">
                <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Monstera</title></head>
                <body>
                {(japanese ? Japanese + "\n<hr>\n" + English : English + "\n<hr>\n" + Japanese)}
                </body>
                </html>

                """,
                context.RequestAborted);
    }
}
