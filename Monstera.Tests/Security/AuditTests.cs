using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Monstera.Tests.Clients;
using Monstera.Tests.Deploy;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Security;

/// <summary>security/audit.mjs, with stand-ins for <c>dotnet</c> and <c>npm</c> that answer as they do: what is found fails, what nobody could be asked about is never taken for well.</summary>
public sealed class AuditTests : IAsyncLifetime
{
    private const string Nuget = """
        { "version": 1, "sources": ["SOURCE"], "projects": [{ "path": "a.csproj", "frameworks": [{ "framework": "net10.0", "transitivePackages":
          [{ "id": "Old.Package", "resolvedVersion": "1.2.3", "vulnerabilities": [{ "severity": "High", "advisoryurl": "https://github.com/advisories/GHSA-aaaa" }] }] }] }] }
        """;

    private const string CleanNuget = """{ "version": 1, "sources": ["SOURCE"], "projects": [{ "path": "a.csproj" }] }""";

    private const string Npm = """
        { "auditReportVersion": 2, "vulnerabilities": { "left": { "name": "left", "via": [{ "name": "left", "range": "<2", "severity": "low", "url": "https://github.com/advisories/GHSA-bbbb" }] },
          "right": { "name": "right", "via": ["left"] } } }
        """;

    private const string CleanNpm = """{ "auditReportVersion": 2, "vulnerabilities": {} }""";

    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;
    private WebApplication _source = null!;

    private string Source => _source.Urls.Single() + "/index.json";

    public async ValueTask InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _source = builder.Build();
        _source.Urls.Add("http://127.0.0.1:0");
        _source.MapGet("/index.json", () => Results.Text("""{ "resources": [{ "@type": "VulnerabilityInfo/6.7.0" }] }"""));
        _source.MapGet("/bare.json", () => Results.Text("""{ "resources": [{ "@type": "PackageBaseAddress/3.0.0" }] }"""));
        await _source.StartAsync(TestContext.Current.CancellationToken);
        foreach (string folder in (string[])["security", "Monstera.Web", "k6", "bin"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, folder));
        }

        File.Copy(Path.Combine(Repository.Root, "security", "audit.mjs"), Path.Combine(_folder, "security", "audit.mjs"));
    }

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Without_a_finding_it_is_well()
    {
        string told = await Run(0, CleanNuget, CleanNpm);
        Assert.Equal(3, told.Split('\n').Count(line => line.Contains(": 0 known vulnerabilities", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_vulnerable_package_fails_unless_it_is_accepted_with_a_reason_and_an_old_reason_is_told_of()
    {
        Assert.Contains("Old.Package 1.2.3: High, https://github.com/advisories/GHSA-aaaa", await Run(1, Nuget, CleanNpm), StringComparison.Ordinal);
        Assert.Contains("left <2: low", await Run(1, CleanNuget, Npm), StringComparison.Ordinal);
        Assert.Contains("GHSA-bbbb", await Run(1, Nuget, Npm, """{ "GHSA-aaaa": "only reached by tests" }"""), StringComparison.Ordinal);
        await Run(0, Nuget, Npm, """{ "GHSA-aaaa": "only reached by tests", "GHSA-bbbb": "not shipped" }""");
        Assert.Contains("nobody reports GHSA-cccc", await Run(0, CleanNuget, CleanNpm, """{ "GHSA-cccc": "gone" }"""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nobody_can_be_asked_that_is_said_and_is_not_well()
    {
        // A source without advisories; none that answers; programs that fail, and one that says nothing.
        string bare = Source.Replace("index", "bare", StringComparison.Ordinal);
        Assert.Contains("NuGet: not audited. None of the sources gives advisories", await Run(3, CleanNuget, CleanNpm, source: bare), StringComparison.Ordinal);
        await Run(3, CleanNuget, CleanNpm, source: "http://127.0.0.1:9/index.json");
        Assert.Contains("not audited. no route", await Run(3, """{ "problems": [{ "level": "error", "text": "no route" }] }""", CleanNpm), StringComparison.Ordinal);
        string away = await Run(3, CleanNuget, """{ "message": "405 Method Not Allowed", "error": { "summary": "" } }""");
        Assert.Equal(2, away.Split('\n').Count(line => line.EndsWith("not audited. 405 Method Not Allowed", StringComparison.Ordinal)));
        Assert.Contains("npm, client: not audited", await Run(3, CleanNuget, ""), StringComparison.Ordinal);

        // What could be asked counts all the same.
        await Run(1, Nuget, "");
    }

    private async Task<string> Run(int exitCode, string nuget, string npm, string accepted = "{}", string? source = null)
    {
        string? node = Tool.Find("node");
        Requires.That(node is not null, "node is not on the PATH.");
        Assert.NotNull(JsonNode.Parse(accepted));
        await File.WriteAllTextAsync(Path.Combine(_folder, "security", "accepted.json"), accepted, TestContext.Current.CancellationToken);
        await StandIn("dotnet", nuget.Replace("SOURCE", source ?? Source, StringComparison.Ordinal), 0);

        // It ends with 1 when it has found something.
        await StandIn("npm", npm, npm == CleanNpm ? 0 : 1);
        string path = Path.Combine(_folder, "bin") + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        return await Tool.Run(exitCode, node!, [Path.Combine(_folder, "security", "audit.mjs")], [("PATH", path)]);
    }

    private async Task StandIn(string program, string answer, int exitCode)
    {
        string path = Path.Combine(_folder, "bin", program);
        await File.WriteAllTextAsync(path, $"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {exitCode}\n", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
