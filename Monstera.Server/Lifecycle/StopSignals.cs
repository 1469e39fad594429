using System.Runtime.InteropServices;

namespace Monstera.Server.Lifecycle;

/// <summary>
/// What the system tells the process: SIGTERM, from a supervisor, takes the node out of service and then stops it, and a second one stops it at once. SIGINT and SIGQUIT, from somebody at a terminal
/// (Ctrl-C), stop it at once.
/// </summary>
internal sealed class StopSignals(Drain drain) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Take(signal, drain.Begin)));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Take(signal, drain.Hurry)));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGQUIT, signal => Take(signal, drain.Hurry)));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
        {
            signal.Dispose();
        }
    }

    private static void Take(PosixSignalContext signal, Action then)
    {
        // Otherwise the runtime ends the process.
        signal.Cancel = true;
        then();
    }
}
