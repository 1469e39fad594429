using System.Diagnostics;

namespace Monstera.Bench.Load;

/// <summary>Slow readers.</summary>
internal sealed partial class LoadLoop
{
    /// <summary>Clients that read a little at a time, whatever there is to read.</summary>
    private sealed class SlowReading(Connection[] readers)
    {
        /// <summary>16 KB a second: far below what a busy room sends.</summary>
        private const int BytesAtOnce = 1_638;

        private static readonly long Every = Stopwatch.Frequency / 10;

        private readonly byte[] _buffer = new byte[BytesAtOnce];
        private readonly HashSet<Connection> _held = [];
        private bool _ended;
        private long _nextAt;

        public int CountIn(Room room) => readers.Length == 0 ? 0 : readers.Count(reader => reader.Room == room);

        /// <summary>Whether it is read here, and not when epoll says so.</summary>
        public bool Holds(Connection connection) => _held.Contains(connection);

        /// <summary>From now on it is slow.</summary>
        public void Hold(LoadLoop loop, Connection reader)
        {
            if (!_ended && _held.Add(reader))
            {
                loop._poller.Forget(reader.Fd);
            }
        }

        /// <returns>When it is next to be called.</returns>
        public long ReadDue(LoadLoop loop, long now)
        {
            if (_held.Count == 0 || now < _nextAt)
            {
                return _held.Count == 0 ? long.MaxValue : _nextAt;
            }

            _nextAt = now + Every;
            foreach (Connection reader in readers)
            {
                if (!_held.Contains(reader))
                {
                    continue;
                }

                int cuts = reader.Cuts;
                loop.Read(reader, _buffer);
                if (reader.Cuts > cuts)
                {
                    _held.Remove(reader);
                }
            }

            return _nextAt;
        }

        /// <summary>From now on they read like everybody else, so that it shows whether they get everything.</summary>
        public void End(LoadLoop loop)
        {
            _ended = true;
            foreach (Connection reader in _held)
            {
                loop._poller.Watch(reader.Fd, reader.Index, Poller.Readable | Poller.Writable);
            }

            _held.Clear();
        }
    }
}
