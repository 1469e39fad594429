using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults.Suite;

/// <summary>How members behave.</summary>
/// <param name="Entrance">Where they connect.</param>
/// <param name="PauseMax">After an acknowledgement a member waits up to so long before it writes again; zero: it writes at once.</param>
/// <param name="BackoffMax">After its first twenty failures to connect in a row it waits no longer than that.</param>
internal sealed record MemberRules(Func<Uri> Entrance, TimeSpan PauseMax, TimeSpan BackoffMax, int Seed);

/// <summary>
/// A client of hundreds, which keeps the rules of docs/protocol.md section 9 and costs little: of each room it keeps a cursor and digests, of each write the seq. It writes without end, one message after
/// another into each of its rooms, and reconnects with full jitter.
/// </summary>
internal sealed partial class Member : IAsyncDisposable
{
    private const int ReadBytes = 16_384;
    private const int BackoffFailures = 20;

    /// <summary>So small that who does not read is noticed, and larger than two segments of the loopback: below that a window that was closed opens late.</summary>
    private const int ReceiveBufferBytes = 131_072;

    private static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BackoffFirst = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BackoffLate = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly MemberRules _rules;
    private readonly Tally _tally;
    private readonly string[] _keys;
    private readonly MemberRoom[] _rooms;
    private readonly Random _random;
    private readonly HubSocketOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private volatile TaskCompletionSource? _frozen;
    private HubSocket? _hub;
    private MemberRoom[]? _asked;
    private bool _joined;
    private bool _moving;
    private int _failures;
    private long _heardAt;
    private long _probeFrom;

    public Member(int index, MemberRules rules, Tally tally, IReadOnlyList<(int Room, string Key, Guid Id)> rooms)
    {
        Index = index;
        _rules = rules;
        _tally = tally;
        _keys = [.. rooms.Select(room => room.Key)];
        _rooms = [.. rooms.Select(room => new MemberRoom(index, room.Room, room.Id, tally))];
        _random = new Random(rules.Seed + index);
        _options = new HubSocketOptions
        {
            ReceiveBufferBytes = ReceiveBufferBytes,
            ReadBytes = ReadBytes,
            Patience = ConnectMax,
            Frame = Take,
            BeforeRead = _ => _frozen is { } frozen ? new ValueTask(frozen.Task) : ValueTask.CompletedTask,
        };
    }

    public int Index { get; }

    public Guid User { get; private set; }

    public IReadOnlyList<MemberRoom> Rooms => _rooms;

    /// <summary>Whether it begins new writes.</summary>
    public bool Writes { get; set; }

    /// <summary>The open connection, for calls beside the log; null: there is none.</summary>
    public HubSocket? Hub
    {
        get
        {
            lock (_gate)
            {
                return _hub;
            }
        }
    }

    /// <summary>Why the last connection went.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Live in all its rooms.</summary>
    public bool IsLive
    {
        get
        {
            lock (_gate)
            {
                return Array.TrueForAll(_rooms, room => room.Live);
            }
        }
    }

    /// <summary>Nothing that it wrote is unacknowledged.</summary>
    public bool IsSettled
    {
        get
        {
            lock (_gate)
            {
                return Array.TrueForAll(_rooms, room => !room.Pending);
            }
        }
    }

    public string Token => Tokens.Make(Name, _joined ? null : _keys, expires: TimeProvider.System.GetUtcNow().AddDays(1));

    private string Name => $"member{Index}";

    /// <summary>Connects, and from now on reconnects whenever the connection is lost.</summary>
    public void Start() => _running = Task.Run(Run);

