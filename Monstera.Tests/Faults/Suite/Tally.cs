using System.Collections.Concurrent;

namespace Monstera.Tests.Faults.Suite;

/// <summary>What the whole population counts together.</summary>
internal sealed class Tally
{
    private const int ViolationsMax = 200;

    private readonly ConcurrentQueue<string> _violations = new();
    private long _acknowledged;
    private long _delivered;
    private long _connections;
    private long _attempts;
    private long _repeats;
    private long _gaps;
    private long _refusals;
    private long _longestWait;

    /// <summary>What the server did against the protocol, as a client can see it.</summary>
    public IReadOnlyCollection<string> Violations => _violations;

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>Events that a member applied.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    public long Connections => Interlocked.Read(ref _connections);

    /// <summary>Attempts to connect, or to be greeted, that came to nothing.</summary>
    public long Attempts => Interlocked.Read(ref _attempts);

    /// <summary>Events that came again, which a client drops.</summary>
    public long Repeats => Interlocked.Read(ref _repeats);

    /// <summary>Times that a member had fallen too far behind.</summary>
    public long Gaps => Interlocked.Read(ref _gaps);

    /// <summary>Answers that say: try again.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    public void Break(string violation)
    {
        if (_violations.Count < ViolationsMax)
        {
            _violations.Enqueue(violation);
        }
    }

    public void Acknowledge(TimeSpan waited)
    {
        Interlocked.Increment(ref _acknowledged);
        long longest;
        while (waited.Ticks > (longest = Interlocked.Read(ref _longestWait)) && Interlocked.CompareExchange(ref _longestWait, waited.Ticks, longest) != longest)
        {
            // Somebody else waited longer meanwhile, or not: looked at again.
        }
    }

    public void Deliver(int events) => Interlocked.Add(ref _delivered, events);

    public void Connect() => Interlocked.Increment(ref _connections);

    public void Fail() => Interlocked.Increment(ref _attempts);

    public void Repeat() => Interlocked.Increment(ref _repeats);

    public void Gap() => Interlocked.Increment(ref _gaps);

    public void Refuse() => Interlocked.Increment(ref _refusals);

    /// <summary>The longest that a write has waited for its acknowledgement since this was asked last.</summary>
    public TimeSpan TakeLongestWait() => TimeSpan.FromTicks(Interlocked.Exchange(ref _longestWait, 0));
}
