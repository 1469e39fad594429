using System.Text.Json.Nodes;
using Monstera.Tests.Clients;
using Monstera.Tests.Deploy;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Security;

/// <summary>The bill of materials that security/sbom.mjs writes names everything that is shipped.</summary>
public sealed class SbomTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>What is shipped is what the runtime is told to load (monstera.deps.json), which another program writes from other files.</summary>
    [Fact]
    public async Task Every_package_that_the_server_loads_is_in_it_with_its_version_and_hash()
    {
        JsonNode sbom = await Make(Bundled("node_modules/svelte", "node_modules/@microsoft/signalr"));
        Assert.Equal(("CycloneDX", "1.6"), ((string?)sbom["bomFormat"], (string?)sbom["specVersion"]));
        Dictionary<string, JsonNode> components = sbom["components"]!.AsArray().ToDictionary(one => (string)one!["purl"]!, one => one!, StringComparer.OrdinalIgnoreCase);
        string[] loaded = Loaded();
        Assert.True(loaded.Length >= 8, "monstera.deps.json names hardly any packages.");
        foreach (string package in loaded)
        {
            Assert.True(components.TryGetValue($"pkg:nuget/{package.Replace('/', '@')}", out JsonNode? component), $"{package} is not in it");
            Assert.Equal("required", (string?)component["scope"]);
            Assert.Equal(128, ((string)component["hashes"]![0]!["content"]!).Length);
        }

        Assert.Equal(
            loaded.Order(StringComparer.OrdinalIgnoreCase),
            components.Values.Where(one => ((string)one["purl"]!).StartsWith("pkg:nuget/", StringComparison.Ordinal) && (string?)one["scope"] == "required")
                .Select(one => $"{one["name"]}/{one["version"]}").Order(StringComparer.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Of_npm_what_is_in_the_client_is_shipped_and_all_else_of_the_lock_file_is_not()
    {
        JsonNode sbom = await Make(Bundled("node_modules/svelte", "node_modules/@microsoft/signalr"));
        JsonNode[] npm = [.. sbom["components"]!.AsArray().Where(one => ((string)one!["purl"]!).StartsWith("pkg:npm/", StringComparison.Ordinal)).Select(one => one!)];
        Assert.Equal(["@microsoft/signalr", "svelte"], npm.Where(one => (string?)one["scope"] == "required").Select(one => (string?)one["name"]));
        Assert.Contains(npm, one => (string?)one["name"] == "vite" && (string?)one["scope"] == "excluded");
        JsonObject locked = JsonNode.Parse(Repository.Read("Monstera.Web", "package-lock.json"))!["packages"]!.AsObject();
        JsonNode svelte = npm.Single(one => (string?)one["name"] == "svelte");
        Assert.Equal((string?)locked["node_modules/svelte"]!["version"], (string?)svelte["version"]);
        Assert.Equal(
            Convert.ToHexStringLower(Convert.FromBase64String(((string)locked["node_modules/svelte"]!["integrity"]!)["sha512-".Length..])), (string?)svelte["hashes"]![0]!["content"]);
    }

    [Fact]
    public async Task What_the_lock_file_does_not_know_or_was_not_built_is_no_reason_to_leave_it_out()
    {
        Assert.Contains("does not know", await Run(1, Bundled("node_modules/stranger")), StringComparison.Ordinal);
        Assert.Contains("Build the client first", await Run(1, Path.Combine(_folder, "none.json")), StringComparison.Ordinal);
    }

    /// <summary>The client as it was built beside these tests.</summary>
    [Fact]
    public async Task The_built_client_has_what_it_is_known_to_be_made_of()
    {
        string bundled = Path.Combine(Repository.Root, "Monstera.Web", "dist", "packages.json");
        Requires.WhereThereIs(File.Exists(bundled), "The client was not built.");
        JsonNode sbom = await Make(bundled);
        string[] shipped = [.. sbom["components"]!.AsArray().Where(one => (string?)one!["scope"] == "required").Select(one => (string)one!["name"]!)];
        Assert.Superset(new HashSet<string>(["svelte", "@microsoft/signalr", "idb"], StringComparer.Ordinal), shipped.ToHashSet(StringComparer.Ordinal));
        Assert.DoesNotContain("vite", shipped);
        Assert.DoesNotContain("typescript", shipped);
    }

    private static string[] Loaded()
    {
        string deps = Directory.EnumerateFiles(Path.Combine(Repository.Root, "Monstera.Server", "bin"), "monstera.deps.json", SearchOption.AllDirectories).MaxBy(File.GetLastWriteTimeUtc)
            ?? throw new InvalidOperationException("The server was not built.");
        JsonObject root = JsonNode.Parse(File.ReadAllText(deps))!.AsObject();
        JsonObject target = root["targets"]!.AsObject().Single().Value!.AsObject();
        return
        [
            .. target.Where(one => (string?)root["libraries"]![one.Key]!["type"] == "package")
                .Where(one => ((string[])["runtime", "runtimeTargets", "native", "resources"])
                    .Any(kind => one.Value![kind] is JsonObject files && files.Any(file => !file.Key.EndsWith("_._", StringComparison.Ordinal))))
                .Select(one => one.Key),
        ];
    }

    private string Bundled(params string[] places)
    {
        string path = Path.Combine(_folder, "packages.json");
        File.WriteAllText(path, new JsonArray([.. places.Select(place => JsonValue.Create(place))]).ToJsonString());
        return path;
    }

    private async Task<JsonNode> Make(string bundled)
    {
        await Run(0, bundled);
        string first = await File.ReadAllTextAsync(Path.Combine(_folder, "sbom.json"), TestContext.Current.CancellationToken);
        await Run(0, bundled);
        Assert.Equal(first, await File.ReadAllTextAsync(Path.Combine(_folder, "sbom.json"), TestContext.Current.CancellationToken));
        return JsonNode.Parse(first)!;
    }

    private async Task<string> Run(int exitCode, string bundled)
    {
        string? node = Tool.Find("node");
        Requires.That(node is not null, "node is not on the PATH.");
        return await Tool.Run(exitCode, node!, [Path.Combine(Repository.Root, "security", "sbom.mjs"), "--bundled", bundled, "--out", Path.Combine(_folder, "sbom.json")], folder: Repository.Root);
    }
}
