using System.Diagnostics;
using System.Text;

namespace Monstera.Bench.Load;

/// <summary>Connecting, reading and writing.</summary>
internal sealed partial class LoadLoop
{
    private const int SlowReceiveBufferBytes = 4_096;

    private void ConnectMore()
    {
        while (_connectNext < _connections.Count && _connectingCount < _connectingMax)
        {
            Connection connection = _connections[_connectNext];
            connection.State = ConnectionState.Connecting;
            connection.ConnectBeganAt = Stopwatch.GetTimestamp();
            connection.Fd = ClientSocket.Connect(PortOf(connection), _connectNext, connection.IsSlow ? SlowReceiveBufferBytes : 0);
            _poller.Watch(connection.Fd, connection.Index, Poller.Writable);
            _connectNext++;
            _connectingCount++;
        }
    }

    private void Handle(Connection connection, uint ready)
    {
        if (connection.State == ConnectionState.Connecting)
        {
            Upgrade(connection);
            return;
        }

        if ((ready & Poller.Writable) != 0)
        {
            FlushPending(connection);
        }

        if ((ready & ~Poller.Writable) != 0)
        {
            Read(connection, _receiveBuffer);
        }
    }

    /// <summary>Reads once; when there is more, epoll says so again, and others have their turn before.</summary>
    private void Read(Connection connection, Span<byte> buffer)
    {
        int count = ClientSocket.Receive(connection.Fd, buffer);
        if (count < 0)
        {
            return;
        }

        if (count == 0 && connection.IsSlow)
        {
            Reconnect(connection);
            return;
        }

        BenchFailedException.ThrowIf(count == 0, $"the server hung up on connection {connection.Index}, which was {connection.State}");
        long now = Stopwatch.GetTimestamp();
        if (connection.State == ConnectionState.Upgrading)
        {
            ReadUpgrade(connection, buffer[..count]);
        }
        else
        {
            connection.Reader.Feed(buffer[..count], connection, this, now);
        }

        if (connection.Reader.PongIsDue)
        {
            connection.Reader.PongIsDue = false;
            Writer.Pong();
        }

        if (IsSending && connection.Window > 0 && connection.State == ConnectionState.Live)
        {
            FillWindow(connection, now);
        }

        Flush(connection);
    }

    /// <summary>A slow reader was cut off, as it may be. It comes back with its cursor where there are cursors.</summary>
    private void Reconnect(Connection connection)
    {
        connection.Cuts++;
        _ = Libc.Close(connection.Fd);
        connection.Fd = -1;
        connection.State = ConnectionState.Gone;
        connection.Reader = default;
        connection.Pending = [];
        connection.Held.Clear();
        if (_dialect.CanResume)
        {
            connection.State = ConnectionState.Connecting;
            connection.Fd = ClientSocket.Connect(PortOf(connection), connection.Index, SlowReceiveBufferBytes);
            _poller.Watch(connection.Fd, connection.Index, Poller.Writable);
        }
    }

    private int PortOf(Connection connection) => _ports[connection.Index % _ports.Count];

    private void Upgrade(Connection connection)
    {
        int error = ClientSocket.ErrorOf(connection.Fd);
        if (error != 0)
        {
            throw new BenchFailedException($"connection {connection.Index} could not be made: {new System.ComponentModel.Win32Exception(error).Message}");
        }

        connection.State = ConnectionState.Upgrading;
        _poller.Change(connection.Fd, connection.Index, Poller.Readable);
        Writer.Append(Encoding.ASCII.GetBytes(
            $"GET {_dialect.UpgradePath(connection)} HTTP/1.1\r\nHost: 127.0.0.1:{PortOf(connection)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
        Flush(connection);
    }

    private void ReadUpgrade(Connection connection, ReadOnlySpan<byte> bytes)
    {
        connection.Pending = [.. connection.Pending, .. bytes];
        if (connection.Pending.AsSpan().IndexOf("\r\n\r\n"u8) < 0)
        {
            return;
        }

        // The server is silent until it has heard the handshake, so nothing follows the head.
        string head = Encoding.ASCII.GetString(connection.Pending);
        BenchFailedException.ThrowIf(!head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal), $"no WebSocket for connection {connection.Index}: {head}");
        connection.Pending = [];
        connection.State = ConnectionState.Subscribing;
        _dialect.Greet(connection, Writer);
    }

    /// <summary>Sends what is in the writer. What the socket does not take waits at the connection.</summary>
    private void Flush(Connection connection)
    {
        if (Writer.Length == 0)
        {
            return;
        }

        ReadOnlySpan<byte> bytes = Writer.Written;
        if (connection.Pending.Length == 0)
        {
            int sent = Math.Max(0, ClientSocket.Send(connection.Fd, bytes));
            bytes = bytes[sent..];
        }

        if (bytes.Length > 0)
        {
            connection.Pending = [.. connection.Pending, .. bytes];
            if (!_slowReading.Holds(connection))
            {
                _poller.Change(connection.Fd, connection.Index, Poller.Readable | Poller.Writable);
            }
        }

        Writer.Clear();
    }

    private void FlushPending(Connection connection)
    {
        int sent = Math.Max(0, ClientSocket.Send(connection.Fd, connection.Pending));
        connection.Pending = connection.Pending[sent..];
        if (connection.Pending.Length == 0)
        {
            _poller.Change(connection.Fd, connection.Index, Poller.Readable);
        }
    }
}
