using Microsoft.Playwright;
using Monstera.Tests.Clients;
using Monstera.Tests.Deploy;

namespace Monstera.Tests.Browser;

/// <summary>One browser process for all browser tests; every person in a test gets a fresh profile of it.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private readonly SemaphoreSlim _starting = new(1, 1);
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Started by the first test that asks, so that a machine without one skips tests instead of failing them.</summary>
    public async Task<IBrowser> Browser()
    {
        string? path = Find();
        Requires.That(path is not null, "Browser tests need Chromium on the PATH (or its path in MONSTERA_CHROMIUM).");
        Requires.That(
            File.Exists(Path.Combine(AppContext.BaseDirectory, "wwwroot", "index.html")), "Browser tests need the web client, which the build makes when npm is on the PATH.");
        Requires.That(IsUpToDate(AppContext.BaseDirectory, FindSources()), "Browser tests need the web client of these sources: Monstera.Web was changed after wwwroot was built. Build without -p:BuildWebClient=false.");
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            Assertions.SetDefaultExpectTimeout(Person.PatienceMs);
            _playwright ??= await Playwright.CreateAsync();
            return _browser ??= await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = path, Headless = true, Args = Arguments });
        }
        finally
        {
            _starting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        _starting.Dispose();
    }

    /// <summary>Whether the web client that was built beside the tests is as new as what it is built from.</summary>
    /// <param name="sources">Null: not known.</param>
    internal static bool IsUpToDate(string built, string? sources)
    {
        if (sources is null)
        {
            return true;
        }

        // Of each build all files are new; which of them are sources, the build knows better: those of the pages and what they are made with will do.
        DateTime builtAt = File.GetLastWriteTimeUtc(Path.Combine(built, "wwwroot", "index.html"));
        return new[] { "src", "public" }.Select(folder => Path.Combine(sources, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(file => !file.EndsWith(".test.ts", StringComparison.Ordinal))
            .Concat(Directory.EnumerateFiles(sources, "index.html"))
            .Concat(Directory.EnumerateFiles(sources, "package-lock.json"))
            .All(file => File.GetLastWriteTimeUtc(file) <= builtAt);
    }

    /// <summary>The tests run in a folder below the sources; elsewhere there are none to compare with.</summary>
    private static string? FindSources()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Monstera.sln")))
            {
                return Path.Combine(folder.FullName, "Monstera.Web");
            }
        }

        return null;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("MONSTERA_CHROMIUM") is { Length: > 0 } chosen)
        {
            return File.Exists(chosen) ? chosen : null;
        }

        return Names.Select(Tool.Find).FirstOrDefault(found => found is not null);
    }
}

[CollectionDefinition(Name)]
public sealed class BrowserTests : ICollectionFixture<Chromium>
{
    public const string Name = "Browser";
}
