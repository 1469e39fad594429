using System.Runtime.InteropServices;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands;

/// <summary>Runs a command that works on data, tells what went wrong in a sentence, and ends it in order when it is told to stop.</summary>
internal static class CommandRun
{
    public const int Done = 0;
    public const int CouldNot = 1;
    public const int WrongSettings = 2;
    public const int Unsafe = 3;

    /// <param name="use">Returns the exit code.</param>
    public static async Task<int> Run(Func<CancellationToken, Task<int>> use)
    {
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return await Attempt(() => use(stop.Token));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return await Tell(["Stopped. What was done is kept: the same command goes on where it stopped."], CouldNot);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>Tells what went wrong in a sentence, and goes on with the exit code. Only being told to stop is thrown on.</summary>
    public static async Task<int> Attempt(Func<Task<int>> use)
    {
        try
        {
            return await use();
        }
        catch (OptionsValidationException e)
        {
            return await Tell(e.Failures, WrongSettings);
        }
        catch (InvalidOperationException e) when (e.Message.Contains("configuration value", StringComparison.Ordinal))
        {
            return await Tell([e.Message], WrongSettings);
        }
        catch (Exception e) when (e is ArchiveConflictException or StorageRefusedException)
        {
            return await Tell([e.Message], Unsafe);
        }
        catch (Exception e) when (e is StorageUnavailableException or IOException or UnauthorizedAccessException)
        {
            return await Tell([e.Message], CouldNot);
        }
    }

    public static async Task<int> Tell(IEnumerable<string> messages, int exitCode)
    {
        foreach (string message in messages)
        {
            await Console.Error.WriteLineAsync($"monstera: {message}");
        }

        return exitCode;
    }

    /// <returns>Null: it is none.</returns>
    public static StorageProvider? Provider(string? name) =>
        Enum.TryParse(name, ignoreCase: true, out StorageProvider provider) && Enum.IsDefined(provider) && !int.TryParse(name, out _) ? provider : null;
}
