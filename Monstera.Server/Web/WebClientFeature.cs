using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Monstera.Server.Configuration;

namespace Monstera.Server.Web;

/// <summary>The browser client's files, and what browsers are told about them.</summary>
public static class WebClientFeature
{
    /// <summary>Addresses that belong to programs: an unknown one is an error, never the client's page.</summary>
    private static readonly PathString[] NotPages = ["/api", "/hub", "/openapi", "/healthz", "/metrics", "/assets"];

    /// <summary>What the client has pages for, beside "/". Tools that take anything get the page there too; elsewhere they asked for a file, and there is none.</summary>
    private static readonly PathString[] Pages = ["/rooms", "/join", "/register", "/growth"];

    public static IServiceCollection AddWebClient(this IServiceCollection services)
    {
        services.AddOptions<WebClientOptions>().BindConfiguration("Monstera:WebClient");
        services.AddCors();
        services.AddOptions<Microsoft.AspNetCore.Cors.Infrastructure.CorsOptions>().Configure<IOptions<MonsteraOptions>>((cors, monstera) =>
            cors.AddDefaultPolicy(policy => policy
                .WithOrigins([.. monstera.Value.AllowedOrigins])
                .AllowAnyHeader()
                .AllowAnyMethod()
                .AllowCredentials()
                .WithExposedHeaders(HeaderNames.RetryAfter, HeaderNames.Location)
                .SetPreflightMaxAge(TimeSpan.FromHours(1))));
        return services;
    }

    /// <summary>Goes right after the error bodies, so that every answer has the headers.</summary>
    public static IApplicationBuilder UseSecurityHeaders(this IApplicationBuilder app) => app.UseMiddleware<SecurityHeaders>();

    /// <summary>
    /// Serves the client: its files, and its page for every other address that a person may have typed or bookmarked. Goes before authentication, which files do not need.
    /// </summary>
    public static IApplicationBuilder UseWebClient(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        string folder = Path.GetFullPath(app.ApplicationServices.GetRequiredService<IOptions<WebClientOptions>>().Value.Folder);
        if (!File.Exists(Path.Combine(folder, "index.html")))
        {
            return app.Use((context, next) => IsPage(context.Request) ? MissingClientPage.Write(context) : next(context));
        }

        PhysicalFileProvider files = new(folder);
        PackedFiles packed = new(folder, files);
        StaticFileOptions options = new() { FileProvider = files, OnPrepareResponse = SetHeaders, ContentTypeProvider = new PackedFiles.ContentTypes(ContentTypes()) };
        app.Use((context, next) =>
        {
            // No endpoint is chosen yet or it is the static files' turn first; pages are rewritten to the one page there is.
            if (IsPage(context.Request) && !files.GetFileInfo(context.Request.Path).Exists)
            {
                context.Request.Path = "/index.html";
            }

            packed.Choose(context);
            return next(context);
        });
        return app.UseWhen(PackedFiles.MayBeServed, client => client.UseStaticFiles(options));
    }

    private static bool IsPage(HttpRequest request)
    {
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            return false;
        }

        foreach (PathString notPage in NotPages)
        {
            if (request.Path.StartsWithSegments(notPage, StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }

        IList<MediaTypeHeaderValue> accepted = request.GetTypedHeaders().Accept;
        return accepted.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase))
            || ((accepted.Count == 0 || accepted.Any(type => type.MatchesAllTypes)) && IsOfClient(request.Path));
    }

    private static bool IsOfClient(PathString path) =>
        path == "/" || Pages.Any(page => path.StartsWithSegments(page, StringComparison.Ordinal));

    /// <summary>Names under /assets hold a hash of the content, so what was fetched once is good for ever. All else is asked for anew, and answered 304 when it is the same.</summary>
    private static void SetHeaders(StaticFileResponseContext file)
    {
        PackedFiles.SetHeaders(file.Context);
        file.Context.Response.Headers.CacheControl =
            file.Context.Request.Path.StartsWithSegments("/assets", StringComparison.OrdinalIgnoreCase)
                ? "public, max-age=31536000, immutable"
                : "no-cache";
    }

    private static FileExtensionContentTypeProvider ContentTypes()
    {
        FileExtensionContentTypeProvider types = new();
        types.Mappings[".webmanifest"] = "application/manifest+json";
        return types;
    }
}
