using Monstera.Server.Nodes;

namespace Monstera.Server.Presence;

// What this node hears of the others' tables.
public sealed partial class NodePresence
{
    /// <summary>Until a table is read again that was not there, or behind what was told.</summary>
    private static readonly TimeSpan ReadAgainAfter = TimeSpan.FromMilliseconds(200);

    // Before the table's lock.
    private readonly Lock _hearing = new();
    private readonly Dictionary<Guid, Other> _others = [];

    private void Take(NodeSignal told)
    {
        switch (told)
        {
            case PresenceSignal signal when signal.Node != _node:
                Hear(signal);
                break;
            case NodeLeftSignal left when left.Node != _node:
                Leave(left.Node);
                break;
        }
    }

    private int CountOthers()
    {
        lock (_hearing)
        {
            return _others.Count;
        }
    }

    private void Hear(PresenceSignal signal)
    {
        bool isNew;
        lock (_hearing)
        {
            isNew = !_others.TryGetValue(signal.Node, out Other? other);
            if (other is null)
            {
                _others.Add(signal.Node, other = new Other(signal.Node));
            }

            other.HeardAt = _time.GetTimestamp();
            other.Left = false;
            other.Told = Math.Max(other.Told, signal.Counter);
            if (!other.IsBeingRead && signal.Changes.Count > 0 && signal.Counter == other.Counter + 1)
            {
                other.Counter = signal.Counter;
                foreach (PresenceEntry entry in signal.Changes)
                {
                    _table.Apply(signal.Node, entry);
                }
            }
            else if (signal.Counter > other.Counter)
            {
                // Something was missed, or the node is not known yet.
                ReadSoon(other);
                if (!isNew)
                {
                    _ = RefreshChoices();
                }
            }
        }

        if (isNew)
        {
            // It has probably just started, and knows nothing of this node either.
            BeatSoon();
        }
    }

    /// <summary>Its users have as long to come up elsewhere as a page has to load again.</summary>
    private void Leave(Guid node)
    {
        lock (_hearing)
        {
            if (_others.TryGetValue(node, out Other? other))
            {
                other.Left = true;
                other.HeardAt = _time.GetTimestamp();
            }
        }
    }

    private void EndLeases(bool isAway)
    {
        lock (_hearing)
        {
            foreach (Other other in _others.Values.ToArray())
            {
                if (isAway)
                {
                    // Nobody can be heard of: the lease begins again when they can.
                    other.HeardAt = _time.GetTimestamp();
                }
                else if (_time.GetElapsedTime(other.HeardAt) >= (other.Left ? PresenceTable.Linger : _lease))
                {
                    _others.Remove(other.Node);
                    _table.Replace(other.Node, []);
                }
            }
        }
    }

    private void ReadAll()
    {
        lock (_hearing)
        {
            foreach (Other other in _others.Values)
            {
                other.HeardAt = _time.GetTimestamp();
                ReadSoon(other);
            }
        }
    }

    /// <summary>Under the lock.</summary>
    private void ReadSoon(Other other)
    {
        if (!other.IsBeingRead)
        {
            other.IsBeingRead = true;
            _ = Read(other);
        }
    }

    /// <summary>Reads the table until it is as far as was told, or the node is gone.</summary>
    private async Task Read(Other other)
    {
        // Not under the caller's locks.
        await Task.Yield();
        try
        {
            while (true)
            {
                PresenceTableCopy? copy = await _tables.Read(other.Node, _stop.Token);
                lock (_hearing)
                {
                    if (!_others.TryGetValue(other.Node, out Other? current) || current != other)
                    {
                        return;
                    }

                    if (copy is not null && copy.Counter >= other.Counter)
                    {
                        _table.Replace(other.Node, copy.Entries);
                        other.Counter = copy.Counter;
                    }

                    if (copy is not null && copy.Counter >= other.Told)
                    {
                        other.IsBeingRead = false;
                        return;
                    }
                }

                await Task.Delay(ReadAgainAfter, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (Exception e)
        {
            LogTableFailed(e, other.Node);
            lock (_hearing)
            {
                // The next signal finds the gap again.
                other.IsBeingRead = false;
            }
        }
    }

    /// <summary>Another node.</summary>
    private sealed class Other(Guid node)
    {
        public Guid Node { get; } = node;

        /// <summary>How far its table is known here.</summary>
        public long Counter { get; set; }

        /// <summary>How far it is as it told itself.</summary>
        public long Told { get; set; }

        /// <summary>A timestamp of the time provider.</summary>
        public long HeardAt { get; set; }

        public bool Left { get; set; }

        /// <summary>Until that is done changes are not applied: the table has them, or is read again.</summary>
        public bool IsBeingRead { get; set; }
    }
}
