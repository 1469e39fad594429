using System.Buffers;
using System.Text;

namespace Monstera.Server.Redis;

/// <summary>
/// One connection, from its opening to its end; it never opens again. Commands are written one behind the other without waiting (what gathers while a write is under way goes out
/// with the next), answers come in their order, and what the server says unasked goes to <see cref="IRedisPushes"/>.
/// </summary>
/// <remarks>A peer that says nothing for about two seconds although it was asked is given up: a stopped process or a cut cable closes no socket.</remarks>
internal sealed class RedisConnection : IAsyncDisposable
{
    private const int BufferBytesKept = 1_048_576;
    private const int TicksUntilPing = 2;
    private const int TicksUntilDead = 5;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly Queue<PendingReply> _pending = [];
    private readonly RespReader _reader = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Stream _stream;
    private readonly IRedisPushes? _pushes;
    private readonly int _queueBytesMax;
    private readonly ITimer _timer;
    private ArrayBufferWriter<byte> _filling = new(4_096);
    private ArrayBufferWriter<byte> _sending = new(4_096);
    private RedisUnavailableException? _reason;
    private bool _flushing;
    private volatile bool _isReading;
    private int _silentTicks;

    public RedisConnection(RedisAddress address, Stream stream, IRedisPushes? pushes, int queueBytesMax, TimeProvider time)
    {
        Address = address;
        _stream = stream;
        _pushes = pushes;
        _queueBytesMax = queueBytesMax;
        _timer = time.CreateTimer(static state => ((RedisConnection)state!).Watch(), this, Tick, Tick);
        _ = Task.Run(ReadAll);
    }

    public RedisAddress Address { get; }

    /// <summary>What the server said of itself at the greeting.</summary>
    public RedisReply Greeting { get; set; }

    /// <summary>Ends with the connection, never with an error.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Why it ended; null while it lives.</summary>
    public RedisUnavailableException? Reason
    {
        get
        {
            lock (_gate)
            {
                return _reason;
            }
        }
    }

    /// <summary>Writes a command, or several that nothing may come between; only the last one's answer is looked at.</summary>
    /// <returns>Why not: the connection has ended, or too much waits to be sent already. Null: it was written.</returns>
    public RedisUnavailableException? TrySend(PendingReply reply, ReadOnlySpan<RedisArg> command, ReadOnlySpan<RedisArg> before = default)
    {
        lock (_gate)
        {
            if (_reason is not null)
            {
                return _reason;
            }

            if (_filling.WrittenCount > _queueBytesMax)
            {
                return new RedisUnavailableException($"More waits to be sent to Redis at {Address} than may.");
            }

            if (!before.IsEmpty)
            {
                RedisArg.WriteCommand(_filling, before);
                _pending.Enqueue(IgnoredReply.Instance);
            }

            RedisArg.WriteCommand(_filling, command);
            _pending.Enqueue(reply);
            if (!_flushing)
            {
                _flushing = true;
                ThreadPool.UnsafeQueueUserWorkItem(static connection => _ = connection.Flush(), this, preferLocal: false);
            }
        }

        return null;
    }

    /// <summary>One command and its answer, which may be an error.</summary>
    /// <exception cref="RedisUnavailableException">The connection ended, or nothing came in time.</exception>
    public async Task<RedisReply> Call(RedisArg[] command, TimeSpan within, TimeProvider time, CancellationToken cancel, RedisArg[]? before = null)
    {
        AwaitedReply pending = new();
        if (TrySend(pending, command, before) is { } reason)
        {
            throw new RedisUnavailableException(reason.Message, reason);
        }

        try
        {
            return await pending.Reply.WaitAsync(within, time, cancel);
        }
        catch (TimeoutException)
        {
            throw new RedisUnavailableException($"Redis at {Address} did not answer within {within.TotalMilliseconds} ms.");
        }
    }

    public void Close(string why, Exception? inner = null)
    {
        PendingReply[] pending;
        lock (_gate)
        {
            if (_reason is not null)
            {
                return;
            }

            _reason = new RedisUnavailableException($"The connection to Redis at {Address} ended: {why}", inner);
            pending = [.. _pending];
            _pending.Clear();
        }

        _timer.Dispose();
        _stream.Dispose();
        foreach (PendingReply reply in pending)
        {
            reply.Fail(_reason);
        }

        _ended.TrySetResult();
    }

