using System.ComponentModel;
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
    private bool _neverStarted;
    private CancellationTokenRegistration _cancel;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(Process process, string countersPath)
    {
        _process = process;
        _countersPath = countersPath;
    }

    /// <summary>Ends when the program has.</summary>
    public Task Ended => _process.WaitForExitAsync(CancellationToken.None);

    public int Id => _process.Id;

    public int Port { get; private set; }

    public double CpuSeconds => ProcessMeter.CpuSeconds(Id);

    public long ResidentKb => ProcessMeter.ResidentKb(Id);

    public long ResidentPeakKb => ProcessMeter.ResidentPeakKb(Id);

    public RuntimeCounters Counters => RuntimeCounters.Read(_countersPath);

    /// <summary>Starts the program and waits until it says where it listens.</summary>
    /// <param name="cancel">Kills the program at any time until it is disposed of; whoever speaks to it then sees that it hung up.</param>
    public static async Task<ChildProcess> Start(
        string assembly, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, string? cores, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        string countersPath = Path.Combine(Path.GetTempPath(), $"bench-{Guid.NewGuid():N}.sock");
        ProcessStartInfo start = new() { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(assembly)! };

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

        ChildProcess child = new(new Process { StartInfo = start }, countersPath);
        try
        {
            await child.Listen(assembly, cancel);
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
        if (_neverStarted || _process.HasExited)
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
            await _cancel.DisposeAsync();
            _process.Dispose();
            File.Delete(_countersPath);
        }
    }

    private static string Muxer => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    private async Task Listen(string assembly, CancellationToken cancel)
    {
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        Launch();
        _cancel = cancel.UnsafeRegister(static child => ((ChildProcess)child!).Kill(), this);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _ = GiveUpWhenEnded(assembly);
        try
        {
            Port = await _port.Task.WaitAsync(StartWithin, cancel);
        }
        catch (TimeoutException)
        {
            throw new BenchFailedException($"{Path.GetFileName(assembly)} does not say where it listens after {StartWithin.TotalSeconds:0} s:\n{LastLines()}");
        }
    }

    /// <summary>What it said last may be read after its end; <see cref="Ended"/> waits for that too, once the reading has begun.</summary>
    private async Task GiveUpWhenEnded(string assembly)
    {
        await Ended;
        _port.TrySetException(new BenchFailedException($"{Path.GetFileName(assembly)} ended before it listened:\n{LastLines()}"));
    }

    private void Launch()
    {
        try
        {
            _process.Start();
        }
        catch (Win32Exception e)
        {
            _neverStarted = true;
            throw new BenchFailedException($"{_process.StartInfo.FileName} could not be started: {e.Message}");
        }
    }

    private void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended before.
        }
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
