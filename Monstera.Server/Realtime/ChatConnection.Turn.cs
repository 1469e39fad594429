using System.Buffers;
using System.IO.Pipelines;
using Monstera.Data.Rooms;
using Monstera.Server.Delivery;
using Monstera.Server.Feeds;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

// How what is for a connection gets onto it. The turn goes Free → Gathering → Writing → Free.
public sealed partial class ChatConnection : IThreadPoolWorkItem, IFlushTarget
{
    /// <summary>Shared frames beyond this are not gathered: the room lags until this write is done. One larger frame is still a write.</summary>
    private const int GatherBytesMax = 65_536;

    private enum Turn : byte
    {
        /// <summary>Nothing to send.</summary>
        Free,

        /// <summary>Something is gathered, and somebody is going to call <see cref="Flush"/>.</summary>
        Gathering,

        /// <summary>A write is on its way.</summary>
        Writing,
    }

    private Turn _turn;
    private bool _roomsChanged;
    private long _writingSince;
    private long _wroteAt = time.GetTimestamp();
    private ArrayBufferWriter<byte>? _replies;
    private List<ReadOnlyMemory<byte>>? _frames;
    private int _frameBytes;
    private ushort _closeCode;
    private bool _saidGoodBye;
    private TaskCompletionSource? _closed;
    private Queue<RoomSubscription>? _lagging;

    /// <summary>How long the present write has been waiting for the other side; zero when none waits.</summary>
    public TimeSpan WritingFor => Volatile.Read(ref _writingSince) is var since and not 0 ? time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>How long nothing was sent.</summary>
    public TimeSpan SilentFor => time.GetElapsedTime(Volatile.Read(ref _wroteAt));

    /// <summary>A pass of a room offers its frame. Neither waits nor throws.</summary>
    internal void Offer(RoomSubscription subscription, FeedFrame frame, FlushList flush)
    {
        bool mine;
        lock (_gate)
        {
            if (_ended || subscription.IsEnded || subscription.Cursor >= frame.To)
            {
                return;
            }

            // Not the very next events for this cursor, or not all of them are for these eyes: leave the shared frame, read on one's own.
            bool fits = subscription.Cursor + 1 == frame.From && subscription.Epoch == frame.Epoch && subscription.Until == long.MaxValue;
            bool room = _frameBytes == 0 || _frameBytes + frame.Bytes.Length <= GatherBytesMax;
            if (_turn == Turn.Writing || !fits || !room)
            {
                Enqueue(subscription);
            }
            else
            {
                subscription.Cursor = frame.To;
                Gather(frame.Bytes);
            }

            mine = TryBeginGathering();
        }

        FlushIf(mine, flush);
    }

    /// <summary>The answer to a write.</summary>
    /// <param name="flush">The delivery that it goes with; null: at once.</param>
    internal void Acknowledge(ReadOnlySpan<byte> invocationId, AppendOutcome outcome, FlushList? flush)
    {
        bool mine;
        lock (_gate)
        {
            HubReplies.WriteAck(_replies ??= new ArrayBufferWriter<byte>(256), invocationId, outcome);
            mine = TryBeginGathering();
        }

        FlushIf(mine, flush);
    }

    /// <summary>Any other answer.</summary>
    internal void Reply(ReadOnlySpan<byte> invocationId, object result, FlushList? flush = null)
    {
        bool mine;
        lock (_gate)
        {
            HubReplies.WriteResult(_replies ??= new ArrayBufferWriter<byte>(256), invocationId, result);
            mine = TryBeginGathering();
        }

        FlushIf(mine, flush);
    }

    /// <summary>Sends a frame after whatever is on its way.</summary>
    internal void Send(ReadOnlySpan<byte> frame)
    {
        bool mine;
        lock (_gate)
        {
            (_replies ??= new ArrayBufferWriter<byte>(256)).Write(frame);
            mine = TryBeginGathering();
        }

        FlushIf(mine, flush: null);
    }

    internal void Wake(RoomSubscription subscription)
    {
        bool mine;
        lock (_gate)
        {
            if (_ended || subscription.IsEnded)
            {
                return;
            }

            Enqueue(subscription);
            mine = TryBeginGathering();
        }

        CatchUpIf(mine);
    }

    /// <summary>Sends a signal if the connection is free; otherwise it is lost, as signals may be.</summary>
    public void TrySignal(ReadOnlyMemory<byte> signal)
    {
        lock (_gate)
        {
            if (_ended || _turn == Turn.Writing)
            {
                return;
            }

            _turn = Turn.Gathering;
            Gather(signal);
        }

        Flush();
    }

    /// <summary>Tells that the list of rooms changed; once, however often it did, and not lost when the connection is busy.</summary>
    public void SignalRooms()
    {
        bool mine;
        lock (_gate)
        {
            _roomsChanged = true;
            mine = TryBeginGathering();
        }

        CatchUpIf(mine);
    }

