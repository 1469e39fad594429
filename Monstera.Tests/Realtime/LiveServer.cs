using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>A running server for tests of the live half: it takes connection tokens, limits no rates unless a test says so, and keeps only errors in its log.</summary>
internal static class LiveServer
{
    private static readonly (string, string)[] Defaults =
    [
        ("ConnectionTokens:Secret", Tokens.Secret),
        ("Registration", "open"),
        ("Limits:WritesPerSecondPerConnection", "0"),
        ("Limits:WritesPerSecondPerUser", "0"),
        ("Limits:CallsPerSecondPerConnection", "0"),
    ];

    public static Task<RunningServer> Start(params (string Key, string Value)[] settings) => Start(null, null, settings);

    public static Task<RunningServer> Start(
        TimeProvider? time, string? folder, (string Key, string Value)[] settings, Action<IServiceCollection>? replace = null) =>
        RunningServer.Start(
            [.. Defaults, .. settings],
            time,
            services =>
            {
                services.PostConfigure<LoggerFilterOptions>(log =>
                {
                    log.Rules.Clear();
                    log.MinLevel = LogLevel.Error;
                });
                replace?.Invoke(services);
            },
            folder);

    public static Uri Uri(this RunningServer server) => new(server.Address);

    /// <summary>A raw connection of <paramref name="user"/> that has said Hello.</summary>
    public static async Task<HubSocket> Connect(this RunningServer server, string user, string[] rooms, HubSocketOptions? options = null)
    {
        HubSocket hub = await HubSocket.Connect(server.Uri(), Tokens.For(user, rooms), options);
        await hub.Hello();
        return hub;
    }

    /// <summary>A client that keeps the protocol's rules.</summary>
    public static async Task<ChatClient> Client(this RunningServer server, string user, string[] rooms, HubSocketOptions? options = null)
    {
        ChatClient client = new(server.Uri, () => Tokens.For(user, rooms), options);
        await client.Start();
        return client;
    }

    /// <summary>Stops as on SIGTERM; the data folder stays when the test gave it.</summary>
    public static Task Stop(this RunningServer server) => server.Services.GetRequiredService<IHost>().StopAsync();

    public static T Get<T>(this RunningServer server)
        where T : notnull => server.Services.GetRequiredService<T>();

    /// <summary>Nothing went wrong that the server itself would call an error.</summary>
    public static void AssertNoErrors(this RunningServer server) => Assert.Empty(server.Logs.Lines);
}
