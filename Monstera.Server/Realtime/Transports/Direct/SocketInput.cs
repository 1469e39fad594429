using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>What comes from a socket. Holds a buffer only while it holds bytes: a connection at rest waits without one. Read by one reader at a time.</summary>
internal sealed class SocketInput(Socket socket) : PipeReader, IDisposable
{
    private const int SmallestBuffer = 4_096;

    private byte[]? _buffer;
    private int _start;
    private int _end;
    private bool _wantsMore = true;
    private bool _isCompleted;
    private volatile bool _isCanceled;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_wantsMore && !_isCompleted && !_isCanceled)
        {
            // 1. Without a buffer until there is something to put into it.
            if (_buffer is null)
            {
                await socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancellationToken);
            }

            // 2. What there is.
            MakeRoom();
            int received = await socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, cancellationToken);
            _end += received;
            _isCompleted = received == 0;
            _wantsMore = false;
        }

        return Held();
    }

    public override bool TryRead(out ReadResult result)
    {
        result = Held();
        return !_wantsMore || _isCompleted || _isCanceled;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _wantsMore = examined.GetInteger() == _end || _buffer is null;
        _start = _buffer is null ? 0 : consumed.GetInteger();
        if (_start == _end)
        {
            Return();
        }
    }

    /// <summary>Whoever waits for bytes is told that there are no more, whatever still comes.</summary>
    public override void CancelPendingRead()
    {
        _isCanceled = true;
        try
        {
            socket.Shutdown(SocketShutdown.Receive);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has ended.
        }
    }

    public override void Complete(Exception? exception = null) => Return();

    public void Dispose() => Return();

    private ReadResult Held() =>
        new(_buffer is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_buffer, _start, _end - _start), _isCanceled, _isCompleted);

    /// <summary>Room for more: at the end of the buffer, by moving what is held to its beginning, or in a larger one. How much is held at most is the reader's to say.</summary>
    private void MakeRoom()
    {
        if (_buffer is not null && _end < _buffer.Length)
        {
            return;
        }

        int held = _end - _start;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(SmallestBuffer, held * 2));
        _buffer.AsSpan(_start, held).CopyTo(larger);
        Return();
        (_buffer, _start, _end) = (larger, 0, held);
    }

    private void Return()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }

        (_start, _end) = (0, 0);
    }
}