    /// <summary>Takes nothing more, sends what was gathered and the WebSocket's good-bye, and waits for that.</summary>
    internal Task Close(ushort code)
    {
        End(last: default);
        bool mine;
        lock (_gate)
        {
            _closeCode = code;
            _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            mine = TryBeginGathering();
        }

        FlushIf(mine, flush: null);
        return _closed.Task;
    }

    /// <summary>Answers a WebSocket ping, unless something else is being sent, which is sign of life enough.</summary>
    internal void TryPong(ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (_turn != Turn.Free)
            {
                return;
            }

            _turn = Turn.Writing;
        }

        output.Pong(payload);
        Finish(output.Flush());
    }

    /// <summary>Writes what was gathered. Neither waits nor throws.</summary>
    public void Flush()
    {
        ArrayBufferWriter<byte>? replies;
        List<ReadOnlyMemory<byte>>? frames;
        int frameBytes;
        lock (_gate)
        {
            if (_turn != Turn.Gathering)
            {
                return;
            }

            _turn = Turn.Writing;
            (replies, _replies) = (_replies, null);
            (frames, _frames) = (_frames, null);
            (frameBytes, _frameBytes) = (_frameBytes, 0);
        }

        if (replies is null && frames is null && _closeCode == 0)
        {
            // Only rooms that lag.
            EndTurn();
            return;
        }

        Finish(Write(replies, frames, frameBytes));
    }

    void IThreadPoolWorkItem.Execute() => _ = CatchUp();

    /// <summary>Under the lock.</summary>
    private void Gather(ReadOnlyMemory<byte> frame)
    {
        (_frames ??= new List<ReadOnlyMemory<byte>>(1)).Add(frame);
        _frameBytes += frame.Length;
    }

    /// <summary>Whoever was the first to gather something sees that it is flushed.</summary>
    private void FlushIf(bool mine, FlushList? flush)
    {
        if (!mine)
        {
            return;
        }

        if (flush is null)
        {
            Flush();
        }
        else
        {
            flush.Add(this);
        }
    }

    /// <summary>The same for who has nothing to write yet, off this thread, which may hold a feed's lock.</summary>
    private void CatchUpIf(bool mine)
    {
        if (mine)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Under the lock.</summary>
    private bool TryBeginGathering()
    {
        if (_turn != Turn.Free)
        {
            return false;
        }

        _turn = Turn.Gathering;
        return true;
    }

    /// <summary>Under the lock: the room is read on its own when the connection is free.</summary>
    private void Enqueue(RoomSubscription subscription)
    {
        if (!subscription.IsQueued && !subscription.IsEnded)
        {
            subscription.IsQueued = true;
            (_lagging ??= new Queue<RoomSubscription>()).Enqueue(subscription);
        }
    }

    /// <summary>Has the turn: one message of everything, answers first.</summary>
    private ValueTask<FlushResult> Write(ArrayBufferWriter<byte>? replies, List<ReadOnlyMemory<byte>>? frames, int frameBytes)
    {
        int bytes = (replies?.WrittenCount ?? 0) + frameBytes;
        long now = time.GetTimestamp();
        Volatile.Write(ref _writingSince, now);
        Volatile.Write(ref _wroteAt, now);
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

    private void Finish(ValueTask<FlushResult> write)
    {
        if (write.IsCompletedSuccessfully)
        {
            Volatile.Write(ref _writingSince, 0);
            EndTurn();
        }
        else
        {
            _ = EndTurnSlow(write);
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

    private async Task EndTurnSlow(ValueTask<FlushResult> write)
    {
        await Settle(write);
        EndTurn();
    }

    /// <summary>Has the turn: what was left for later, one message at a time, waiting for the buffer in between.</summary>
    private async Task CatchUp()
    {
        while (true)
        {
            ArrayBufferWriter<byte>? replies;
            lock (_gate)
            {
                _turn = Turn.Writing;
                (replies, _replies) = (_replies, null);
                if (_roomsChanged)
                {
                    _roomsChanged = false;
                    Gather(SignalFrames.Rooms);
                }
            }

            ReadLagging();
            List<ReadOnlyMemory<byte>>? frames;
            int frameBytes;
            lock (_gate)
            {
                (frames, _frames) = (_frames, null);
                (frameBytes, _frameBytes) = (_frameBytes, 0);
                if (replies is null && frames is null)
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

            await Settle(Write(replies, frames, frameBytes));
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
                    Gather(frame.Bytes);

                    // There may be more; other rooms have their turn first.
                    Enqueue(subscription);
                }

                break;

            case FeedReadStatus.Gap:
                Unsubscribe(subscription);
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
        try
        {
            await write;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            Abort();
        }

        Volatile.Write(ref _writingSince, 0);
    }
}
