using System.Diagnostics;
using Monstera.Bench.Measure;

namespace Monstera.Bench.Load;

/// <summary>
/// The load generator: all clients of a run on one thread. It reads what comes, checks it, counts it, and sends what is due, without a queue or an allocation for
/// each message, so that the server and not the generator is what is measured. Not safe for threads.
/// </summary>
internal sealed partial class LoadLoop : IDesk, IRecordSink, IDisposable
{
    private const int ReceiveBytes = 131_072;
    private static readonly long TicksPerMs = Stopwatch.Frequency / 1000;

    private readonly IDialect _dialect;
    private readonly IReadOnlyList<int> _ports;
    private readonly IReadOnlyList<Connection> _connections;
    private readonly Poller _poller = new();
    private readonly byte[] _receiveBuffer = new byte[ReceiveBytes];
    private readonly Housekeeping _pings;
    private readonly SlowReading _slowReading;
    private int _lastAnswers;
    private int _connectNext;
    private int _connectingCount;
    private int _connectingMax;

    public LoadLoop(IDialect dialect, int port, IReadOnlyList<Connection> connections, MessageBook book)
        : this(dialect, [port], connections, book)
    {
    }

    /// <param name="ports">Connections go to them in turn.</param>
    public LoadLoop(IDialect dialect, IReadOnlyList<int> ports, IReadOnlyList<Connection> connections, MessageBook book)
    {
        _dialect = dialect;
        _ports = ports;
        _connections = connections;
        Book = book;
        _pings = new Housekeeping(Stopwatch.Frequency / 10);
        _slowReading = new SlowReading([.. connections.Where(connection => connection.IsSlow)]);
    }

    public MessageBook Book { get; }

    public FrameWriter Writer { get; } = new();

    /// <summary>Messages at members, since the beginning.</summary>
    public long Deliveries { get; private set; }

    public int LiveCount { get; private set; }

    /// <summary>From sending to each delivery, of the messages of the window.</summary>
    public LatencyHistogram Latency { get; } = new();

    /// <summary>From sending to the last member, of the messages of the window.</summary>
    public LatencyHistogram LatencyOfLast { get; } = new();

    /// <summary>From the beginning of a connection to its subscription.</summary>
    public LatencyHistogram ConnectLatency { get; } = new();

    /// <summary>Messages that were sent from here to <see cref="WindowEnd"/> are measured, whenever they arrive: a server that stalls cannot hide it.</summary>
    public long WindowStart { get; private set; } = long.MaxValue;

    public long WindowEnd { get; private set; } = long.MaxValue;

    /// <summary>Senders keep their windows full.</summary>
    public bool IsSending { get; set; }

    /// <summary>Messages at fixed times, whatever the server does.</summary>
    public Pace? Pace { get; set; }

    public void OpenWindow() => OpenWindow(Stopwatch.GetTimestamp());

    public void OpenWindow(long at)
    {
        Latency.Clear();
        LatencyOfLast.Clear();
        WindowStart = at;
    }

    public void CloseWindow() => WindowEnd = Stopwatch.GetTimestamp();

