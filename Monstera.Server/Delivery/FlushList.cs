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
/// <remarks>Sending is a system call for each connection. Where there are other processors, a large delivery is shared out among them.</remarks>
public sealed class FlushList
{
    /// <summary>Connections that one processor serves while another begins: about 0.3 ms of work.</summary>
    private const int Share = 64;

    private readonly List<IFlushTarget> _targets = [];

    public void Add(IFlushTarget target) => _targets.Add(target);

    public void FlushAll()
    {
        int mine = 0;
        if (Environment.ProcessorCount > 1)
        {
            for (; _targets.Count - mine > Share; mine += Share)
            {
                ThreadPool.UnsafeQueueUserWorkItem(new SharedFlush([.. _targets[mine..(mine + Share)]]), preferLocal: false);
            }
        }

        for (; mine < _targets.Count; mine++)
        {
            _targets[mine].Flush();
        }

        _targets.Clear();
    }

    private sealed class SharedFlush(IFlushTarget[] targets) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            foreach (IFlushTarget target in targets)
            {
                target.Flush();
            }
        }
    }
}
