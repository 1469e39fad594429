using System.Diagnostics;
using Monstera.Server.Nodes;
using Monstera.Server.Redis;
using Monstera.Server.Rooms;
using Monstera.Server.Tracing;

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
    private readonly Queue<Waiting> _waiting = [];
    private FrameWriter? _writer;
    private int _placeInFirst;
    private bool _isSending;
    private bool _lost;
    private bool _tellLost;

    /// <param name="span">Ends when they are out, or dropped.</param>
    public void Add(CommittedEvents events, Activity? span = null)
    {
        int bytes = events.Events.Count * BytesEach;
        for (int i = 0; i < events.Events.Count; i++)
        {
            bytes += 2 * ((events.Events[i].Text?.Length ?? 0) + (events.Events[i].Topic?.Length ?? 0));
        }

        if (bound.TryTake(bytes))
        {
            Add(new Waiting(events, null, bytes, span));
        }
        else
        {
            meter.CountDropped(events.Events.Count, 0, "queue");
            Spans.End(span, "queue");
            Lose();
            TellLost();
        }
    }

    public void Add(NodeSignal signal)
    {
        if (bound.TryTake(BytesEach))
        {
            Add(new Waiting(null, signal, BytesEach, null));
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

    private void Add(Waiting item)
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
        while (TryMakeFrame(out Outgoing made))
        {
            bool isOut = await redis.PublishAndConfirm(channel, made.Frame);
            if (isOut)
            {
                meter.CountPublished(made.Events, made.Signals, made.Frame.Length);
            }
            else
            {
                meter.CountDropped(made.Events, made.Signals, "away");
                if (made.Lost || made.Events > 0)
                {
                    Lose();
                }
            }

            foreach (Activity span in made.Spans ?? [])
            {
                Spans.End(span, isOut ? null : "away");
            }
        }
    }

    /// <summary>One frame at a time is made for a channel, so the writer needs no lock of its own; it is kept for no longer than there is something to send.</summary>
    private bool TryMakeFrame(out Outgoing made)
    {
        made = default;
        FrameWriter writer = _writer ??= new FrameWriter(self);
        writer.Begin(time.GetUtcNow());
        bool lost;
        List<Activity>? spans = null;
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

            while (!writer.IsFull && _waiting.TryPeek(out Waiting item))
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

                if (item.Span is { } span)
                {
                    (spans ??= []).Add(span);
                }

                _waiting.Dequeue();
                bound.Release(item.Bytes);
            }
        }

        made = new Outgoing(writer.ToFrame(), writer.EventCount, writer.SignalCount, lost, spans);
        return true;
    }

    /// <summary>Either events or a signal; a traced one has a span.</summary>
    private readonly record struct Waiting(CommittedEvents? Events, NodeSignal? Signal, int Bytes, Activity? Span);

    /// <summary>A frame, what is in it, and the spans that end with it.</summary>
    private readonly record struct Outgoing(byte[] Frame, int Events, int Signals, bool Lost, List<Activity>? Spans);
}
