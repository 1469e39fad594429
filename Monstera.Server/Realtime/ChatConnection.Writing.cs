using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using Monstera.Server.Delivery;
using Monstera.Server.Feeds;
using Monstera.Server.Tracing;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

// What was gathered is written here, by whoever has the turn.
public sealed partial class ChatConnection : IThreadPoolWorkItem, IFlushTarget
{
    /// <summary>Writes what was gathered. Neither waits nor throws.</summary>
    public void Flush()
    {
        ArrayBufferWriter<byte>? replies;
        Gathered gathered;
        lock (_gate)
        {
            if (_turn != Turn.Gathering)
            {
                return;
            }

            _turn = Turn.Writing;
            replies = TakeReplies();
            gathered = TakeFrames();
        }

        if (replies is null && gathered.Frames is null && _closeCode == 0)
        {
            // Only rooms that lag.
            EndTurn();
            return;
        }

        Finish(Write(replies, gathered.Frames, gathered.Bytes), gathered.Observed);
    }

    void IThreadPoolWorkItem.Execute() => _ = CatchUp();

    /// <summary>Has the turn: one message of everything, answers first.</summary>
    private ValueTask<FlushResult> Write(ArrayBufferWriter<byte>? replies, List<ReadOnlyMemory<byte>>? frames, int frameBytes)
    {
        int bytes = (replies?.WrittenCount ?? 0) + frameBytes;
        Volatile.Write(ref _wroteAt, time.GetTimestamp());
        if (bytes > 0)
        {
            output.Begin(bytes);
        }

        if (replies is not null)
        {
            output.Write(replies.WrittenSpan);
        }

        foreach (ReadOnlyMemory<byte> frame in frames ?? [])
        {
            output.Write(frame.Span);
        }

        if (_closeCode != 0)
        {
            output.Close(_closeCode);
            _saidGoodBye = true;
        }

        return output.Flush();
    }

    private void Finish(ValueTask<FlushResult> write, Observed observed)
    {
        if (write.IsCompletedSuccessfully)
        {
            // It lends what it wrote from until the result is taken.
            _ = write.Result;
            Measure(observed);
            EndTurn();
        }
        else
        {
            _ = EndTurnSlow(write, observed);
        }
    }

    private void EndTurn()
    {
        lock (_gate)
        {
            if (TryFree())
            {
                return;
            }
        }

        // Keeps the turn. Off this thread, so that a delivery is not slowed by those who lag.
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Under the lock: gives the turn back if nothing was left for later.</summary>
    private bool TryFree()
    {
        if (_replies is not null || _roomsChanged || _lagging is { Count: > 0 })
        {
            return false;
        }

        if (_closed is null)
        {
            _turn = Turn.Free;
        }
        else if (_saidGoodBye)
        {
            // The turn is kept: nothing may follow.
            _closed.TrySetResult();
        }
        else
        {
            return false;
        }

        return true;
    }

    private async Task EndTurnSlow(ValueTask<FlushResult> write, Observed observed)
    {
        await Settle(write);
        Measure(observed);
        EndTurn();
    }

    private void Measure(Observed observed)
    {
        if (observed.KnownAt != 0)
        {
            meter.Wrote(observed.KnownAt);
        }

        foreach (Activity span in observed.Watched ?? [])
        {
            Spans.End(span);
        }
    }

    /// <summary>Under the lock: what was gathered, to be written now. It counts as delivered, and of every eighth write it is told how long the events took.</summary>
    private Gathered TakeFrames()
    {
        long knownAt = _knownAt;
        if (_frameEvents > 0)
        {
            meter.Delivered(_frameEvents);
            if ((_writes++ & 7) != 0)
            {
                knownAt = 0;
            }
        }

        Gathered taken = new(_frames, _frameBytes, new Observed(knownAt, _watched));
        (_frames, _frameBytes, _frameEvents, _knownAt, _watched) = (null, 0, 0, 0, null);
        return taken;
    }

    /// <summary>Has the turn: what was left for later, one message at a time, waiting for the buffer in between.</summary>
    private async Task CatchUp()
    {
        while (true)
        {
            ArrayBufferWriter<byte>? replies;
            lock (_gate)
            {
                replies = TakeReplies();
                if (_roomsChanged)
                {
                    _roomsChanged = false;
                    Gather(SignalFrames.Rooms);
                }
            }

            ReadLagging();
            Gathered gathered;
            lock (_gate)
            {
                gathered = TakeFrames();
                if (replies is null && gathered.Frames is null)
                {
                    if (TryFree())
                    {
                        return;
                    }

                    if (_closeCode == 0)
                    {
                        continue;
                    }
                }
            }

            await Settle(Write(replies, gathered.Frames, gathered.Bytes));
        }
    }

    /// <summary>Has the turn: gathers from the lagging rooms' tails, each from its cursor on, as much as goes into one message.</summary>
    private void ReadLagging()
    {
        while (true)
        {
            RoomSubscription? subscription;
            lock (_gate)
            {
                if (_frameBytes >= GatherBytesMax || _ended || _lagging is null || !_lagging.TryDequeue(out subscription))
                {
                    return;
                }

                subscription.IsQueued = false;
            }

            ReadOn(subscription);
        }
    }

    private void ReadOn(RoomSubscription subscription)
    {
        RoomFeed feed = subscription.Feed;
        FeedReadStatus status = feed.ReadAfter(subscription.Epoch, subscription.Cursor, subscription.Until, out FeedFrame? frame);
        switch (status)
        {
            case FeedReadStatus.Frame:
                lock (_gate)
                {
                    subscription.Cursor = frame!.To;
                    _frameEvents += frame.Count;
                    Gather(frame.Bytes);

                    // There may be more; other rooms have their turn first.
                    Enqueue(subscription);
                }

                break;

            case FeedReadStatus.Gap:
                Unsubscribe(subscription);
                meter.ToldGap();
                lock (_gate)
                {
                    Gather(HubFrames.Gap(feed.Room, feed.Epoch, feed.Head));
                }

                break;

            case FeedReadStatus.UpToDate when subscription.Cursor >= subscription.Until:
                // The membership has ended, and its end was the last thing to be seen.
                Unsubscribe(subscription);
                break;

            default:
                break;
        }
    }

    /// <summary>Waits for the other side. Failing is the end of the connection, which its reading side sees too.</summary>
    private async ValueTask Settle(ValueTask<FlushResult> write)
    {
        if (!write.IsCompleted)
        {
            Volatile.Write(ref _writingSince, time.GetTimestamp());
        }

        try
        {
            await write;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            Abort(ConnectionEnd.Broken);
        }

        Volatile.Write(ref _writingSince, 0);
    }

    /// <summary>What a write is watched for.</summary>
    /// <param name="KnownAt">Of the events that are written, if it is to be measured how long they took; 0: nothing is.</param>
    /// <param name="Watched">Spans that end with it.</param>
    private readonly record struct Observed(long KnownAt, Activity[]? Watched);

    private readonly record struct Gathered(List<ReadOnlyMemory<byte>>? Frames, int Bytes, Observed Observed);
}
