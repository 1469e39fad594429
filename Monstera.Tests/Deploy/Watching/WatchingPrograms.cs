using System.Collections.Concurrent;
using System.Diagnostics;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Deploy.Watching;

/// <summary>The programs of Prometheus and Alertmanager, as Debian's packages install them.</summary>
internal static class WatchingPrograms
{
    public const string Prometheus = "prometheus";

    public const string Promtool = "promtool";

    public const string Alertmanager = "prometheus-alertmanager";

    public const string Amtool = "amtool";

    // Ends with its input, which is also that of the tests' process.
    private const string WatchdogScript = """ "$@" & pid=$!; cat > /dev/null; kill -KILL $pid; wait $pid 2> /dev/null """;

    /// <summary>For the rules' tests, which reckon weeks, beside others.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Runs one of the tools to its end, which must be exit code 0.</summary>
    /// <returns>What it wrote.</returns>
    public static Task<string> Check(string program, params string[] arguments)
    {
        Tool.Require(program);
        return Tool.Run(0, program, arguments, within: Patience);
    }

    /// <summary>Starts a server that ends with this process, however that ends.</summary>
    public static WatchingServer Start(string program, params string[] arguments)
    {
        Tool.Require(program);
        return new WatchingServer(Process.Start(new ProcessStartInfo("/bin/sh", ["-c", WatchdogScript, "watchdog", program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!);
    }
}

/// <summary>A server that runs until this is disposed of.</summary>
internal sealed class WatchingServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();

    public WatchingServer(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it wrote.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Asks again and again until it holds; a server that does not answer yet is asked again, too.</summary>
    public async Task Until(Func<Task<bool>> condition, Func<string> what)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Signal.Patience);
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        while (!await Holds(condition))
        {
            try
            {
                await timer.WaitForNextTickAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Waited in vain for this: {what()}\n{Output}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<bool> Holds(Func<Task<bool>> condition)
    {
        try
        {
            return await condition();
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
