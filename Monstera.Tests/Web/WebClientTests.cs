using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Web;

public sealed class WebClientTests : IDisposable
{
    private const string Page = "<!doctype html><title>The client</title>";

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-web-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    private Task<RunningServer> Start(bool built = true)
    {
        string client = Path.Combine(_folder, "wwwroot");
        if (built)
        {
            System.IO.Directory.CreateDirectory(Path.Combine(client, "assets"));
            File.WriteAllText(Path.Combine(client, "index.html"), Page);
            File.WriteAllText(Path.Combine(client, "assets", "index-8XV4wXbk.js"), "console.log(1)");
            File.WriteAllText(Path.Combine(client, "favicon.svg"), "<svg/>");
            File.WriteAllText(Path.Combine(_folder, "outside.html"), "outside");
        }

        return RunningServer.Start([("WebClient:Folder", client)]);
    }

    private static RestClient Browser(RunningServer server, string language = "en")
    {
        RestClient browser = server.Anonymous();
        browser.Headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8";
        browser.Headers["Accept-Language"] = language;
        return browser;
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/index.html")]
    [InlineData("/join/abcDEF-_123")]
    [InlineData("/rooms/0192f0f0-0000-7000-8000-000000000000?around=42")]
    [InlineData("/apiary")]
    public async Task Every_address_of_a_person_is_the_one_page_asked_for_anew_each_time(string path)
    {
        await using RunningServer server = await Start();
        Answer page = (await Browser(server).Get(path)).IsStatus(200);
        Assert.Equal(Page, page.Text);
        Assert.StartsWith("text/html", page.Header("Content-Type"), StringComparison.Ordinal);
        Assert.Equal("no-cache", page.Header("Cache-Control"));

        RestClient again = Browser(server);
        again.Headers["If-None-Match"] = page.Header("ETag")!;
        Assert.Equal("no-cache", (await again.Get(path)).IsStatus(304).Header("Cache-Control"));
        (await Browser(server).Send(HttpMethod.Head, path)).IsStatus(200);
    }

    [Theory]
    [InlineData("/api/nothing")]
    [InlineData("/api")]
    [InlineData("/API/nothing")]
    [InlineData("/openapi/nothing")]
    [InlineData("/healthz/nothing")]
    [InlineData("/assets/nothing.js")]
    public async Task An_unknown_address_of_a_program_is_an_error_and_no_page(string path)
    {
        await using RunningServer server = await Start();
        (await Browser(server).Get(path)).Is("not_found", 404);
    }

    [Fact]
    public async Task Who_wants_no_page_gets_none()
    {
        await using RunningServer server = await Start();
        (await server.Anonymous().Get("/somewhere")).Is("not_found", 404);
        (await Browser(server).Post("/somewhere")).IsStatus(404);
        RestClient image = server.Anonymous();
        image.Headers["Accept"] = "image/*";
        (await image.Get("/somewhere.png")).Is("not_found", 404);
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData(null)]
    public async Task Who_takes_anything_gets_the_page_where_the_client_has_one_and_else_an_error(string? accept)
    {
        await using RunningServer server = await Start();
        RestClient tool = server.Anonymous();
        if (accept is not null)
        {
            tool.Headers["Accept"] = accept;
        }

        foreach (string page in (string[])["/", "/join/abcDEF-_123", "/rooms/0192f0f0-0000-7000-8000-000000000000/42", "/register", "/growth"])
        {
            Answer answer = (await tool.Get(page)).IsStatus(200);
            Assert.Equal(Page, answer.Text);
            Assert.StartsWith("text/html", answer.Header("Content-Type"), StringComparison.Ordinal);
        }

        foreach (string other in (string[])["/somewhere", "/roomservice", "/theme.js", "/assets/nothing.js", "/api", "/api/nothing", "/openapi/nothing"])
        {
            (await tool.Get(other)).Is("not_found", 404);
        }

        (await tool.Get("/hub")).Is("unauthenticated", 401);
        (await tool.Get("/hub/nothing")).Is("not_found", 404);
    }

    [Fact]
    public async Task Hashed_files_are_kept_for_ever_and_others_asked_for_anew()
    {
        await using RunningServer server = await Start();
        Answer asset = (await server.Anonymous().Get("/assets/index-8XV4wXbk.js")).IsStatus(200);
        Assert.Equal("public, max-age=31536000, immutable", asset.Header("Cache-Control"));
        Assert.StartsWith("text/javascript", asset.Header("Content-Type"), StringComparison.Ordinal);
        Assert.NotNull(asset.Header("ETag"));
        Answer icon = (await Browser(server).Get("/favicon.svg")).IsStatus(200);
        Assert.Equal("no-cache", icon.Header("Cache-Control"));
        Assert.Equal("<svg/>", icon.Text);
    }

    [Theory]
    [InlineData("/../outside.html")]
    [InlineData("/%2e%2e/outside.html")]
    [InlineData("/..%2foutside.html")]
    [InlineData("/assets/..%5c..%5coutside.html")]
    [InlineData("/assets/%2e%2e/%2e%2e/outside.html")]
    public async Task Nothing_outside_of_the_folder_is_served(string path)
    {
        await using RunningServer server = await Start();
        Assert.DoesNotContain("outside", (await server.Anonymous().Get(path)).Text, StringComparison.Ordinal);
        Assert.NotEqual("outside", (await Browser(server).Get(path)).Text);
    }

    [Theory]
    [InlineData("/", 200)]
    [InlineData("/assets/index-8XV4wXbk.js", 200)]
    [InlineData("/api/workspace", 200)]
    [InlineData("/api/me", 401)]
    [InlineData("/api/nothing", 404)]
    [InlineData("/healthz/live", 200)]
    [InlineData("/openapi/v1.json", 200)]
    public async Task Every_answer_has_the_headers_that_protect_people(string path, int status)
    {
        await using RunningServer server = await Start();
        Answer answer = (await Browser(server).Get(path)).IsStatus(status);
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.Equal("same-origin", answer.Header("Referrer-Policy"));
        Assert.Equal("same-origin", answer.Header("Cross-Origin-Opener-Policy"));
        Assert.NotNull(answer.Header("Permissions-Policy"));
        string policy = answer.Header("Content-Security-Policy")!;
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        if (path == "/")
        {
            Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("require-trusted-types-for 'script'", policy, StringComparison.Ordinal);
            Assert.All((string[])["default-src 'self'", "base-uri 'none'", "form-action 'self'", "object-src 'none'"], rule => Assert.Contains(rule, policy, StringComparison.Ordinal));
        }
        else if (path.StartsWith("/api/", StringComparison.Ordinal))
        {
            Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        }

        Assert.Null(answer.Header("Server"));
    }

    [Theory]
    [InlineData("en", "<html lang=\"en\">")]
    [InlineData("ja,en;q=0.5", "<html lang=\"ja\">")]
    public async Task Without_the_client_a_page_in_both_languages_says_how_to_get_it(string language, string start)
    {
        await using RunningServer server = await Start(built: false);
        Answer page = (await Browser(server, language).Get("/join/abc")).IsStatus(200);
        Assert.Contains(start, page.Text, StringComparison.Ordinal);
        Assert.Contains("dotnet build", page.Text, StringComparison.Ordinal);
        Assert.Contains("ビルド", page.Text, StringComparison.Ordinal);
        Assert.Contains("without its web client", page.Text, StringComparison.Ordinal);
        RestClient tool = server.Anonymous();
        tool.Headers["Accept"] = "*/*";
        Assert.Contains("without its web client", (await tool.Get("/")).IsStatus(200).Text, StringComparison.Ordinal);
        (await server.Anonymous().Get("/somewhere")).Is("not_found", 404);
        (await server.Anonymous().Get("/api/workspace")).IsStatus(200);
    }
}