    /// <summary>Connects all, at most <paramref name="atOnce"/> being under way at any time, until each is subscribed.</summary>
    public TimeSpan ConnectAll(int atOnce, TimeSpan within)
    {
        long began = Stopwatch.GetTimestamp();
        _connectNext = 0;
        _connectingMax = atOnce;
        ConnectMore();
        RunUntil(() => LiveCount == _connections.Count, within, () => $"{LiveCount} of {_connections.Count} clients are connected");
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>All senders fill their windows.</summary>
    public void StartSending()
    {
        IsSending = true;
        foreach (Connection connection in _connections)
        {
            if (connection.Window > 0)
            {
                FillWindow(connection, Stopwatch.GetTimestamp());
                Flush(connection);
            }
        }
    }

    /// <summary>
    /// 1. stops sending and waits until everything has arrived everywhere; 2. asks every connection once more, so that what comes twice is seen after the last message too;
    /// 3. checks what can only be checked at the end.
    /// </summary>
    /// <param name="within">For each of 1 and 2.</param>
    public void Drain(TimeSpan within)
    {
        // 1.
        IsSending = false;
        Pace = null;
        _slowReading.End(this);
        RunUntil(
            () => _dialect.IsComplete(Book),
            within,
            () => $"of {Book.Count} messages {Book.CompleteCount} are complete and {Book.AckCount} acknowledged");

        // 2.
        int asked = AskLast();
        RunUntil(() => _lastAnswers == asked, within, () => $"{_lastAnswers} of {asked} clients have the answer to their last call");

        // 3.
        _dialect.CheckEnd(Book, _connections);
    }

    public void RunFor(TimeSpan time)
    {
        long until = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        while (Stopwatch.GetTimestamp() < until)
        {
            Step(until);
        }
    }

    public void RunUntil(Func<bool> done, TimeSpan within, Func<string> describe)
    {
        long until = Stopwatch.GetTimestamp() + (long)(within.TotalSeconds * Stopwatch.Frequency);
        while (!done())
        {
            if (Stopwatch.GetTimestamp() > until)
            {
                throw new BenchFailedException($"after {within.TotalSeconds:0} s {describe()}");
            }

            Step(until);
        }
    }

    public Room RoomOf(int connection) => _connections[connection].Room;

    public int SeatOf(int connection) => _connections[connection].Seat;

    void IRecordSink.OnRecord(Connection connection, ReadOnlySpan<byte> record, long now) => _dialect.Read(connection, record, now, this);

    public void Deliver(Connection connection, int number, long now)
    {
        if (connection.IsSlow && !_dialect.CanResume)
        {
            return;
        }

        ref Message message = ref Book[number];
        bool isMeasured = message.SentAt >= WindowStart && message.SentAt < WindowEnd;
        if (isMeasured && !connection.IsSlow)
        {
            Latency.Record(now - message.SentAt);
        }

        if (message.Sender == connection.Index)
        {
            connection.InFlight--;
        }

        Deliveries++;
        if (Book.See(number) && isMeasured)
        {
            LatencyOfLast.Record(now - message.SentAt);
        }
    }

    public void AnswerLast() => _lastAnswers++;

    public void GoLive(Connection connection, long now)
    {
        connection.State = ConnectionState.Live;
        if (connection.IsSlow)
        {
            _slowReading.Hold(this, connection);
        }

        if (connection.ConnectBeganAt == 0)
        {
            return;
        }

        ConnectLatency.Record(now - connection.ConnectBeganAt);
        connection.ConnectBeganAt = 0;
        LiveCount++;
        _connectingCount--;
    }

    public void Dispose()
    {
        foreach (Connection connection in _connections)
        {
            if (connection.Fd >= 0)
            {
                _ = Libc.Close(connection.Fd);
                connection.Fd = -1;
            }
        }

        _poller.Dispose();
    }

    /// <summary>One round: 1. send what is due; 2. wait for something to read, but not beyond what is due next; 3. read it.</summary>
    private void Step(long until)
    {
        // 1.
        long now = Stopwatch.GetTimestamp();
        long next = until;
        if (Pace is { } pace)
        {
            SendDue(pace, now);
            next = Math.Min(next, pace.NextAt);
        }

        next = Math.Min(next, _slowReading.ReadDue(this, now));
        next = Math.Min(next, PingDue(now));

        // 2. Whole milliseconds; the rest is spent looking, because a timer would come late.
        int timeoutMs = (int)Math.Clamp((next - Stopwatch.GetTimestamp()) / TicksPerMs, 0, 1_000);
        int count = _poller.Wait(timeoutMs);

        // 3.
        for (int i = 0; i < count; i++)
        {
            (long key, uint ready) = _poller.Event(i);
            Handle(_connections[(int)key], ready);
        }

        if (_connectingMax > 0)
        {
            ConnectMore();
        }
    }

    private int AskLast()
    {
        _lastAnswers = 0;
        int asked = 0;
        foreach (Connection connection in _connections)
        {
            // A slow reader of a server that does not make up for anything has been given up.
            if (connection.State == ConnectionState.Live && (!connection.IsSlow || _dialect.CanResume))
            {
                _dialect.AskLast(connection, Writer);
                Flush(connection);
                asked++;
            }
        }

        return asked;
    }

    private void SendDue(Pace pace, long now)
    {
        while (pace.NextAt <= now)
        {
            Connection sender = pace.Take(out long dueAt);
            SendMessage(sender, dueAt);
            Flush(sender);
        }
    }

    private void FillWindow(Connection connection, long now)
    {
        while (connection.InFlight < connection.Window)
        {
            SendMessage(connection, now);
        }
    }

    private void SendMessage(Connection connection, long sentAt)
    {
        int members = connection.Room.MemberCount - (_dialect.CanResume ? 0 : _slowReading.CountIn(connection.Room));
        int number = Book.Add(connection.Index, ++connection.Sent, members, sentAt);
        connection.InFlight++;
        _dialect.WriteMessage(connection, number, Writer);
    }

    private long PingDue(long now)
    {
        if (!_pings.IsDue(now))
        {
            return _pings.NextAt;
        }

        // Everybody once in 10 s: the server gives up after 30.
        foreach (Connection connection in _pings.Take(_connections, share: 100))
        {
            if (connection.State == ConnectionState.Live)
            {
                Writer.BeginFrame();
                Writer.Append(Records.Ping);
                Writer.EndRecord();
                Flush(connection);
            }
        }

        return _pings.NextAt;
    }
}
