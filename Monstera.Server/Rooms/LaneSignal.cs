using System.Threading.Tasks.Sources;

namespace Monstera.Server.Rooms;

/// <summary>What one waits for and others set, again and again, without an object for each wait. Whoever waits goes on elsewhere than on the thread that sets it.</summary>
internal sealed class LaneSignal : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

    /// <summary>One at a time, and not again before it was set.</summary>
    public ValueTask Wait() => new(this, _core.Version);

    /// <summary>Once for each wait.</summary>
    public void Set() => _core.SetResult(true);

    void IValueTaskSource.GetResult(short token)
    {
        _core.GetResult(token);
        _core.Reset();
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
