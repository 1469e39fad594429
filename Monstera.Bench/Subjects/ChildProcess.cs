using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Monstera.Bench.Load;
using Monstera.Bench.Measure;

namespace Monstera.Bench.Subjects;

/// <summary>A measured .NET program in a process of its own, on the processors it was given.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private const int TerminateSignal = 15;
    private const int LinesKept = 40;
    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _countersPath;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(Process process, string countersPath)
    {
        _process = process;
        _countersPath = countersPath;
    }

    public int Id => _process.Id;

    public int Port { get; private set; }

    public double CpuSeconds => ProcessMeter.CpuSeconds(Id);

    public long ResidentKb => ProcessMeter.ResidentKb(Id);

    public long ResidentPeakKb => ProcessMeter.ResidentPeakKb(Id);

    public RuntimeCounters Counters => RuntimeCounters.Read(_countersPath);

    /// <summary>Starts the program and waits until it says where it listens.</summary>
    public static async Task<ChildProcess> Start(
        string assembly, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, string? cores)
    {
        string countersPath = Path.Combine(Path.GetTempPath(), $"bench-{Guid.NewGuid():N}.sock");
        ProcessStartInfo start = new() { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(assembly)! };

        // taskset becomes the program, so the id stays the same, and the runtime counts its processors by it.
        string[] pinned = cores is null ? [Muxer] : ["taskset", "--cpu-list", cores, Muxer];
        start.FileName = pinned[0];
        foreach (string argument in (IEnumerable<string>)[.. pinned[1..], assembly, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(ChildProcess).Assembly.Location;
        start.Environment[StartupHook.SocketVariable] = countersPath;
        start.Environment["DOTNET_ENVIRONMENT"] = "Production";
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        ChildProcess child = new(new Process { StartInfo = start, EnableRaisingEvents = true }, countersPath);
        try
        {
            await child.Listen(assembly);
            return child;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Tells the program to stop and waits until it has.</summary>
    public async Task Stop()
    {
        if (_process.HasExited)
        {
            return;
        }

        _ = Libc.Kill(Id, TerminateSignal);
        using CancellationTokenSource late = new(StopWithin);
        try
        {
            await _process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            throw new BenchFailedException($"the process did not stop within {StopWithin.TotalSeconds:0} s");
        }
    }

    /// <summary>The last lines that it wrote, for a message.</summary>
    public string LastLines()
    {
        lock (_lastLines)
        {
            return string.Join('\n', _lastLines);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Stop();
        }
        finally
        {
            _process.Dispose();
            File.Delete(_countersPath);
        }
    }

    private static string Muxer => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    private async Task Listen(string assembly)
    {
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.Exited += (_, _) => _port.TrySetException(
            new BenchFailedException($"{Path.GetFileName(assembly)} ended before it listened:\n{LastLines()}"));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Port = await _port.Task.WaitAsync(StartWithin);
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > LinesKept)
            {
                _lastLines.Dequeue();
            }
        }

        if (Address().Match(line) is { Success: true } found)
        {
            _port.TrySetResult(int.Parse(found.Groups["port"].ValueSpan, CultureInfo.InvariantCulture));
        }
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:(?<port>[0-9]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Address();
}
