using System.IO.Pipelines;
using System.Net.Sockets;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>
/// What goes to a socket: a flush is one send, on the caller's thread when the socket takes it at once. Between flushes it holds no buffer. Written by one writer at a time, who waits
/// for a flush before the next write.
/// </summary>
internal sealed class SocketOutput(Socket socket) : PipeWriter
{
    private SocketSend? _send;

    public override Memory<byte> GetMemory(int sizeHint = 0) => (_send ??= SocketSend.Rent()).GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => (_send ?? throw new InvalidOperationException("Nothing was asked for.")).Advance(bytes);

    /// <summary>Sends what was written. Never throws: a socket that has ended makes the result fail with an <see cref="IOException"/>.</summary>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        SocketSend? send = _send;
        _send = null;
        return send is null ? default : send.To(socket);
    }

    public override void CancelPendingFlush() => throw new NotSupportedException("Cut the connection instead.");

    public override void Complete(Exception? exception = null)
    {
        _send?.Return();
        _send = null;
    }
}
