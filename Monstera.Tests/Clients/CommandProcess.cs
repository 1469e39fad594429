using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Monstera.Tests.Clients;

/// <summary>A command of the built binary as a process of its own, with settings as a server has them.</summary>
public sealed class CommandProcess : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _error = new();

    private CommandProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Note(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Note(_error, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Output => string.Join('\n', _output);

    public string Error => string.Join('\n', _error);

    public static CommandProcess Start(string commandLine, params (string Key, string Value)[] settings)
    {
        string server = Path.Combine(AppContext.BaseDirectory, "monstera.dll");
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [server, .. commandLine.Split(' ')])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach ((string key, string value) in settings)
        {
            start.Environment[(key.StartsWith("ConnectionStrings", StringComparison.Ordinal) ? "" : "Monstera__") + key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        return new CommandProcess(Process.Start(start)!);
    }

    /// <summary>Runs it to its end, which must be this one.</summary>
    /// <returns>What it wrote, also to standard error.</returns>
    public static async Task<string> Run(int exitCode, string commandLine, params (string Key, string Value)[] settings)
    {
        using CommandProcess command = Start(commandLine, settings);
        return await command.Ends(exitCode);
    }

    public async Task<string> Ends(int exitCode)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(patience.Token);
        string all = Output + "\n" + Error;
        Assert.True(_process.ExitCode == exitCode, $"exit code {_process.ExitCode}, not {exitCode}: {all}");
        return all;
    }

    public async Task Kill9()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>As Ctrl-C, by SIGTERM, which commands take alike: SIGINT is ignored by all that a shell runs in the background, and so perhaps by these tests' children.</summary>
    public async Task Interrupt()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static void Note(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
        {
            lines.Enqueue(line);
        }
    }
}
