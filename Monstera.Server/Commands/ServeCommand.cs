using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Monstera.Data;

namespace Monstera.Server.Commands;

/// <summary><c>monstera serve</c>: runs the server until it is told to stop.</summary>
public static class ServeCommand
{
    private const int CannotRun = 1;
    private const int WrongSettings = 2;

    public static async Task<int> Run(string[] args)
    {
        try
        {
            await using WebApplication app = MonsteraApplication.Build(args);
            await app.RunAsync();
            return 0;
        }
        catch (OptionsValidationException e)
        {
            // The person who starts the server wants the sentence, not the stack.
            return await Tell(e.Failures, WrongSettings);
        }
        catch (InvalidOperationException e) when (e.Message.Contains("configuration value", StringComparison.Ordinal))
        {
            return await Tell([e.Message], WrongSettings);
        }
        catch (Exception e) when (e is StorageRefusedException or StorageUnavailableException || e.InnerException is SocketException)
        {
            return await Tell([e.Message], CannotRun);
        }
    }

    private static async Task<int> Tell(IEnumerable<string> messages, int exitCode)
    {
        foreach (string message in messages)
        {
            await Console.Error.WriteLineAsync($"monstera: {message}");
        }

        return exitCode;
    }
}