    /// <summary>Goes for good, and leaves what it saw.</summary>
    public async Task Stop()
    {
        Thaw();
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Reads nothing more until <see cref="Thaw"/>.</summary>
    public void Freeze() => _frozen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Thaw()
    {
        _frozen?.TrySetResult();
        _frozen = null;
    }

    /// <summary>Its connection is gone without a word.</summary>
    public void Cut() => Hub?.Cut();

    /// <summary>Each room waits for a write that begins from this timestamp on.</summary>
    public void BeginProbe(long from)
    {
        lock (_gate)
        {
            _probeFrom = from;
            Array.ForEach(_rooms, room => room.BeginProbe());
        }
    }

    /// <summary>Does what is due: writes, and asks for rooms.</summary>
    public void Tick(long now)
    {
        lock (_gate)
        {
            if (_hub is not { } hub)
            {
                return;
            }

            if (_frozen is null && TimeProvider.System.GetElapsedTime(_heardAt, now) > SilenceMax)
            {
                // It may have died without a word.
                hub.Cut();
                return;
            }

            foreach (MemberRoom room in _rooms)
            {
                TryWrite(hub, room, now);
            }

            TryResume(hub, now);
        }
    }

    public MemberHistory HistoryOf(int room, ReadState? read)
    {
        lock (_gate)
        {
            MemberRoom mine = Array.Find(_rooms, one => one.Room == room)!;
            return new MemberHistory(Index, User, mine.Begun, mine.Acks, mine.Seen, read);
        }
    }

    /// <summary>For people, when it does not come back.</summary>
    public string Describe()
    {
        lock (_gate)
        {
            IEnumerable<string> rooms = _rooms.Select(room =>
                $"room {room.Room}: {(room.Live ? "live" : room.InFlight ? "asked for" : "not live")} at {room.Last}, write {room.Begun} {(room.Pending ? room.OnWire ? "sent" : "waiting" : "acknowledged")}, probe {room.ProbeSeq}");
            return $"member {Index} is {(_hub is null ? $"away ({_failures} failures, the last: {LastError})" : "connected")}; {string.Join("; ", rooms)}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _stop.Dispose();
    }

    private async Task Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using HubSocket hub = await HubSocket.Connect(_rules.Entrance(), Token, _options);
                JsonElement hello = await hub.Call("Hello", new { protocol = 1, client = "faults" });
                if (hello.Code() is { } code)
                {
                    throw new ConnectionLostException(code);
                }

                User = hello.GetProperty("user").GetProperty("id").GetGuid();
                Begin(hub);
                _failures = 0;
                LastError = await hub.Closed.WaitAsync(_stop.Token);
            }
            catch (Exception e)
            {
                LastError = $"{e.GetType().Name}: {e.Message}";
                if (!_stop.IsCancellationRequested)
                {
                    _tally.Fail();
                }

                if (e is not (WebSocketException or HttpRequestException or ConnectionLostException or TimeoutException or OperationCanceledException or IOException or SocketException))
                {
                    _tally.Break($"member {Index}: {e}");
                }
            }
            finally
            {
                End();
            }

            if (_moving)
            {
                // It was told when to go, and has waited already.
                _moving = false;
                continue;
            }

            await Pause(Backoff(++_failures));
        }
    }

    /// <summary>Full jitter: rule 6.</summary>
    private TimeSpan Backoff(int failures)
    {
        if (failures > BackoffFailures)
        {
            return BackoffLate * Chance();
        }

        TimeSpan max = BackoffFirst * Math.Pow(2, failures);
        return (max < _rules.BackoffMax ? max : _rules.BackoffMax) * Chance();
    }

    private double Chance()
    {
        lock (_gate)
        {
            return _random.NextDouble();
        }
    }

    private Task Pause(TimeSpan wait) => Task.Delay(wait, TimeProvider.System, _stop.Token).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    private void Begin(HubSocket hub)
    {
        long now = TimeProvider.System.GetTimestamp();
        _tally.Connect();
        lock (_gate)
        {
            _hub = hub;
            _heardAt = now;
            TryResume(hub, now);
            foreach (MemberRoom room in _rooms)
            {
                TryWrite(hub, room, now);
            }
        }
    }

    private void End()
    {
        lock (_gate)
        {
            _hub = null;
            _asked = null;
            Array.ForEach(_rooms, room => room.Disconnect());
        }
    }

    /// <summary>Told that the node is going away: leaves after that time and connects anew.</summary>
    private async Task Move(HubSocket hub, int afterMs)
    {
        await Pause(TimeSpan.FromMilliseconds(afterMs));
        _moving = hub.IsOpen;
        hub.Cut();
    }
}
