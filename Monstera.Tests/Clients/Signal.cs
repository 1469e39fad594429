namespace Monstera.Tests.Clients;

/// <summary>Lets tests wait for a condition without sleeping: whoever changes something pulses, and the conditions that have come true end their waits.</summary>
public sealed class Signal
{
    /// <summary>How long anything that should happen may take on a machine that is busy with other things.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly List<(Func<bool> Condition, TaskCompletionSource Done)> _waits = [];

    /// <summary>Ends when <paramref name="condition"/> holds at a pulse (or now).</summary>
    public async Task Until(Func<bool> condition, string what, TimeSpan? patience = null)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (condition())
            {
                return;
            }

            _waits.Add((condition, done));
        }

        try
        {
            await done.Task.WaitAsync(patience ?? Patience);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"Waited in vain for this: {what}.", e);
        }
    }

    public void Pulse()
    {
        lock (_gate)
        {
            for (int i = _waits.Count - 1; i >= 0; i--)
            {
                if (_waits[i].Condition())
                {
                    _waits[i].Done.TrySetResult();
                    _waits.RemoveAt(i);
                }
            }
        }
    }

    /// <summary>For what announces nothing: looks again and again until it holds.</summary>
    public static async Task Poll(Func<bool> condition, string what, TimeSpan? patience = null)
    {
        using CancellationTokenSource end = new(patience ?? Patience);
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        try
        {
            while (!condition())
            {
                await timer.WaitForNextTickAsync(end.Token);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"Waited in vain for this: {what}.", e);
        }
    }
}
