using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Monstera.Server;

namespace Monstera.Tests.Fixtures;

/// <summary>
/// The whole server as it is shipped: Kestrel on a free port of the loopback, SQLite in a folder of its own. Passwords are hashed a thousand times instead of 210,000, and
/// sign-ins from one address are not limited unless a test says so.
/// </summary>
public sealed class RunningServer : IAsyncDisposable
{
    private static readonly string[] OtherSections = ["ConnectionStrings", "Kestrel"];

    private readonly WebApplication _app;
    private readonly string _folder;
    private readonly bool _ownsFolder;

    private RunningServer(WebApplication app, string folder, bool ownsFolder, CapturedLogs logs)
    {
        _app = app;
        _folder = folder;
        _ownsFolder = ownsFolder;
        Logs = logs;
        Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    /// <summary>Such as <c>http://127.0.0.1:40123</c>, which is the server's own origin too.</summary>
    public string Address { get; }

    public CapturedLogs Logs { get; }

    public IServiceProvider Services => _app.Services;

    /// <param name="settings">Settings without their prefix: <c>("Registration", "open")</c>.</param>
    /// <param name="replace">Changes the services after the server has added its own.</param>
    public static async Task<RunningServer> Start(
        IEnumerable<(string Key, string Value)>? settings = null,
        TimeProvider? time = null,
        Action<IServiceCollection>? replace = null,
        string? dataFolder = null)
    {
        string folder = dataFolder ?? System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
        CapturedLogs logs = new();
        Dictionary<string, string?> configuration = new(StringComparer.OrdinalIgnoreCase)
        {
            ["urls"] = "http://127.0.0.1:0",
            ["Monstera:DataFolder"] = folder,
            ["Monstera:Limits:SignInsPerMinutePerAddress"] = "0",
        };
        foreach ((string key, string value) in settings ?? [])
        {
            // Connection strings have a section of their own, and so has Kestrel.
            configuration[(Array.Exists(OtherSections, section => key.StartsWith(section, StringComparison.Ordinal)) ? "" : "Monstera:") + key] = value;
        }

        WebApplication app = MonsteraApplication.Build([], builder =>
        {
            builder.Configuration.AddInMemoryCollection(configuration);
            builder.Logging.ClearProviders().AddFilter<CapturedLogs>("", LogLevel.Trace).AddProvider(logs);
            builder.Host.UseServiceProviderFactory(new LateServices(services =>
            {
                services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = 1_000);
                if (time is not null)
                {
                    services.AddSingleton(time);
                }

                replace?.Invoke(services);
            }));
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningServer(app, folder, dataFolder is null, logs);
    }

    /// <summary>A client that nobody is signed in with.</summary>
    public RestClient Anonymous() => new(Address);

    /// <summary>The owner of a workspace that is set up now.</summary>
    public async Task<RestClient> SetUp(string userName = "owner")
    {
        RestClient client = Anonymous();
        Answer answer = await client.Post(
            "/api/setup", new { workspaceName = "Green", userName, displayName = "The " + userName, password = RestClient.Password, token = true });
        Assert.Equal(201, answer.Status);
        return client.SignedIn(answer);
    }

    /// <summary>A new account; registration must be open.</summary>
    public async Task<RestClient> Register(string userName)
    {
        RestClient client = Anonymous();
        Answer answer = await client.Post(
            "/api/register", new { userName, displayName = "The " + userName, password = RestClient.Password, token = true });
        Assert.Equal(201, answer.Status);
        return client.SignedIn(answer);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        if (_ownsFolder)
        {
            System.IO.Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>Has the last word on the services.</summary>
    private sealed class LateServices(Action<IServiceCollection> change) : IServiceProviderFactory<IServiceCollection>
    {
        public IServiceCollection CreateBuilder(IServiceCollection services)
        {
            change(services);
            return services;
        }

        public IServiceProvider CreateServiceProvider(IServiceCollection containerBuilder) =>
            containerBuilder.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }
}
