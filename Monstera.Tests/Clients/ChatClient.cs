using System.Collections.Concurrent;
using System.Text.Json;

namespace Monstera.Tests.Clients;

/// <summary>
/// A client that keeps the rules of docs/protocol.md section 9: a cursor for each room, an outbox that is sent again in order with the same client ids, and reconnecting. It records
/// everything that it saw, and whatever the server did against the protocol.
/// </summary>
public sealed class ChatClient(Func<Uri> server, Func<string> token, HubSocketOptions? options = null) : IAsyncDisposable
{
    private const int ResumeRoomsMax = 100;

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, RoomLog> _rooms = [];
    private readonly LinkedList<OutboxItem> _outbox = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private Link? _link;

    public Signal Changed { get; } = new();

    /// <summary>What must not have happened.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    public ConcurrentQueue<JsonElement> Signals { get; } = new();

    public string? SignedOut { get; private set; }

    public Guid User { get; private set; }

    public Guid Tenant { get; private set; }

    public int Connections { get; private set; }

    /// <summary>How often a node asked it to connect anew.</summary>
    public int Moves { get; private set; }

    /// <summary>What the node that it is connected to is called.</summary>
    public string? Node { get; private set; }

    /// <summary>The open connection, for calls beside the outbox.</summary>
    public HubSocket Hub => _link?.Hub ?? throw new ConnectionLostException("not connected");

    public int Unacknowledged
    {
        get
        {
            lock (_gate)
            {
                return _outbox.Count;
            }
        }
    }

    /// <summary>Connects, and from now on reconnects whenever the connection is lost.</summary>
    public async Task Start()
    {
        _running = Task.Run(Run);
        await Changed.Until(() => _link is not null, "the client to connect");
    }

