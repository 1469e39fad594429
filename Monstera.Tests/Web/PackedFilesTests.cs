using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Web;

/// <summary>The packed forms of the client's files, as browsers and CDNs ask for them.</summary>
public sealed class PackedFilesTests : IDisposable
{
    private const string Page = "<!doctype html><title>The client</title>";
    private const string Script = "console.log(1)";

    private static readonly HttpClient Http = new(new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.None });

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-packed-").FullName;

    public PackedFilesTests()
    {
        System.IO.Directory.CreateDirectory(Path.Combine(_folder, "assets"));
        Add("index.html", Page, packed: true);
        Add("assets/index-8XV4wXbk.js", Script, packed: true);
        Add("assets/photo-8XV4wXbk.png", "png", packed: false);
    }

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("gzip, deflate, br, zstd", "br")]
    [InlineData("br", "br")]
    [InlineData("BR;q=0.5", "br")]
    [InlineData("gzip", "gzip")]
    [InlineData("gzip, br;q=0", "gzip")]
    [InlineData("gzip, br;q=0.5", "gzip")]
    [InlineData("*", "br")]
    [InlineData("*;q=0", null)]
    [InlineData("identity, br;q=0.5", null)]
    [InlineData("deflate", null)]
    [InlineData("nonsense;;;q=x", null)]
    [InlineData(null, null)]
    public async Task Everybody_gets_the_smallest_form_they_like_best_and_in_it_the_same_text(string? accepts, string? coding)
    {
        await using RunningServer server = await Start();
        foreach ((string path, string text, string type, string caching) in ((string, string, string, string)[])
            [("/assets/index-8XV4wXbk.js", Script, "text/javascript", "public, max-age=31536000, immutable"), ("/rooms/x", Page, "text/html", "no-cache")])
        {
            using HttpResponseMessage answer = await Get(server, path, accepts);
            Assert.Equal(coding, answer.Content.Headers.ContentEncoding.SingleOrDefault());
            Assert.Equal(text, Unpack(await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken), coding));
            Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
            Assert.Equal(caching, Single(answer, "Cache-Control"));
            Assert.Equal("Accept-Encoding", Single(answer, "Vary"));
        }
    }

    [Fact]
    public async Task Each_form_has_an_ETag_of_its_own_by_which_it_is_not_sent_again()
    {
        await using RunningServer server = await Start();
        HashSet<string> tags = new(StringComparer.Ordinal);
        foreach (string? accepts in (string?[])["br", "gzip", null])
        {
            using HttpResponseMessage first = await Get(server, "/assets/index-8XV4wXbk.js", accepts);
            Assert.True(tags.Add(Single(first, "ETag")));
            using HttpResponseMessage again = await Get(server, "/assets/index-8XV4wXbk.js", accepts, first.Headers.ETag);
            Assert.Equal(304, (int)again.StatusCode);
            Assert.Equal("Accept-Encoding", Single(again, "Vary"));
            Assert.Equal(Single(first, "ETag"), Single(again, "ETag"));
        }
    }

    [Fact]
    public async Task What_has_no_packed_form_is_sent_as_it_is_and_does_not_vary()
    {
        await using RunningServer server = await Start();
        using HttpResponseMessage image = await Get(server, "/assets/photo-8XV4wXbk.png", "br, gzip");
        Assert.Equal("png", await image.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Empty(image.Content.Headers.ContentEncoding);
        Assert.Empty(image.Headers.Vary);
    }

    [Theory]
    [InlineData("/assets/index-8XV4wXbk.js.br")]
    [InlineData("/assets/index-8XV4wXbk.js.gz")]
    [InlineData("/assets/index-8XV4wXbk.js.BR")]
    public async Task By_its_own_name_a_packed_file_is_not_there(string path)
    {
        await using RunningServer server = await Start();
        foreach (string? accepts in (string?[])["br, gzip", null])
        {
            using HttpResponseMessage answer = await Get(server, path, accepts);
            Assert.Equal(404, (int)answer.StatusCode);

            // The file may be there a moment later, of a new version: nobody is to remember that it was not.
            Assert.Equal("no-store", Single(answer, "Cache-Control"));
        }
    }

    [Fact]
    public async Task A_packed_form_that_vanishes_under_a_running_server_is_not_missed()
    {
        await using RunningServer server = await Start();
        File.Delete(Path.Combine(_folder, "assets", "index-8XV4wXbk.js.br"));
        using HttpResponseMessage answer = await Get(server, "/assets/index-8XV4wXbk.js", "br");
        Assert.Equal(Script, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Only when the client was built: the server's build puts it beside the program.</summary>
    [Fact]
    public async Task The_client_s_own_build_packs_every_text_and_each_form_holds_the_same()
    {
        string built = Path.Combine(AppContext.BaseDirectory, "wwwroot");
        Clients.Requires.That(File.Exists(Path.Combine(built, "index.html")), "The browser client was not built.");
        string page = await File.ReadAllTextAsync(Path.Combine(built, "index.html"), TestContext.Current.CancellationToken);
        string[] named = [.. page.Split('"').Where(part => part.StartsWith("/assets/", StringComparison.Ordinal))];
        Assert.NotEmpty(named);
        foreach (string file in named.Append("/index.html").Select(path => built + path))
        {
            string text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            Assert.Equal(text, Unpack(await File.ReadAllBytesAsync(file + ".br", TestContext.Current.CancellationToken), "br"));
            Assert.Equal(text, Unpack(await File.ReadAllBytesAsync(file + ".gz", TestContext.Current.CancellationToken), "gzip"));
        }
    }

    private static async Task<HttpResponseMessage> Get(RunningServer server, string path, string? accepts, EntityTagHeaderValue? known = null)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, server.Address + path);
        request.Headers.TryAddWithoutValidation("Accept", "text/html, */*");
        if (accepts is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept-Encoding", accepts);
        }

        if (known is not null)
        {
            request.Headers.IfNoneMatch.Add(known);
        }

        return await Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static string Single(HttpResponseMessage answer, string header) => Assert.Single(answer.Headers.NonValidated[header]);

    private static string Unpack(byte[] bytes, string? coding)
    {
        using MemoryStream packed = new(bytes);
        using Stream plain = coding switch
        {
            "br" => new BrotliStream(packed, CompressionMode.Decompress),
            "gzip" => new GZipStream(packed, CompressionMode.Decompress),
            _ => packed,
        };
        using StreamReader reader = new(plain);
        return reader.ReadToEnd();
    }

    private Task<RunningServer> Start() => RunningServer.Start([("WebClient:Folder", _folder)]);

    private void Add(string name, string text, bool packed)
    {
        string file = Path.Combine(_folder, name);
        File.WriteAllText(file, text);
        if (packed)
        {
            using (BrotliStream brotli = new(File.Create(file + ".br"), CompressionLevel.SmallestSize))
            {
                brotli.Write(Encoding.UTF8.GetBytes(text));
            }

            using GZipStream gzip = new(File.Create(file + ".gz"), CompressionLevel.SmallestSize);
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }
    }
}
