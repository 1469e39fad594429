namespace Monstera.Bench.Load;

/// <summary>Something that has to be done for every connection once in a while: a share of them at each of many short intervals, so that it never comes in a burst.</summary>
internal sealed class Housekeeping(long every)
{
    private int _cursor;

    public long NextAt { get; private set; }

    public bool IsDue(long now)
    {
        if (now < NextAt)
        {
            return false;
        }

        NextAt = now + every;
        return true;
    }

    /// <summary>The next of <paramref name="share"/> parts.</summary>
    public IEnumerable<Connection> Take(IReadOnlyList<Connection> connections, int share)
    {
        int count = Math.Min(connections.Count, (connections.Count / share) + 1);
        for (int i = 0; i < count; i++)
        {
            _cursor = (_cursor + 1) % connections.Count;
            yield return connections[_cursor];
        }
    }
}