    /// <summary>Keeps the room's log from <paramref name="from"/> on.</summary>
    public RoomLog Follow(Guid room, long from = 0)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room, out RoomLog? log))
            {
                _rooms.Add(room, log = new RoomLog(room, from));
            }

            Resume();
            return log;
        }
    }

    public Task Reach(RoomLog log, long seq, TimeSpan? patience = null) =>
        Changed.Until(() => log.Last >= seq, $"seq {seq} of {log.Room} (is at {log.Last})", patience);

    public Task<JsonElement> Send(Guid room, string text) => Write("Send", room, ("text", text));

    /// <summary>Through the outbox: the task ends with the answer, on whichever connection it comes.</summary>
    public Task<JsonElement> Write(string method, Guid room, params (string Name, object Value)[] fields)
    {
        Dictionary<string, object> argument = new(StringComparer.Ordinal) { ["room"] = room, ["clientId"] = Guid.NewGuid() };
        foreach ((string name, object value) in fields)
        {
            argument[name] = value;
        }

        OutboxItem item = new(method, argument);
        lock (_gate)
        {
            _outbox.AddLast(item);
            if (_link is { } link)
            {
                Deliver(link, item);
            }
        }

        return item.Done.Task;
    }

    /// <summary>All that was sent is acknowledged or refused for good.</summary>
    public Task Settled(TimeSpan? patience = null) => Changed.Until(() => Unacknowledged == 0, "the outbox to empty", patience);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task Run()
    {
        int failures = 0;
        while (!_stop.IsCancellationRequested && SignedOut is null)
        {
            try
            {
                await using HubSocket hub = await HubSocket.Connect(server(), token(), (options ?? new HubSocketOptions()) with { Received = Take });
                await Begin(hub);
                failures = 0;
                await hub.Closed.WaitAsync(_stop.Token);
                foreach (string stray in hub.Strays)
                {
                    Faults.Enqueue($"an answer too many: {stray}");
                }
            }
            catch (Exception e) when (e is not (ArgumentException or NullReferenceException))
            {
                failures++;
            }
            finally
            {
                End();
            }

            if (!_stop.IsCancellationRequested)
            {
                TimeSpan wait = TimeSpan.FromMilliseconds(Random.Shared.Next(10, 50 * Math.Min(failures + 1, 6)));
                await Task.Delay(wait, TimeProvider.System, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task Begin(HubSocket hub)
    {
        JsonElement hello = await hub.Hello();
        User = hello.GetProperty("user").GetProperty("id").GetGuid();
        Tenant = hello.GetProperty("tenant").GetProperty("id").GetGuid();
        Node = hello.GetProperty("server").GetProperty("node").GetString();
        lock (_gate)
        {
            Connections++;
            Link link = new(hub);
            _link = link;
            foreach (OutboxItem item in _outbox)
            {
                Deliver(link, item);
            }

            Resume();
        }

        Changed.Pulse();
    }

    private void End()
    {
        lock (_gate)
        {
            _link = null;
            foreach (RoomLog log in _rooms.Values)
            {
                log.Disconnect();
            }
        }

        Changed.Pulse();
    }

    /// <summary>Under the lock, so that calls leave in the order of the outbox.</summary>
    private void Deliver(Link link, OutboxItem item) => _ = Settle(link, item, link.Hub.Start(item.Method, item.Argument));

    private async Task Settle(Link link, OutboxItem item, Task<JsonElement> call)
    {
        try
        {
            JsonElement answer = await call;
            while (answer.Code() is not null && answer.RetryAfterMs() is { } ms)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(ms + Random.Shared.Next(20)), TimeProvider.System, _stop.Token);
                answer = await link.Hub.Start(item.Method, item.Argument);
            }

            lock (_gate)
            {
                _outbox.Remove(item);
            }

            item.Done.TrySetResult(answer);
            Changed.Pulse();
        }
        catch (Exception e) when (e is ConnectionLostException or OperationCanceledException)
        {
            // It stays in the outbox: the next connection sends it again.
        }
        catch (Exception e)
        {
            Faults.Enqueue(e.Message);
        }
    }

    /// <summary>Under the lock: asks for the rooms that need it, one call at a time.</summary>
    private void Resume()
    {
        if (_link is not { Resuming: false } link)
        {
            return;
        }

        RoomLog[] wanted = [.. _rooms.Values.Where(log => log.Wanted).Take(ResumeRoomsMax)];
        if (wanted.Length == 0)
        {
            return;
        }

        link.Resuming = true;
        foreach (RoomLog log in wanted)
        {
            log.BeginResume();
        }

        object[] cursors = [.. wanted.Select(Cursor)];
        _ = FinishResume(link, wanted, link.Hub.Start("Resume", new { rooms = cursors }));
    }

    private static object Cursor(RoomLog log) =>
        log.Epoch is { } epoch ? new { room = log.Room, epoch, seq = log.Last } : new { room = log.Room, seq = log.Last };

    private async Task FinishResume(Link link, RoomLog[] asked, Task<JsonElement> call)
    {
        try
        {
            JsonElement answer = await call;
            while (answer.Code() is not null && answer.RetryAfterMs() is { } ms)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(ms), TimeProvider.System, _stop.Token);
                answer = await link.Hub.Start("Resume", new { rooms = asked.Select(Cursor).ToArray() });
            }

            JsonElement[] rooms = [.. answer.GetProperty("rooms").EnumerateArray()];
            int pause = rooms.Max(room => room.Code() is null ? 0 : room.RetryAfterMs() ?? 0);
            lock (_gate)
            {
                if (_link != link)
                {
                    return;
                }

                Assert.Equal(asked.Select(log => log.Room), rooms.Select(room => room.GetProperty("room").GetGuid()));
                for (int i = 0; i < asked.Length; i++)
                {
                    asked[i].TakeAnswer(rooms[i]);
                }

                link.Resuming = pause > 0;
                Resume();
            }

            if (pause > 0)
            {
                // Some rooms cannot be read now.
                await Task.Delay(TimeSpan.FromMilliseconds(pause), TimeProvider.System, _stop.Token);
                lock (_gate)
                {
                    link.Resuming = false;
                    Resume();
                }
            }
        }
        catch (Exception e) when (e is ConnectionLostException or OperationCanceledException)
        {
            return;
        }
        catch (Exception e)
        {
            Faults.Enqueue(e.ToString());
        }

        Changed.Pulse();
    }

    private void Take(string target, JsonElement argument)
    {
        switch (target)
        {
            case "Events":
                TakeEvents(argument);
                break;
            case "Signals":
                foreach (JsonElement signal in argument.GetProperty("signals").EnumerateArray())
                {
                    Signals.Enqueue(signal);
                }

                break;
            case "Reconnect":
                Moves++;
                _ = LeaveAfter(_link, argument.GetProperty("afterMs").GetInt32());
                break;
            case "SignedOut":
                SignedOut = argument.GetProperty("reason").GetString();
                break;
            default:
                // Unknown messages are ignored.
                break;
        }

        Changed.Pulse();
    }

    /// <summary>The node goes out of service: after the time that it named the next connection is made, and what is in doubt is sent again there.</summary>
    private async Task LeaveAfter(Link? link, int afterMs)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(afterMs), TimeProvider.System, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        link?.Hub.Cut();
    }

    private void TakeEvents(JsonElement message)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(message.GetProperty("room").GetGuid(), out RoomLog? log))
            {
                Faults.Enqueue("events of a room that was never asked for");
                return;
            }

            try
            {
                log.TakeEvents(message);
            }
            catch (Exception e)
            {
                Faults.Enqueue(e.Message);
            }

            Resume();
        }
    }

    private sealed class Link(HubSocket hub)
    {
        public HubSocket Hub { get; } = hub;

        public bool Resuming { get; set; }
    }

    private sealed record OutboxItem(string Method, Dictionary<string, object> Argument)
    {
        public TaskCompletionSource<JsonElement> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
