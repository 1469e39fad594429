using System.Buffers;
using System.Diagnostics;
using Monstera.Data.Rooms;
using Monstera.Server.Delivery;
using Monstera.Server.Feeds;
using Monstera.Server.Realtime.Hub;

namespace Monstera.Server.Realtime;

// What is for the connection is gathered here. The turn goes Free → Gathering → Writing → Free.
public sealed partial class ChatConnection
{
    /// <summary>Shared frames beyond this are not gathered: the room lags until this write is done. One larger frame is still a write.</summary>
    private const int GatherBytesMax = 65_536;

    /// <summary>While more bytes of answers than this wait to be sent, the connection's calls are not read. What is in flight by then may still add to them.</summary>
    private const int UnsentAnswerBytesMax = 65_536;

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
    private bool _isHeld;
    private bool _roomsChanged;
    private long _writingSince;
    private long _wroteAt = time.GetTimestamp();
    private ArrayBufferWriter<byte>? _replies;
    private List<ReadOnlyMemory<byte>>? _frames;
    private int _frameBytes;
    private int _frameEvents;
    private long _knownAt;
    private Activity[]? _watched;
    private byte _writes;
    private ushort _closeCode;
    private bool _saidGoodBye;
    private TaskCompletionSource? _closed;
    private TaskCompletionSource? _answersTaken;
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
                _knownAt = _knownAt == 0 ? frame.KnownAt : _knownAt;
                _frameEvents += frame.Count;
                _watched = frame.Trace is { } trace ? trace.Watch(_watched) : _watched;
                Gather(frame.Bytes);
            }

            mine = TryBegin(Turn.Gathering);
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
            mine = TryBegin(Turn.Gathering);
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
            mine = TryBegin(Turn.Gathering);
        }

        FlushIf(mine, flush);
    }

    /// <summary>From now until <see cref="Release"/> everything is gathered, so that calls that came together are answered together. Only the reading side calls these two.</summary>
    internal void Hold()
    {
        lock (_gate)
        {
            _isHeld = TryBegin(Turn.Gathering);
        }
    }

    /// <summary>Sends what was gathered since <see cref="Hold"/>; without one, nothing happens.</summary>
    internal void Release()
    {
        if (_isHeld)
        {
            _isHeld = false;
            Flush();
        }
    }

    /// <summary>Ends at once unless many answers wait for the other side to read: then when they are on their way.</summary>
    internal ValueTask AnswersTaken()
    {
        lock (_gate)
        {
            return _replies is null || _replies.WrittenCount < UnsentAnswerBytesMax
                ? ValueTask.CompletedTask
                : new ValueTask((_answersTaken ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task);
        }
    }

    /// <summary>Sends a frame after whatever is on its way.</summary>
    internal void Send(ReadOnlySpan<byte> frame)
    {
        bool mine;
        lock (_gate)
        {
            (_replies ??= new ArrayBufferWriter<byte>(256)).Write(frame);
            mine = TryBegin(Turn.Gathering);
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
            mine = TryBegin(Turn.Writing);
        }

        CatchUpIf(mine);
    }

    /// <summary>Sends a signal if the connection is free; otherwise it is lost, as signals may be.</summary>
    /// <returns>Whether it was sent.</returns>
    public bool TrySignal(ReadOnlyMemory<byte> signal)
    {
        lock (_gate)
        {
            if (_ended || _turn == Turn.Writing)
            {
                return false;
            }

            _turn = Turn.Gathering;
            Gather(signal);
        }

        Flush();
        return true;
    }

    /// <summary>Tells that the list of rooms changed; once, however often it did, and not lost when the connection is busy.</summary>
    public void SignalRooms()
    {
        bool mine;
        lock (_gate)
        {
            _roomsChanged = true;
            mine = TryBegin(Turn.Writing);
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
            mine = TryBegin(Turn.Gathering);
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
        Finish(output.Flush(), default);
    }

    /// <summary>Under the lock: the answers, to be written now.</summary>
    private ArrayBufferWriter<byte>? TakeReplies()
    {
        ArrayBufferWriter<byte>? replies = _replies;
        _replies = null;
        _answersTaken?.TrySetResult();
        _answersTaken = null;
        return replies;
    }

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
    private bool TryBegin(Turn turn)
    {
        if (_turn != Turn.Free)
        {
            return false;
        }

        _turn = turn;
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
}
