namespace Monstera.Server.Delivery;

/// <summary>Something that gathers what it is given and is flushed when a delivery ends.</summary>
public interface IFlushTarget
{
    /// <summary>Sends what was gathered. Neither waits nor throws.</summary>
    void Flush();
}

/// <summary>
/// Those who have gathered something in one delivery: each is flushed once at its end, however many events and answers it gathered. So a batch of the write path costs a
/// connection one write, one flush and one system call.
/// </summary>
public sealed class FlushList
{
    private readonly List<IFlushTarget> _targets = [];

    public void Add(IFlushTarget target) => _targets.Add(target);

    public void FlushAll()
    {
        foreach (IFlushTarget target in _targets)
        {
            target.Flush();
        }

        _targets.Clear();
    }
}
