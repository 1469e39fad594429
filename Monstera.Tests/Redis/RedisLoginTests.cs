using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Monstera.Server.Redis;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Redis;

/// <summary>Users, passwords, TLS and databases of real servers.</summary>
public sealed class RedisLoginTests
{
    private const string Secret = "p,w=d {1}";

    [Fact]
    public async Task A_user_with_few_rights_is_enough_and_a_wrong_password_is_said_without_showing_it()
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Secret)));
        using RedisServer server = RedisServer.Start();
        Assert.Equal("+OK", server.Command(DocumentedUser().Replace(">password", "#" + hash, StringComparison.Ordinal)));
        await using RedisClient good = RedisServer.NewClient($"redis://chat:{Uri.EscapeDataString(Secret)}@127.0.0.1:{server.Port}/3", "chat");
        await Signal.Poll(() => !good.IsAway, "a connection");
        string key = good.Key("t", "key");
        await good.Call(key, ["SET", key, "there"], CancellationToken.None);
        Signal changed = new();
        int heard = 0;
        bool begun = false;
        good.Subscribe(good.Key("t", "news"), _ => Pulse(() => heard++), () => Pulse(() => begun = true));
        await changed.Until(() => begun, "the subscription");
        good.Publish(good.Key("t", "news"), "x"u8.ToArray());
        await changed.Until(() => heard == 1, "the message");
        Assert.Equal("NOPERM", (await Assert.ThrowsAsync<RedisErrorException>(async () => await good.Call("other", ["GET", "other"], CancellationToken.None))).Code);

        // What may not be listened to is not heard: that is being away, and it is said.
        good.Subscribe("other", _ => { }, null);
        await Signal.Poll(() => good.IsAway, "the refusal to be noticed");
        good.Unsubscribe("other");

        CapturedLogs logs = new();
        using ILoggerFactory factory = LoggerFactory.Create(logging => logging.AddProvider(logs));
        await using RedisClient bad = RedisServer.NewClient($"127.0.0.1:{server.Port},user=chat,password=hunter2", log: factory.CreateLogger<RedisClient>());
        await Signal.Poll(() => logs.Lines.Any(line => line.Contains("WRONGPASS", StringComparison.Ordinal)), "the refusal to be logged");
        Assert.True(bad.IsAway);
        Assert.DoesNotContain(logs.Lines, line => line.Contains("hunter2", StringComparison.Ordinal));
        await Assert.ThrowsAsync<RedisUnavailableException>(async () => await bad.Call("x", ["GET", "x"], CancellationToken.None));

        void Pulse(Action change)
        {
            change();
            changed.Pulse();
        }
    }

    [Fact]
    public async Task Over_TLS_only_the_server_that_was_meant_is_spoken_to()
    {
        using RSA rsa = RSA.Create(2048);
        CertificateRequest request = new("CN=redis.test", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("redis.test");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero));
        string folder = Directory.CreateTempSubdirectory("monstera-tls-").FullName;
        try
        {
            (string crt, string key) = (Path.Combine(folder, "crt"), Path.Combine(folder, "key"));
            File.WriteAllText(crt, certificate.ExportCertificatePem());
            File.WriteAllText(key, rsa.ExportPkcs8PrivateKeyPem());
            int port = PostgresTools.FreePort();
            using RedisServer server = RedisServer.Start(
                "--tls-port", $"{port}", "--tls-cert-file", crt, "--tls-key-file", key, "--tls-ca-cert-file", crt, "--tls-auth-clients", "no");

            await using RedisClient good = RedisServer.NewClient($"127.0.0.1:{port},ssl=true,sslHost=redis.test,sslCa={crt}");
            await Signal.Poll(() => !good.IsAway, "a connection");
            byte[] large = new byte[1_000_000];
            await good.Call(good.Key("t", "k"), ["SET", good.Key("t", "k"), large], CancellationToken.None);
            Assert.Equal(large.Length, (await good.Call(good.Key("t", "k"), ["GET", good.Key("t", "k")], CancellationToken.None)).Bytes.Length);

            foreach (string wrong in new[] { $",ssl=true,sslHost=other.test,sslCa={crt}", ",ssl=true,sslHost=redis.test", "" })
            {
                CapturedLogs logs = new();
                using ILoggerFactory factory = LoggerFactory.Create(logging => logging.AddProvider(logs));
                await using RedisClient bad = RedisServer.NewClient($"127.0.0.1:{port}{wrong}", log: factory.CreateLogger<RedisClient>());
                await Signal.Poll(() => logs.Lines.Any(line => line.Contains("Redis is away", StringComparison.Ordinal)), "the refusal to be logged");
                Assert.True(bad.IsAway);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Databases_and_prefixes_keep_installations_apart()
    {
        string prefix = Guid.NewGuid().ToString("N");
        await using RedisClient one = RedisServer.NewClient(RedisServer.Shared.ConnectionString, prefix);
        await using RedisClient two = RedisServer.NewClient(RedisServer.Shared.ConnectionString + ",defaultDatabase=2", prefix);
        await using RedisClient three = RedisServer.NewClient(RedisServer.Shared.ConnectionString, prefix + "x");
        await Signal.Poll(() => !one.IsAway && !two.IsAway && !three.IsAway, "connections");
        string key = one.Key("t", "key");
        await one.Call(key, ["SET", key, "there"], CancellationToken.None);
        Assert.Equal("there", (await one.Call(key, ["GET", key], CancellationToken.None)).Text);
        Assert.True((await two.Call(key, ["GET", key], CancellationToken.None)).IsNull);
        Assert.True((await three.Call(three.Key("t", "key"), ["GET", three.Key("t", "key")], CancellationToken.None)).IsNull);
    }

    private static string DocumentedUser()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "docs", "operations.md")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return File.ReadLines(Path.Combine(folder, "docs", "operations.md")).Single(line => line.StartsWith("ACL SETUSER", StringComparison.Ordinal));
    }
}
