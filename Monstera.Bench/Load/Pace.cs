using System.Diagnostics;

namespace Monstera.Bench.Load;

/// <summary>Messages at fixed times, by several senders in turn. The times do not move when the server is slow, so waiting in front of it counts too.</summary>
internal sealed class Pace(IReadOnlyList<Connection> senders, double perSecond)
{
    private readonly double _interval = Stopwatch.Frequency / perSecond;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _taken;

    /// <summary>When the next message is due.</summary>
    public long NextAt => _start + (long)(_interval * (_taken + 1));

    public Connection Take(out long dueAt)
    {
        dueAt = NextAt;
        return senders[(int)(_taken++ % senders.Count)];
    }
}