    public ValueTask DisposeAsync()
    {
        Close("it is no longer needed.");
        return ValueTask.CompletedTask;
    }

    private async Task Flush()
    {
        try
        {
            while (true)
            {
                lock (_gate)
                {
                    if (_filling.WrittenCount == 0 || _reason is not null)
                    {
                        _flushing = false;
                        return;
                    }

                    (_filling, _sending) = (_sending, _filling);
                }

                await _stream.WriteAsync(_sending.WrittenMemory);
                _sending.ResetWrittenCount();
                if (_sending.Capacity > BufferBytesKept)
                {
                    _sending = new ArrayBufferWriter<byte>(4_096);
                }
            }
        }
        catch (Exception e)
        {
            Close("writing to it failed.", e);
        }
    }

    private async Task ReadAll()
    {
        try
        {
            while (true)
            {
                _isReading = true;
                int read = await _stream.ReadAsync(_reader.Free());
                _isReading = false;
                if (read == 0)
                {
                    Close("the server closed it.");
                    return;
                }

                Volatile.Write(ref _silentTicks, 0);
                _reader.Advance(read);
                while (_reader.TryRead(out RedisReply reply))
                {
                    Take(reply);
                }
            }
        }
        catch (RespException e)
        {
            Close(e.Message, e);
        }
        catch (Exception e)
        {
            Close("reading from it failed.", e);
        }
    }

    private void Take(RedisReply reply)
    {
        if (reply.Kind == RedisReplyKind.Push)
        {
            TakePush(reply.Items.Span);
            return;
        }

        PendingReply? pending;
        lock (_gate)
        {
            if (!_pending.TryDequeue(out pending))
            {
                throw new RespException("An answer came that nobody had asked for.");
            }
        }

        pending.Complete(reply);
    }

    private void TakePush(ReadOnlySpan<RedisReply> items)
    {
        if (items.Length < 3 || items[0].Kind != RedisReplyKind.Bytes || items[1].Kind != RedisReplyKind.Bytes)
        {
            return;
        }

        ReadOnlySpan<byte> kind = items[0].Bytes.Span;
        if (kind.SequenceEqual("message"u8) || kind.SequenceEqual("smessage"u8))
        {
            if (items[2].Kind == RedisReplyKind.Bytes)
            {
                _pushes?.Message(items[1].Bytes.Span, items[2].Bytes);
            }

            return;
        }

        bool begins = kind.SequenceEqual("subscribe"u8) || kind.SequenceEqual("ssubscribe"u8);
        if (begins || kind.SequenceEqual("unsubscribe"u8) || kind.SequenceEqual("sunsubscribe"u8))
        {
            TakeSubscription(begins, Encoding.UTF8.GetString(items[1].Bytes.Span));
        }
    }

    /// <summary>A confirmation stands in the order of answers; a cluster also ends subscriptions by itself, when their slot moves.</summary>
    private void TakeSubscription(bool begins, string channel)
    {
        SubscriptionReply? confirmed = null;
        lock (_gate)
        {
            if (_pending.TryPeek(out PendingReply? first) && first is SubscriptionReply waits && waits.Begins == begins && waits.Channel == channel)
            {
                confirmed = waits;
                _pending.Dequeue();
            }
        }

        if (confirmed is not null)
        {
            confirmed.Complete(default);
        }
        else if (!begins)
        {
            _pushes?.Lost(this, channel);
        }
    }

    /// <summary>Counts ticks and not time, so that a pause of this process is not taken for silence of the other; nor is what it does not read for being busy.</summary>
    private void Watch()
    {
        if (!_isReading)
        {
            Volatile.Write(ref _silentTicks, 0);
            return;
        }

        int silent = Interlocked.Increment(ref _silentTicks);
        if (silent >= TicksUntilDead)
        {
            Close("the server says nothing.");
        }
        else if (silent == TicksUntilPing)
        {
            TrySend(IgnoredReply.Instance, ["PING"]);
        }
    }
}

/// <summary>Takes what a server says unasked, on the connection's reading loop. Must neither wait nor throw.</summary>
internal interface IRedisPushes
{
    void Message(ReadOnlySpan<byte> channel, ReadOnlyMemory<byte> payload);

    /// <summary>The server has ended a subscription.</summary>
    void Lost(RedisConnection connection, string channel);
}
