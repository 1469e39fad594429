using Microsoft.Extensions.Options;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;

namespace Monstera.Server.Lifecycle;

/// <summary>
/// The way out of service. From the first word on the node is not ready and lets nobody in; those who are connected are sent to other nodes, a few at a time, so that these are not
/// overrun; then the server stops. Calls are answered all the while.
/// </summary>
/// <remarks>A node alone has nobody to send them to: unless it is told otherwise it stops at once, and is back the sooner.</remarks>
public sealed partial class Drain : IDisposable
{
    private const int SettleSecondsOfSeveral = 3;
    private const int DrainSecondsOfSeveral = 10;

    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger<Drain> _log;
    private readonly TimeSpan _settle;
    private readonly TimeSpan _over;
    private readonly CancellationTokenSource _hurry = new();
    private int _begun;

    public Drain(IBackplane backplane, IHostApplicationLifetime lifetime, IOptions<MonsteraOptions> options, TimeProvider time, ILogger<Drain> log)
    {
        ArgumentNullException.ThrowIfNull(options);
        _lifetime = lifetime;
        _time = time;
        _log = log;
        LifecycleOptions lifecycle = options.Value.Lifecycle;
        bool isAlone = backplane is MemoryBackplane;
        _over = TimeSpan.FromSeconds(lifecycle.DrainSeconds ?? (isAlone ? 0 : DrainSecondsOfSeveral));
        _settle = _over == TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromSeconds(lifecycle.SettleSeconds ?? (isAlone ? 0 : SettleSecondsOfSeveral));
    }

    /// <summary>The node is on its way out: nobody new is let in.</summary>
    public bool IsDraining => Volatile.Read(ref _begun) != 0 || _lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Sends those who are connected away over the time given, and ends when they have gone, at once when there is nobody. Set by who has the connections.</summary>
    public Func<TimeSpan, CancellationToken, Task> SendAway { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Takes the node out of service, and then stops it. Said again, nobody is waited for any more.</summary>
    public void Begin()
    {
        if (Interlocked.Exchange(ref _begun, 1) == 1)
        {
            LogHurried();
            Hurry();
        }
        else if (_over == TimeSpan.Zero)
        {
            _lifetime.StopApplication();
        }
        else
        {
            LogBegun((int)_settle.TotalSeconds, (int)_over.TotalSeconds);
            _ = Run();
        }
    }

    /// <summary>Stops the server now.</summary>
    public void Hurry()
    {
        Volatile.Write(ref _begun, 1);
        _hurry.Cancel();
        _lifetime.StopApplication();
    }

    public void Dispose() => _hurry.Dispose();

    private async Task Run()
    {
        try
        {
            // 1. Until balancers have asked whether it is ready, and know.
            await Task.Delay(_settle, _time, _hurry.Token);

            // 2. In waves.
            await SendAway(_over, _hurry.Token);
        }
        catch (OperationCanceledException)
        {
            // Somebody is in a hurry.
        }
        catch (Exception e)
        {
            LogFailed(e);
        }

        // 3. Who is left is told at once, and what was called is answered.
        _lifetime.StopApplication();
    }

    [LoggerMessage(1400, LogLevel.Information, "Told to stop: in {SettleSeconds} s those who are connected are sent to other nodes, over {DrainSeconds} s. Told again, it stops at once")]
    private partial void LogBegun(int settleSeconds, int drainSeconds);

    [LoggerMessage(1401, LogLevel.Information, "Told to stop again: nobody is waited for")]
    private partial void LogHurried();

    [LoggerMessage(1402, LogLevel.Error, "Those who are connected could not be sent away in waves; the server stops")]
    private partial void LogFailed(Exception e);
}
