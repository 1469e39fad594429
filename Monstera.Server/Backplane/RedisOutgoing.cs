using Monstera.Server.Nodes;
using Monstera.Server.Redis;
using Monstera.Server.Rooms;

namespace Monstera.Server.Backplane;

/// <summary>How much may wait to be sent, over all channels.</summary>
internal sealed class RedisOutgoingBound(long bytesMax)
{
    private long _bytes;

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) <= bytesMax)
        {
            return true;
        }

        Release(bytes);
        return false;
    }

    public void Release(long bytes) => Interlocked.Add(ref _bytes, -bytes);
}

/// <summary>What waits to be sent to one channel. One frame is under way at a time; whoever adds never waits, and the bytes are made on another thread.</summary>
/// <remarks>When events could not be sent, the others are told so as soon as something can be: it may be this node alone that was cut off, and they would not know that they lack something.</remarks>
internal sealed class RedisOutgoing(RedisClient redis, string channel, Guid self, RedisOutgoingBound bound, BackplaneMeter meter, TimeProvider time) : IThreadPoolWorkItem
{
    // Roughly what an event or a signal needs beside its texts, in memory and in a frame.
    private const int BytesEach = 256;

    private readonly Lock _gate = new();
    private readonly Queue<(CommittedEvents? Events, NodeSignal? Signal, int Bytes)> _waiting = [];
    private FrameWriter? _writer;
    private int _placeInFirst;
    private bool _isSending;
    private bool _lost;
    private bool _tellLost;

    public void Add(CommittedEvents events)
    {
        int bytes = events.Events.Count * BytesEach;
        for (int i = 0; i < events.Events.Count; i++)
        {
            bytes += 2 * ((events.Events[i].Text?.Length ?? 0) + (events.Events[i].Topic?.Length ?? 0));
        }

        if (bound.TryTake(bytes))
        {
            Add((events, null, bytes));
        }
        else
        {
            meter.CountDropped(events.Events.Count, 0, "queue");
            Lose();
            TellLost();
        }
    }

    public void Add(NodeSignal signal)
    {
        if (bound.TryTake(BytesEach))
        {
            Add((null, signal, BytesEach));
        }
        else
        {
            meter.CountDropped(0, 1, "queue");
        }
    }

    /// <summary>Tells the others, if something was lost.</summary>
    public void TellLost()
    {
        lock (_gate)
        {
            _tellLost = _lost;
            if (!_lost || _isSending)
            {
                return;
            }

            _isSending = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute() => _ = SendAll();

    private void Lose()
    {
        lock (_gate)
        {
            _lost = true;
        }
    }

    private void Add((CommittedEvents? Events, NodeSignal? Signal, int Bytes) item)
    {
        lock (_gate)
        {
            _waiting.Enqueue(item);
            if (_isSending)
            {
                return;
            }

            _isSending = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private async Task SendAll()
    {
        while (TryMakeFrame(out byte[] frame, out int events, out int signals, out bool lost))
        {
            if (await redis.PublishAndConfirm(channel, frame))
            {
                meter.CountPublished(events, signals, frame.Length);
            }
            else
            {
                meter.CountDropped(events, signals, "away");
                if (lost || events > 0)
                {
                    Lose();
                }
            }
        }
    }

    /// <summary>One frame at a time is made for a channel, so the writer needs no lock of its own; it is kept for no longer than there is something to send.</summary>
    private bool TryMakeFrame(out byte[] frame, out int events, out int signals, out bool lost)
    {
        (frame, events, signals) = ([], 0, 0);
        FrameWriter writer = _writer ??= new FrameWriter(self);
        writer.Begin(time.GetUtcNow());
        lock (_gate)
        {
            lost = _lost;
            if (_waiting.Count == 0 && !_tellLost)
            {
                _isSending = false;
                _writer = null;
                return false;
            }

            if (lost)
            {
                writer.AddLost();
            }

            (_lost, _tellLost) = (false, false);

            while (!writer.IsFull && _waiting.TryPeek(out (CommittedEvents? Events, NodeSignal? Signal, int Bytes) item))
            {
                if (item.Events is { } some)
                {
                    _placeInFirst = writer.Add(some, _placeInFirst);
                    if (_placeInFirst < some.Events.Count)
                    {
                        break;
                    }

                    _placeInFirst = 0;
                }
                else
                {
                    writer.Add(item.Signal!);
                }

                _waiting.Dequeue();
                bound.Release(item.Bytes);
            }
        }

        (frame, events, signals) = (writer.ToFrame(), writer.EventCount, writer.SignalCount);
        return true;
    }
}
