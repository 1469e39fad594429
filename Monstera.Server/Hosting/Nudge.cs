namespace Monstera.Server.Hosting;

/// <summary>Wakes a loop that waits. Given several times before the loop comes to wait, it wakes it once. Safe for threads, and harmless once disposed of.</summary>
internal sealed class Nudge : IDisposable
{
    private readonly SemaphoreSlim _given = new(0, 1);

    public void Give()
    {
        try
        {
            _given.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // It is going to wake already, or never again.
        }
    }

    /// <exception cref="OperationCanceledException">By <paramref name="cancel"/>.</exception>
    public Task Wait(CancellationToken cancel) => _given.WaitAsync(cancel);

    public void Dispose() => _given.Dispose();
}
