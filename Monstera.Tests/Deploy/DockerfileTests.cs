using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>The image: what is in it by its Dockerfile, and what comes out of buildah.</summary>
public sealed partial class DockerfileTests
{
    private static readonly string[] Lines = [.. Repository.Read("Dockerfile").Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Where(line => line.Length > 0 && line[0] != '#')];

    [Fact]
    public void Every_base_image_is_a_named_release_and_those_of_dotnet_are_of_the_version_that_is_built_with()
    {
        Dictionary<string, string> images = Lines.Select(line => BaseImage().Match(line)).Where(match => match.Success).ToDictionary(match => match.Groups["stage"].Value, match => match.Groups["image"].Value, StringComparer.Ordinal);
        Assert.Equal(["NODE", "PACKAGES", "RUNTIME", "SDK"], images.Keys.Order(StringComparer.Ordinal));
        Assert.All(images.Values, image => Assert.Matches(":[0-9]+\\.[0-9]+\\.[0-9]+-[a-z-]+$", image));
        string sdk = JsonDocument.Parse(Repository.Read("global.json")).RootElement.GetProperty("sdk").GetProperty("version").GetString()!;
        Assert.Equal($"mcr.microsoft.com/dotnet/sdk:{sdk}-noble", images["SDK"]);

        // The library that comes from one must run in the other.
        Match runtime = Runtime().Match(images["RUNTIME"]);
        Assert.Equal($"mcr.microsoft.com/dotnet/runtime-deps:{runtime.Groups["version"].Value}-{runtime.Groups["distribution"].Value}", images["PACKAGES"]);
        Assert.Contains(Lines, line => line.StartsWith("LABEL ", StringComparison.Ordinal) && line.Contains($"base.name=\"{images["RUNTIME"]}\"", StringComparison.Ordinal));
        Assert.Equal(["${NODE_IMAGE}", "${SDK_IMAGE}", "${PACKAGES_IMAGE}", "${RUNTIME_IMAGE}"], Lines.Where(line => line.StartsWith("FROM ", StringComparison.Ordinal)).Select(line => line.Split(' ').First(word => word[0] == '$')));
    }

    [Fact]
    public void Its_version_is_that_of_the_program()
    {
        string version = Version().Match(Repository.Read("Directory.Build.props")).Groups["version"].Value;
        Assert.Contains($"ARG VERSION={version}", Lines);
        Assert.Contains($"newTag: {version} ", Repository.Read("deploy", "kubernetes", "overlays", "phase2", "kustomization.yaml"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_copied_from_the_repository_is_there_and_not_ignored()
    {
        string[] ignored = [.. Repository.Read(".dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..])];
        string[] sources = [.. Lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from=", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..^1])];
        Assert.NotEmpty(sources);
        Assert.All(sources, source => Assert.True(Path.Exists(Path.Combine(Repository.Root, source)), source));
        Assert.All(sources, source => Assert.Contains(source.Split('/')[0], ignored));

        // Restoring needs every project before the sources are there.
        foreach (Match project in ProjectReference().Matches(Repository.Read("Monstera.Server", "Monstera.Server.csproj")))
        {
            Assert.Contains(project.Groups["path"].Value, sources);
        }
    }

    [Fact]
    public async Task Buildah_builds_it_and_the_image_is_what_it_should_be()
    {
        await using Buildah buildah = await Buildah.Start();
        string image = await buildah.Build("--build-arg", "REVISION=0123abc", "--build-arg", "TARGETARCH=amd64", "--build-arg", "SOURCE_DATE_EPOCH=1700000000");
        JsonObject settings = await buildah.Settings(image);
        Assert.Equal("1654:1654", (string?)settings["User"]);
        Assert.Equal("SIGTERM", (string?)settings["StopSignal"]);
        Assert.Equal(["dotnet", "/app/monstera.dll"], Strings(settings["Entrypoint"]));
        Assert.Equal(["CMD", "dotnet", "/app/monstera.dll", "health"], Strings(settings["Healthcheck"]!["Test"]));
        Assert.Equal("8080/tcp", Assert.Single(settings["ExposedPorts"]!.AsObject()).Key);
        Assert.Equal("/data", Assert.Single(settings["Volumes"]!.AsObject()).Key);
        Assert.Equal(("Monstera", "0123abc"), ((string?)settings["Labels"]!["org.opencontainers.image.title"], (string?)settings["Labels"]!["org.opencontainers.image.revision"]));
        Dictionary<string, string> environment = Strings(settings["Env"]).Select(variable => variable.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        Assert.Equal(("8080", "json", "/data"), (environment["ASPNETCORE_HTTP_PORTS"], environment["Logging__Console__FormatterName"], environment["Monstera__DataFolder"]));
        DeployedSettings.AssertStarts(environment, DeployedSettings.Imagined);

        string[] files = await buildah.Files(image);
        Assert.Single(files, file => Is(file, "1654:1654", "700", "/data"));
        Assert.Single(files, file => Is(file, "1654:1654", "700", "/backups"));
        Assert.Single(files, file => file.EndsWith("/libsqlite3.so.0", StringComparison.Ordinal));
        Assert.Single(files, file => file.EndsWith(" /var/lib/dpkg/status.d/libsqlite3-0", StringComparison.Ordinal));

        // The program is root's, and nobody else may write it; and nothing of the building is left.
        Assert.All(files.Where(file => file.Contains(" /app", StringComparison.Ordinal)), file => Assert.Matches("^0:0 (644|755) ", file));
        Assert.Single(files, file => file.EndsWith(" /app/wwwroot/index.html", StringComparison.Ordinal));
        Assert.DoesNotContain(files, file => file.Contains(" /src", StringComparison.Ordinal) || file.Contains(" /out", StringComparison.Ordinal) || file.EndsWith(".csproj", StringComparison.Ordinal));

        // Built again it is the same: what comes from a stage carries no time of its own.
        Assert.All(
            files.Where(file => file.Contains(" /app/", StringComparison.Ordinal) || file.EndsWith("/libsqlite3.so.0", StringComparison.Ordinal) || file.Contains("/status.d/", StringComparison.Ordinal)),
            file => Assert.Contains(" 1700000000.0", file, StringComparison.Ordinal));
    }

    private static bool Is(string file, string owner, string rights, string name) => file.StartsWith($"{owner} {rights} ", StringComparison.Ordinal) && file.EndsWith($" {name}", StringComparison.Ordinal);

    private static string[] Strings(JsonNode? list) => [.. list!.AsArray().Select(item => (string)item!)];

    [GeneratedRegex("^ARG (?<stage>[A-Z]+)_IMAGE=(?<image>\\S+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex BaseImage();

    [GeneratedRegex("^mcr\\.microsoft\\.com/dotnet/aspnet:(?<version>[0-9.]+)-(?<distribution>[a-z]+)-chiseled-extra$", RegexOptions.ExplicitCapture)]
    private static partial Regex Runtime();

    [GeneratedRegex("<Version>(?<version>[0-9.]+)</Version>", RegexOptions.ExplicitCapture)]
    private static partial Regex Version();

    [GeneratedRegex("<ProjectReference Include=\"\\.\\./(?<path>[^\"]+)\"", RegexOptions.ExplicitCapture)]
    private static partial Regex ProjectReference();
}
