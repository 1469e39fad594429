using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Monstera.Tests.Clients;

/// <summary>The built server as a process of its own, which can be killed. The data folder stays until this is disposed of, so that it can be started again.</summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    private static readonly string[] NotOurs = ["DOTNET_", "OTEL_", "ConnectionStrings", "Logging"];

    private readonly (string Key, string Value)[] _settings;
    private readonly bool _ownsFolder;
    private readonly ConcurrentQueue<string> _output = new();
    private Process? _process;
    private Uri? _address;

    private ServerProcess(string folder, bool ownsFolder, (string Key, string Value)[] settings)
    {
        Folder = folder;
        _ownsFolder = ownsFolder;
        _settings = settings;
    }

    public string Folder { get; }

    /// <summary>Where the present process listens; the last one while there is none.</summary>
    public Uri Address => _address!;

    public string Output => string.Join('\n', _output);

    /// <summary>Whether a restarted process listens where the last one did, for clients that cannot be told of another address.</summary>
    public bool KeepsAddress { get; set; }

    public bool IsRunning => _process is { HasExited: false };

    public long WorkingSetBytes
    {
        get
        {
            _process!.Refresh();
            return _process.WorkingSet64;
        }
    }

    public int Id => _process!.Id;

    public static Task<ServerProcess> Start(params (string Key, string Value)[] settings) => Start(null, settings);

    public static async Task<ServerProcess> Start(string? folder, params (string Key, string Value)[] settings)
    {
        ServerProcess server = new(
            folder ?? Path.Combine(Path.GetTempPath(), "monstera-" + Guid.NewGuid().ToString("N")), folder is null, settings);
        await server.Restart();
        return server;
    }

    /// <summary>Starts and expects that it does not come up.</summary>
    /// <returns>The exit code and what was written to standard error.</returns>
    public static async Task<(int ExitCode, string Error)> Fail(string folder, params (string Key, string Value)[] settings)
    {
        using Process process = Launch(folder, settings);
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        using CancellationTokenSource patience = new(Signal.Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException e)
        {
            process.Kill();
            throw new TimeoutException("The server runs, although it should have refused to.", e);
        }

        await output;
        return (process.ExitCode, await error);
    }

    /// <summary>Starts a process on the same folder and waits until it says that it is ready.</summary>
    public async Task Restart()
    {
        Process process = Launch(Folder, _settings, KeepsAddress ? Address.Port : 0);
        TaskCompletionSource<Uri> ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) => Note(line.Data, ready);
        process.ErrorDataReceived += (_, line) => Note(line.Data, ready);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _ = GiveUpWhenEnded(process, ready);
        _process = process;
        _address = await ready.Task.WaitAsync(Signal.Patience);
    }

    /// <summary>Ends when the process has, and what it said last has been read.</summary>
    private async Task GiveUpWhenEnded(Process process, TaskCompletionSource<Uri> ready)
    {
        await process.WaitForExitAsync();
        ready.TrySetException(new InvalidOperationException($"The server ended:\n{Output}"));
    }

    /// <summary>As a power cut of the process: nothing is flushed, nothing is said.</summary>
    public async Task Kill9()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>SIGTERM, as a supervisor stops it.</summary>
    /// <returns>The exit code and how long it took.</returns>
    public async Task<(int ExitCode, TimeSpan Took)> Terminate()
    {
        long begun = TimeProvider.System.GetTimestamp();
        await Tell("-TERM");
        return (await Ended(), TimeProvider.System.GetElapsedTime(begun));
    }

    /// <summary>Sends a signal (<c>-TERM</c>) and does not wait for what comes of it.</summary>
    public async Task Tell(string signal)
    {
        using Process kill = Process.Start("kill", [signal, _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <returns>The exit code.</returns>
    public async Task<int> Ended()
    {
        using CancellationTokenSource patience = new(Signal.Patience);
        await _process!.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            try
            {
                process.Kill();
                await process.WaitForExitAsync();
            }
            catch (InvalidOperationException)
            {
                // It has ended before.
            }

            process.Dispose();
        }

        if (_ownsFolder && Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private static Process Launch(string folder, (string Key, string Value)[] settings, int port = 0)
    {
        string server = Path.Combine(AppContext.BaseDirectory, "monstera.dll");
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [server, $"--urls=http://127.0.0.1:{port}"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.Environment["Monstera__DataFolder"] = folder;
        start.Environment["Monstera__ConnectionTokens__Secret"] = Tokens.Secret;
        foreach ((string key, string value) in settings)
        {
            // The runtime's own settings and OpenTelemetry's go as they are; connection strings and logs have sections of their own.
            bool isOurs = !NotOurs.Any(prefix => key.StartsWith(prefix, StringComparison.Ordinal));
            start.Environment[(isOurs ? "Monstera__" : "") + key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        return Process.Start(start)!;
    }

    private void Note(string? line, TaskCompletionSource<Uri> ready)
    {
        if (line is null)
        {
            return;
        }

        _output.Enqueue(line);
        if (ReadyLine().Match(line) is { Success: true } match)
        {
            ready.TrySetResult(new Uri(match.Groups["address"].Value));
        }
    }

    [GeneratedRegex(@"Monstera is ready: open (?<address>\S+) ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex ReadyLine();
}
