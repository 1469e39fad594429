using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Security;
using Monstera.Server.Health;

namespace Monstera.Server.Commands;

/// <summary><c>monstera health</c>: asks the server of this machine whether it is ready. For containers, whose images have no other program that could.</summary>
internal static class HealthCommand
{
    /// <summary>More than the server itself waits for its storage.</summary>
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(4);

    public static Command Make()
    {
        Option<bool> live = new("--live") { Description = "Asks only whether the process answers, whatever its storage does." };
        Option<string?> url = new("--url") { Description = "The server's address; otherwise that of its settings (ASPNETCORE_URLS, ASPNETCORE_HTTP_PORTS), on this machine." };
        Command command = new("health", "Asks the server of this machine whether it is ready: exit code 0 when it is, 1 when not.") { Options = { live, url } };
        command.SetAction((parsed, cancel) => Run(parsed.GetValue(url), parsed.GetValue(live), cancel));
        return command;
    }

    private static async Task<int> Run(string? url, bool live, CancellationToken cancel)
    {
        Uri? server = url is null ? OwnAddress.Of(Settings()) : OwnAddress.TryParse(url);
        if (server is null)
        {
            return await CommandRun.Tell([$"'{url}' is no address such as http://localhost:8080."], CommandRun.WrongSettings);
        }

        Uri asked = new(server, live ? HealthFeature.LivePath : HealthFeature.ReadyPath);
        try
        {
            // On this machine the certificate is made out to another name, the one that people use.
            using SocketsHttpHandler handler = new() { UseProxy = false, AllowAutoRedirect = false };
            handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, errors) => errors == SslPolicyErrors.None || server.IsLoopback;
            using HttpClient http = new(handler) { Timeout = AnswerWithin };
            using HttpResponseMessage answer = await http.GetAsync(asked, HttpCompletionOption.ResponseHeadersRead, cancel);
            return answer.StatusCode == HttpStatusCode.OK
                ? CommandRun.Done
                : await CommandRun.Tell([string.Create(CultureInfo.InvariantCulture, $"{asked} answers {(int)answer.StatusCode}.")], CommandRun.CouldNot);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return await CommandRun.Tell([$"{asked} does not answer: {(e is HttpRequestException ? e.Message : "it takes too long.")}"], CommandRun.CouldNot);
        }
    }

    /// <summary>Those that say where the server listens, and no more: this runs every few seconds.</summary>
    private static IConfiguration Settings() => new ConfigurationBuilder()
        .SetBasePath(AppContext.BaseDirectory)
        .AddEnvironmentVariables("ASPNETCORE_")
        .AddEnvironmentVariables("DOTNET_")
        .AddJsonFile("appsettings.json", optional: true)
        .AddEnvironmentVariables()
        .Build();
}
