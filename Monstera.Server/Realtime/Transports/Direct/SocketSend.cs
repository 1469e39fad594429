using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>Bytes on their way into a socket. Lent by a pool that all connections share, so that one that sends nothing has none.</summary>
internal sealed class SocketSend() : SocketAsyncEventArgs(true), IValueTaskSource<FlushResult>
{
    private const int SmallestBuffer = 1_024;
    private const int IdleMax = 256;

    private static readonly ConcurrentQueue<SocketSend> Idle = new();

    private byte[] _bytes = [];
    private int _length;
    private ManualResetValueTaskSourceCore<FlushResult> _completion;

    public static SocketSend Rent() => Idle.TryDequeue(out SocketSend? idle) ? idle : new SocketSend();

    public Memory<byte> GetMemory(int sizeHint)
    {
        int needed = _length + Math.Max(sizeHint, 1);
        if (needed > _bytes.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallestBuffer, Math.Max(needed, _bytes.Length * 2)));
            int written = _length;
            _bytes.AsSpan(0, written).CopyTo(larger);
            ReturnBytes();
            (_bytes, _length) = (larger, written);
        }

        return _bytes.AsMemory(_length);
    }

    public void Advance(int bytes) => _length += bytes;

    /// <summary>Sends everything and goes back to the pool.</summary>
    public ValueTask<FlushResult> To(Socket socket)
    {
        SetBuffer(_bytes, 0, _length);
        _completion.Reset();
        short version = _completion.Version;
        if (TryStart(socket))
        {
            // The socket takes the rest when the other side has read some.
            return new ValueTask<FlushResult>(this, version);
        }

        SocketError error = SocketError;
        Return();
        return error == SocketError.Success ? default : ValueTask.FromException<FlushResult>(Broken(error));
    }

    public void Return()
    {
        SetBuffer(null, 0, 0);
        ReturnBytes();
        if (Idle.Count < IdleMax)
        {
            Idle.Enqueue(this);
        }
        else
        {
            Dispose();
        }
    }

    public FlushResult GetResult(short token)
    {
        // Failing, it is not lent again: nobody knows who else still looks at it.
        FlushResult result = _completion.GetResult(token);
        Return();
        return result;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _completion.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    protected override void OnCompleted(SocketAsyncEventArgs e)
    {
        if (SocketError == SocketError.Success)
        {
            _completion.SetResult(default);
        }
        else
        {
            ReturnBytes();
            _completion.SetException(Broken(SocketError));
        }
    }

    /// <returns>Whether it is still under way.</returns>
    private bool TryStart(Socket socket)
    {
        try
        {
            return socket.SendAsync(this);
        }
        catch (ObjectDisposedException)
        {
            SocketError = SocketError.OperationAborted;
            return false;
        }
    }

    private static IOException Broken(SocketError error) => new("The connection has ended.", new SocketException((int)error));

    private void ReturnBytes()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        (_bytes, _length) = ([], 0);
    }
}
