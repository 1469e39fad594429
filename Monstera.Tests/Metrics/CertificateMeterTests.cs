using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Metrics;

/// <summary>When the server's own certificate ends: of a real file, named in the settings as operators name it, which is renewed while the server runs.</summary>
public sealed class CertificateMeterTests : IDisposable
{
    private const string Series = "certificate_expires_timestamp_seconds";
    private const string Subject = "CN=localhost";
    private const string Password = "swordfish";

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    private string CertificateFile => Path.Combine(_folder, "chat.pfx");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task It_is_told_once_somebody_has_connected_by_TLS_and_told_anew_when_the_file_is_renewed()
    {
        long first = Write(days: 9);
        Uri secure = new(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{PostgresTools.FreePort()}"));
        await using RunningServer server = await LiveServer.Start(
            ("Kestrel:Endpoints:A:Url", "http://127.0.0.1:0"),
            ("Kestrel:Endpoints:B:Url", secure.AbsoluteUri),
            ("Kestrel:Endpoints:B:Certificate:Path", CertificateFile),
            ("Kestrel:Endpoints:B:Certificate:Password", Password));
        Uri plain = new(server.Get<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single(address => address.StartsWith("http:", StringComparison.Ordinal)));
        Assert.DoesNotContain(Series, (await Scrape.Of(plain)).Series);

        Assert.True(await Greets(secure));
        Assert.Equal(first, (await Scrape.Of(plain))[Series]);

        // Kestrel looks at the file again by itself, and listens anew.
        long second = Write(days: 90);
        await Signal.Poll(() => Greets(secure).GetAwaiter().GetResult() && Scrape.Of(plain).GetAwaiter().GetResult()[Series] == second, "the new certificate");
    }

    /// <summary>Over a connection of its own. False: there is no listener at this moment.</summary>
    private static async Task<bool> Greets(Uri server)
    {
        using SocketsHttpHandler handler = new() { SslOptions = new() { RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == Subject } };
        using HttpClient client = new(handler);
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri(server, "/healthz/live"), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <returns>When it ends.</returns>
    private long Write(int days)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset end = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().AddDays(days).ToUnixTimeSeconds());
        using X509Certificate2 certificate = new CertificateRequest(Subject, key, HashAlgorithmName.SHA256).CreateSelfSigned(end.AddDays(-100), end);
        string written = CertificateFile + ".new";
        File.WriteAllBytes(written, certificate.Export(X509ContentType.Pkcs12, Password));
        File.Move(written, CertificateFile, overwrite: true);
        return end.ToUnixTimeSeconds();
    }
}
