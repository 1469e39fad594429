using System.Text.Json.Nodes;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>The compose files of the phases, as docker-compose reads them, with secrets made by the script that comes with them.</summary>
public sealed class ComposeTests : IAsyncLifetime
{
    private static readonly string[] Watching = ["prometheus", "alertmanager", "grafana", "jaeger"];

    private readonly string _deploy = System.IO.Directory.CreateTempSubdirectory("monstera-compose-").FullName;

    private string Folder => Path.Combine(_deploy, "compose");

    public async ValueTask InitializeAsync()
    {
        Requires.Unix("docker-compose");
        string shipped = Tool.Shipped();
        foreach (string file in System.IO.Directory.EnumerateFiles(shipped, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(shipped, file);
            if (!name.StartsWith(Path.Combine("compose", "secrets") + Path.DirectorySeparatorChar, StringComparison.Ordinal) && name != Path.Combine("compose", ".env"))
            {
                System.IO.Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_deploy, name))!);
                File.Copy(file, Path.Combine(_deploy, name));
            }
        }

        await Tool.Run(0, "bash", [Path.Combine(Folder, "secrets.sh")]);
    }

    public ValueTask DisposeAsync()
    {
        System.IO.Directory.Delete(_deploy, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Docker_compose_reads_it_and_every_server_in_it_would_start(int phase)
    {
        JsonObject file = await Config(phase);
        (string Name, JsonObject Service)[] services = [.. file["services"]!.AsObject().Select(service => (service.Key, service.Value!.AsObject()))];
        Assert.Superset(Watching.ToHashSet(StringComparer.Ordinal), services.Select(service => service.Name).ToHashSet(StringComparer.Ordinal));
        foreach ((string name, JsonObject service) in services)
        {
            string image = (string)service["image"]!;
            Assert.True(image == "monstera:latest" || IsPinned(image), $"{name}: {image} names no release");
            Assert.Equal(["ALL"], Strings(service["cap_drop"]));
            Assert.Equal(["no-new-privileges:true"], Strings(service["security_opt"]));
            Assert.True((bool)service["read_only"]!, name);
            Assert.Equal(Array.IndexOf(Watching, name) >= 0 ? "observability" : name == "move" ? "move" : null, Strings(service["profiles"]).SingleOrDefault());
            AssertMounts(name, service);
            Assert.All(Strings(service["ports"]), port => Assert.StartsWith("127.0.0.1:", port, StringComparison.Ordinal));
        }

        JsonObject[] servers = [.. services.Where(service => IsServer(service.Service)).Select(service => service.Service)];
        Assert.Equal(phase, servers.Length);
        Assert.All(servers, server => AssertServer(file, server));
        Assert.Equal(servers.Length, servers.Select(server => (string?)server["environment"]!["Monstera__NodeName"]).Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Nodes_start_when_what_they_need_is_there_and_the_balancer_when_they_are_ready(int phase)
    {
        JsonObject services = (await Config(phase))["services"]!.AsObject();
        string[] nodes = [.. services.Where(service => IsServer(service.Value!.AsObject())).Select(service => service.Key)];
        Assert.Equal(nodes.Order(StringComparer.Ordinal), Gates(services, "balancer", "service_healthy").Order(StringComparer.Ordinal));
        foreach (string node in nodes)
        {
            string[] before = [.. Gates(services, node, "service_healthy"), .. Gates(services, node, "service_completed_successfully")];
            Assert.Contains(before, name => name.StartsWith("redis", StringComparison.Ordinal));
            Assert.Contains(phase == 2 ? "database" : "shard1", before);
            Assert.Contains($"server {node} {node}:8080 cookie {node}", Repository.Read("deploy", "compose", "haproxy.cfg"), StringComparison.Ordinal);
        }

        Assert.Contains("postgres0", Gates(services, "database", "service_healthy"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Backups_are_made_each_day_where_every_server_looks_for_them_and_none_may_write(int phase)
    {
        JsonObject file = await Config(phase);
        JsonObject services = file["services"]!.AsObject();
        JsonObject backup = services["backup"]!.AsObject();
        Assert.Equal(["backup", "--daily-at", "03:17"], Strings(backup["command"]));
        string folder = (string)backup["environment"]!["Monstera__Backups__Folder"]!;
        Assert.Contains(Strings(backup["volumes"]), mount => mount.Replace(":rw", "", StringComparison.Ordinal) == $"backups:{folder}");
        Assert.NotNull(file["volumes"]!["backups"]);
        foreach (JsonObject server in services.Select(service => service.Value!.AsObject()).Where(IsServer))
        {
            Assert.Equal(folder, (string?)server["environment"]!["Monstera__Backups__Folder"]);
            Assert.Contains($"backups:{folder}:ro", Strings(server["volumes"]));
        }

        // All databases, as their owners: the same secrets as those of the job that makes them.
        string[] given = [.. (backup["secrets"] as JsonArray ?? []).Select(secret => (string)secret!["source"]!)];
        Dictionary<string, string> environment = backup["environment"]!.AsObject().ToDictionary(variable => variable.Key, variable => (string)variable.Value!, StringComparer.Ordinal);
        IEnumerable<string> named = environment.Where(one => one.Key.EndsWith("_FILE", StringComparison.Ordinal)).Select(one => Path.GetFileName(one.Value)).Distinct(StringComparer.Ordinal);
        Assert.Equal(given.Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
        Assert.Equal(phase == 1 ? 0 : phase == 2 ? 4 : 6, environment.Keys.Count(name => name.EndsWith("_FILE", StringComparison.Ordinal)));
        Assert.Equal(phase == 1, Strings(backup["volumes"]).Any(mount => mount.StartsWith("data:/data", StringComparison.Ordinal)));
    }

    /// <summary>The shards of phase 3 have the databases of phase 2 among them: whoever grows takes the same volumes and secrets along.</summary>
    [Fact]
    public async Task What_has_data_in_it_has_the_same_name_in_each_phase_from_the_second_on()
    {
        string[] before = [];
        foreach (int phase in (int[])[2, 3, 4])
        {
            JsonObject file = await Config(phase);
            string[] volumes = [.. file["volumes"]!.AsObject().Select(volume => volume.Key).Where(volume => volume != "data")];
            Assert.Superset(before.ToHashSet(StringComparer.Ordinal), volumes.ToHashSet(StringComparer.Ordinal));
            Assert.Equal("/run/secrets/directory", (string?)file["services"]!["node1"]!["environment"]!["ConnectionStrings__Shards__0_FILE"]);
            before = volumes;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Every_node_sends_traces_where_the_operator_says(int phase)
    {
        JsonObject services = (await Config(phase, ("MONSTERA_TRACES", "http://jaeger:4317"), ("MONSTERA_TRACES_RATIO", "0.5")))["services"]!.AsObject();
        JsonObject[] nodes = [.. services.Select(service => service.Value!.AsObject()).Where(IsServer)];
        Assert.Equal(phase, nodes.Length);
        Assert.All(nodes, node => Assert.Equal(("http://jaeger:4317", "0.5"), ((string?)node["environment"]!["Monstera__Tracing__Endpoint"], (string?)node["environment"]!["Monstera__Tracing__SampleRatio"])));
        Assert.True(services.ContainsKey("jaeger"));
    }

    [Fact]
    public async Task Secrets_are_made_once_and_nobody_else_on_the_machine_gets_at_them()
    {
        string folder = Path.Combine(Folder, "secrets");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        }

        Dictionary<string, string> before = System.IO.Directory.EnumerateFiles(folder).ToDictionary(file => file, File.ReadAllText, StringComparer.Ordinal);
        Assert.All(before.Where(file => file.Key.EndsWith("password", StringComparison.Ordinal)), file => Assert.Matches("^[A-Za-z0-9_-]{32}\n$", file.Value));
        Assert.Equal(7, before.Where(file => file.Key.EndsWith("password", StringComparison.Ordinal)).Select(file => file.Value).Distinct(StringComparer.Ordinal).Count());
        await Tool.Run(0, "bash", [Path.Combine(Folder, "secrets.sh")]);
        Assert.Equal(before, System.IO.Directory.EnumerateFiles(folder).ToDictionary(file => file, File.ReadAllText, StringComparer.Ordinal));
    }

    [Fact]
    public async Task Haproxy_takes_the_configuration_with_a_certificate_and_without()
    {
        string? haproxy = Tool.Find("haproxy");
        Requires.That(haproxy is not null, "HAProxy is not installed.");
        string config = Path.Combine(Folder, "haproxy.cfg");
        await Tool.Run(0, haproxy!, ["-c", "-f", config], [("CERTIFICATE", null)]);
        string certificate = Path.Combine(_deploy, "chat.pem");
        using System.Security.Cryptography.RSA key = System.Security.Cryptography.RSA.Create(2048);
        System.Security.Cryptography.X509Certificates.CertificateRequest request = new(
            "CN=chat.example.org", key, System.Security.Cryptography.HashAlgorithmName.SHA256, System.Security.Cryptography.RSASignaturePadding.Pkcs1);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using System.Security.Cryptography.X509Certificates.X509Certificate2 signed = request.CreateSelfSigned(now, now.AddDays(1));
        await File.WriteAllTextAsync(certificate, signed.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n", TestContext.Current.CancellationToken);
        await Tool.Run(0, haproxy!, ["-c", "-f", config], [("CERTIFICATE", certificate)]);
        Assert.Contains("missing.pem", await Tool.Run(1, haproxy!, ["-c", "-f", config], [("CERTIFICATE", Path.Combine(_deploy, "missing.pem"))]), StringComparison.Ordinal);
    }

    private static void AssertServer(JsonObject file, JsonObject server)
    {
        Assert.Equal("60s", (string?)server["stop_grace_period"]);
        Assert.Equal(["CMD", "dotnet", "/app/monstera.dll", "health"], Strings(server["healthcheck"]!["test"]));
        Assert.NotNull(server["mem_limit"]);
        Assert.Contains(Strings(server["tmpfs"]), mount => mount.StartsWith("/tmp", StringComparison.Ordinal));
        Dictionary<string, string> environment = server["environment"]!.AsObject().ToDictionary(variable => variable.Key, variable => (string)variable.Value!, StringComparer.Ordinal);
        HashSet<string> given = [.. (server["secrets"] as JsonArray ?? []).Select(secret => (string)secret!["source"]!)];
        HashSet<string> used = [];
        DeployedSettings.AssertStarts(environment, path =>
        {
            string name = Path.GetRelativePath("/run/secrets", path);
            used.Add(name);
            Assert.Contains(name, given);
            return File.ReadAllText((string)file["secrets"]![name]!["file"]!).TrimEnd('\n');
        });
        Assert.Equal(used, given);
    }

    /// <summary>What is mounted from this folder is there. What the profile for watching has comes from folders of their own.</summary>
    private void AssertMounts(string name, JsonObject service)
    {
        foreach (string mount in Strings(service["volumes"]).Where(mount => mount.StartsWith('/')))
        {
            string source = mount.Split(':')[0];
            string relative = Path.GetRelativePath(_deploy, source);
            bool isOptional = relative.EndsWith("certificates", StringComparison.Ordinal) || (Array.IndexOf(Watching, name) >= 0 && !System.IO.Directory.Exists(Path.Combine(_deploy, relative.Split('/')[0])));
            Assert.True(Path.Exists(source) || isOptional, $"{name} mounts {relative}, which is not there");
            Assert.EndsWith(":ro", mount, StringComparison.Ordinal);
        }
    }

    private static bool IsServer(JsonObject service) => (string?)service["image"] == "monstera:latest" && service["command"] is null;

    private static bool IsPinned(string image) => image.LastIndexOf(':') is > 0 and int colon && image[(colon + 1)..].Contains('.', StringComparison.Ordinal) && image.Contains('/', StringComparison.Ordinal);

    private static string[] Strings(JsonNode? list) => [.. (list as JsonArray ?? []).Select(item => item!.ToString())];

    private static IEnumerable<string> Gates(JsonObject services, string name, string condition) =>
        (services[name]!["depends_on"] as JsonObject ?? []).Where(gate => (string?)gate.Value!["condition"] == condition).Select(gate => gate.Key);

    private async Task<JsonObject> Config(int phase, params (string Name, string? Value)[] environment)
    {
        Tool.RequiresYaml();
        string file = Path.Combine(Folder, $"phase{phase}.yaml");
        string yaml = await Tool.Run(0, Tool.Find("docker-compose")!, ["-f", file, "--profile", "observability", "config"], environment);
        return Assert.Single(await Tool.ReadYaml(yaml));
    }
}
