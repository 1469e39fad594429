using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Monstera.Bench.Load;

/// <summary>GET over one kept HTTP/1.1 connection, blocking: the time of a request should be the server's.</summary>
internal sealed class HttpReader : IDisposable
{
    private readonly Stream _stream;
    private readonly string _head;
    private byte[] _buffer = new byte[65_536];
    private int _count;

    public HttpReader(int port, string token)
        : this(Connect(port), $"127.0.0.1:{port}", token)
    {
    }

    /// <param name="stream">The connection; owned from here on.</param>
    public HttpReader(Stream stream, string host, string token)
    {
        _stream = stream;
        _head = $" HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n";
    }

    /// <summary>The body, until the next call. An answer other than 200 ends the run.</summary>
    public ReadOnlySpan<byte> Get(string path)
    {
        _count = 0;
        _stream.Write(Encoding.ASCII.GetBytes($"GET {path}{_head}"));
        int headEnd = ReadUntil("\r\n\r\n"u8, 0);
        string head = Encoding.ASCII.GetString(_buffer, 0, headEnd);
        BenchFailedException.ThrowIf(!head.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), $"GET {path}: {head}");

        const string lengthName = "\r\nContent-Length: ";
        int at = head.IndexOf(lengthName, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            BenchFailedException.ThrowIf(
                !head.Contains("\r\nTransfer-Encoding: chunked\r\n", StringComparison.OrdinalIgnoreCase), $"GET {path}: an answer without a length: {head}");
            return ReadChunks(headEnd);
        }

        int lineEnd = head.IndexOf('\r', at + 2);
        int length = int.Parse(head.AsSpan(at + lengthName.Length, lineEnd - at - lengthName.Length), CultureInfo.InvariantCulture);
        ReadTo(headEnd + length);
        return _buffer.AsSpan(headEnd, length);
    }

    public void Dispose() => _stream.Dispose();

    private static NetworkStream Connect(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, port);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Moves the chunks together, so that nothing is cut in two by the lengths between them.</summary>
    private ReadOnlySpan<byte> ReadChunks(int start)
    {
        int end = start;
        int next = start;
        while (true)
        {
            int lineEnd = ReadUntil("\r\n"u8, next);
            ReadOnlySpan<byte> line = _buffer.AsSpan(next, lineEnd - 2 - next);
            bool ok = int.TryParse(line, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int length) && length >= 0;
            BenchFailedException.ThrowIf(!ok, $"a chunk's length was expected: {Records.Show(line)}");
            ReadTo(lineEnd + length + 2);
            if (length == 0)
            {
                return _buffer.AsSpan(start, end - start);
            }

            _buffer.AsSpan(lineEnd, length).CopyTo(_buffer.AsSpan(end));
            end += length;
            next = lineEnd + length + 2;
        }
    }

    /// <returns>Where <paramref name="mark"/> ends.</returns>
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

    private void ReadTo(int count)
    {
        while (_count < count)
        {
            ReadMore();
        }
    }

    private void ReadMore()
    {
        if (_count == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int read = _stream.Read(_buffer.AsSpan(_count));
        BenchFailedException.ThrowIf(read == 0, $"the server hung up");
        _count += read;
    }
}
