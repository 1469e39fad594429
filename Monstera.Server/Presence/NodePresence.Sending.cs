using Monstera.Data.Ids;
using Monstera.Server.Nodes;

namespace Monstera.Server.Presence;

// What this node tells of its own table.
public sealed partial class NodePresence
{
    // Order of locks: sending, then table, then noting.
    private readonly Lock _sending = new();
    private readonly Lock _noting = new();
    private Dictionary<(TenantId, UserId), PresenceEntry> _noted = [];
    private Dictionary<(TenantId, UserId), PresenceEntry> _unwritten = [];
    private bool _isFlushArmed;
    private bool _isWritten;
    private bool _isWriting;
    private bool _beatWanted;
    private long _counter;
    private long _beatAt;

    /// <summary>Under the table's lock.</summary>
    private void Note(PresenceEntry entry)
    {
        lock (_noting)
        {
            _noted[(entry.Tenant, entry.User)] = entry;
            ArmFlush();
        }
    }

    /// <summary>Tells the others that this node lives, and how far its table is.</summary>
    private void BeatSoon()
    {
        lock (_noting)
        {
            _beatWanted = true;
            ArmFlush();
        }
    }

    private void ArmFlush()
    {
        if (!_isFlushArmed && !_stop.IsCancellationRequested)
        {
            _isFlushArmed = true;
            _flush.Change(_gather, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Tells what was gathered: 1. to be kept for who reads the whole table; 2. to the nodes that listen.</summary>
    private void Flush()
    {
        lock (_sending)
        {
            Dictionary<(TenantId, UserId), PresenceEntry> changes;
            bool beat;
            lock (_noting)
            {
                (changes, _noted) = (_noted, []);
                (beat, _beatWanted, _isFlushArmed) = (_beatWanted, false, false);
            }

            List<PresenceSignal> signals = [.. changes.Values.Chunk(PresenceSignal.ChangesMax).Select(some => new PresenceSignal(_node, ++_counter, some))];
            if (beat && signals.Count == 0)
            {
                signals.Add(new PresenceSignal(_node, _counter, []));
            }

            // 1.
            foreach ((var key, PresenceEntry entry) in changes)
            {
                _unwritten[key] = entry;
            }

            Volatile.Write(ref _beatAt, _time.GetTimestamp());
            if (!_isWriting)
            {
                _isWriting = true;
                _ = WriteTable();
            }

            // 2.
            foreach (PresenceSignal signal in signals)
            {
                _backplane.Tell(signal);
            }
        }
    }

    /// <summary>One write at a time; what changes meanwhile is in the next one. Even without changes it renews the lease.</summary>
    private async Task WriteTable()
    {
        bool again;
        do
        {
            bool whole;
            long counter;
            IReadOnlyCollection<PresenceEntry> entries;
            lock (_sending)
            {
                whole = !_isWritten;
                counter = _counter;
                entries = whole ? _table.Here() : _unwritten.Values;
                _unwritten = [];
                _isWritten = true;
            }

            bool written = false;
            try
            {
                written = await _tables.Write(_node, counter, entries, whole, _lease, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                // The node stops.
            }
            catch (Exception e)
            {
                LogTableFailed(e, _node);
            }

            lock (_sending)
            {
                // Not written, or the table was lost: whole, now or, when that did not help either, at the next heartbeat.
                _isWritten &= written;
                again = (!written && !whole) || (written && _unwritten.Count > 0);
                _isWriting = again;
            }
        }
        while (again);
    }
}
