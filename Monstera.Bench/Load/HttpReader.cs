using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Monstera.Bench.Load;

/// <summary>GET over one kept HTTP/1.1 connection, blocking: the time of a request should be the server's.</summary>
internal sealed class HttpReader : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly string _head;
    private byte[] _buffer = new byte[65_536];
    private int _count;

    public HttpReader(int port, string token)
    {
        _head = $" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n";
        _socket.Connect(IPAddress.Loopback, port);
    }

    /// <summary>The body, until the next call. With chunks it holds their lengths too, which is nothing to who looks for a name in it.</summary>
    public ReadOnlySpan<byte> Get(string path)
    {
        _count = 0;
        _socket.Send(Encoding.ASCII.GetBytes($"GET {path}{_head}"));
        int headEnd = ReadUntil("\r\n\r\n"u8, 0);
        string head = Encoding.ASCII.GetString(_buffer, 0, headEnd);
        BenchFailedException.ThrowIf(!head.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), $"GET {path}: {head}");

        const string lengthName = "Content-Length: ";
        int at = head.IndexOf(lengthName, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            // Chunks: the last has the length 0. No JSON of ours ends a line in the middle.
            int end = ReadUntil("\r\n0\r\n\r\n"u8, headEnd);
            return _buffer.AsSpan(headEnd, end - headEnd);
        }

        int lineEnd = head.IndexOf('\r', at);
        int length = int.Parse(head.AsSpan(at + lengthName.Length, lineEnd - at - lengthName.Length), CultureInfo.InvariantCulture);
        while (_count < headEnd + length)
        {
            ReadMore();
        }

        return _buffer.AsSpan(headEnd, length);
    }

    public void Dispose() => _socket.Dispose();

    private int ReadUntil(ReadOnlySpan<byte> mark, int from)
    {
        while (true)
        {
            int at = _buffer.AsSpan(from, _count - from).IndexOf(mark);
            if (at >= 0)
            {
                return from + at + mark.Length;
            }

            ReadMore();
        }
    }

    private void ReadMore()
    {
        if (_count == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int read = _socket.Receive(_buffer.AsSpan(_count));
        BenchFailedException.ThrowIf(read == 0, $"the server hung up");
        _count += read;
    }
}
