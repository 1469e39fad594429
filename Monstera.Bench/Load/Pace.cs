using System.Diagnostics;

namespace Monstera.Bench.Load;

/// <summary>Messages at fixed times, by several senders in turn. The times do not move when the server is slow, so waiting in front of it counts too.</summary>
/// <param name="startAt">A timestamp of <see cref="Stopwatch"/>; the first message is due one interval later.</param>
internal sealed class Pace(IReadOnlyList<Connection> senders, double perSecond, long startAt)
{
    private readonly double _interval = Stopwatch.Frequency / perSecond;
    private long _taken;

    /// <summary>When the next message is due.</summary>
    public long NextAt => startAt + (long)(_interval * (_taken + 1));

    public Connection Take(out long dueAt)
    {
        dueAt = NextAt;
        return senders[(int)(_taken++ % senders.Count)];
    }
}
