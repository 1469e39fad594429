using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace Monstera.Tests.Clients;

/// <summary>The connection is gone; what was called may or may not have happened.</summary>
public sealed class ConnectionLostException(string message) : Exception(message);

/// <summary>How a <see cref="HubSocket"/> behaves.</summary>
public sealed record HubSocketOptions
{
    /// <summary>Bytes that the system takes in before it makes the sender wait; 0: as it likes.</summary>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>Waited for before each read of the socket: how a slow or frozen reader is made.</summary>
    public Func<int, ValueTask>? BeforeRead { get; init; }

    /// <summary>Bytes of one read.</summary>
    public int ReadBytes { get; init; } = 65_536;

    /// <summary>Sends the protocol's opening; without it the test speaks first.</summary>
    public bool Handshake { get; init; } = true;

    public bool Pings { get; init; } = true;

    /// <summary>The hub's address. Written unusually (<c>/HUB</c>) it takes the HTTP server's ordinary way instead of the short one.</summary>
    public string Path { get; init; } = "/hub";

    /// <summary>Sent with the request that becomes the connection.</summary>
    public (string Name, string Value)? Header { get; init; }

    /// <summary>Every message of the server (target and argument), on the reading thread.</summary>
    public Action<string, JsonElement>? Received { get; init; }

    /// <summary>Every frame as it came, before anything else looks at it, on the reading thread; the bytes are not kept. True: it is dealt with.</summary>
    public Func<ReadOnlyMemory<byte>, bool>? Frame { get; init; }

    /// <summary>How long connecting and the opening may take.</summary>
    public TimeSpan Patience { get; init; } = Signal.Patience;
}

/// <summary>The SignalR JSON hub protocol over a WebSocket, written from docs/protocol.md section 5 and nothing else.</summary>
public sealed class HubSocket : IAsyncDisposable
{
    private const byte RecordSeparator = 0x1e;
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(10);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly ClientWebSocket _socket = new();
    private readonly HubSocketOptions _options;
    private readonly Channel<(ReadOnlyMemory<byte> Bytes, WebSocketMessageType Type, bool End)> _outgoing =
        Channel.CreateUnbounded<(ReadOnlyMemory<byte>, WebSocketMessageType, bool)>(new UnboundedChannelOptions { SingleReader = true });

    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonElement>> _calls = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _handshake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private ITimer? _ping;
    private Task _reading = Task.CompletedTask;
    private Task _writing = Task.CompletedTask;
    private int _lastId;
    private int _disposed;

    private HubSocket(HubSocketOptions options) => _options = options;

    /// <summary>Ends with the reason once the connection is gone.</summary>
    public Task<string> Closed => _closed.Task;

    public bool IsOpen => !_closed.Task.IsCompleted;

    /// <summary>Answers that nobody asked for, or a second answer to one call: there must be none.</summary>
    public ConcurrentQueue<string> Strays { get; } = new();

    /// <summary>Bytes that were read off the socket.</summary>
    public long BytesRead { get; private set; }

    public static async Task<HubSocket> Connect(Uri server, string? token, HubSocketOptions? options = null, string? cookie = null)
    {
        HubSocket hub = new(options ?? new HubSocketOptions());
        try
        {
            await hub.Open(server, token, cookie);
            return hub;
        }
        catch
        {
            await hub.DisposeAsync();
            throw;
        }
    }

    /// <summary>Calls and waits for the answer, be it a result or a coded error.</summary>
    public Task<JsonElement> Call(string method, object argument) => Start(method, argument).WaitAsync(Signal.Patience);

    /// <summary>Puts a call on its way; calls leave in the order of these. The task has the answer.</summary>
    public Task<JsonElement> Start(string method, params object[] arguments)
    {
        string id = NextId();
        Task<JsonElement> answer = Expect(id);
        SendFrame(JsonSerializer.Serialize(new { type = 1, invocationId = id, target = method, arguments }, Json));
        return answer;
    }

    public string NextId() => Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);

    /// <summary>The answer to a call that the test writes by itself.</summary>
    public Task<JsonElement> Expect(string invocationId)
    {
        TaskCompletionSource<JsonElement> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[invocationId] = answer;
        if (_closed.Task.IsCompleted)
        {
            answer.TrySetException(new ConnectionLostException(_closed.Task.Result));
        }

        return answer.Task;
    }

    /// <summary>Sends one frame with its separator.</summary>
    public void SendFrame(string json) => SendRaw(Encoding.UTF8.GetBytes(json + (char)RecordSeparator));

    public void SendRaw(ReadOnlyMemory<byte> bytes, WebSocketMessageType type = WebSocketMessageType.Text, bool endOfMessage = true) =>
        _outgoing.Writer.TryWrite((bytes, type, endOfMessage));

    /// <summary>Cuts the connection without a word.</summary>
    public void Cut()
    {
        _socket.Abort();
        Lost("cut by the client");
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        _ping?.Dispose();
        _outgoing.Writer.TryComplete();
        _socket.Abort();
        await _stop.CancelAsync();
        Lost("disposed");
        await Task.WhenAll(_reading, _writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task Open(Uri server, string? token, string? cookie)
    {
        UriBuilder uri = new(server) { Scheme = server.Scheme == "https" ? "wss" : "ws", Path = _options.Path };
        if (token is not null)
        {
            uri.Query = "access_token=" + Uri.EscapeDataString(token);
        }

        if (_options.Header is { } header)
        {
            _socket.Options.SetRequestHeader(header.Name, header.Value);
        }

        if (cookie is not null)
        {
            _socket.Options.SetRequestHeader("Cookie", cookie);
            _socket.Options.SetRequestHeader("Origin", server.GetLeftPart(UriPartial.Authority));
        }

        // The pings are the protocol's own.
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        using SocketsHttpHandler handler = new() { ConnectCallback = Dial };
        using HttpMessageInvoker invoker = new(handler);
        using CancellationTokenSource patience = new(_options.Patience);
        await _socket.ConnectAsync(uri.Uri, invoker, patience.Token);
        _reading = Task.Run(Read);
        _writing = Task.Run(Write);
        if (_options.Handshake)
        {
            SendFrame("""{"protocol":"json","version":1}""");
            await _handshake.Task.WaitAsync(_options.Patience);
        }

        if (_options.Pings)
        {
            _ping = TimeProvider.System.CreateTimer(_ => SendFrame("""{"type":6}"""), null, PingEvery, PingEvery);
        }
    }

    private async ValueTask<Stream> Dial(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (_options.ReceiveBufferBytes > 0)
        {
            socket.ReceiveBufferSize = _options.ReceiveBufferBytes;
        }

        await socket.ConnectAsync(context.DnsEndPoint, cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private async Task Write()
    {
        try
        {
            await foreach ((ReadOnlyMemory<byte> bytes, WebSocketMessageType type, bool end) in _outgoing.Reader.ReadAllAsync(_stop.Token))
            {
                await _socket.SendAsync(bytes, type, end, _stop.Token);
            }
        }
        catch (Exception e)
        {
            // The reading side may still have something to say: it ends by itself.
            _outgoing.Writer.TryComplete(e);
        }
    }

    private async Task Read()
    {
        ArrayBufferWriter<byte> pending = new(4_096);
        try
        {
            byte[] buffer = new byte[_options.ReadBytes];
            while (true)
            {
                if (_options.BeforeRead is { } before)
                {
                    await before(buffer.Length).AsTask().WaitAsync(_stop.Token);
                }

                ValueWebSocketReceiveResult read = await _socket.ReceiveAsync(buffer.AsMemory(), _stop.Token);
                if (read.MessageType == WebSocketMessageType.Close)
                {
                    Lost($"closed by the server: {_socket.CloseStatus} {_socket.CloseStatusDescription}");
                    return;
                }

                BytesRead += read.Count;
                pending.Write(buffer.AsSpan(0, read.Count));
                TakeFrames(ref pending);
            }
        }
        catch (Exception e)
        {
            Lost($"{e.GetType().Name}: {e.Message}");
        }
    }

    private void TakeFrames(ref ArrayBufferWriter<byte> pending)
    {
        ReadOnlyMemory<byte> rest = pending.WrittenMemory;
        int end;
        while ((end = rest.Span.IndexOf(RecordSeparator)) >= 0)
        {
            if (_options.Frame?.Invoke(rest[..end]) != true)
            {
                Take(rest.Span[..end]);
            }

            rest = rest[(end + 1)..];
        }

        if (rest.IsEmpty)
        {
            pending.ResetWrittenCount();
        }
        else if (rest.Length < pending.WrittenCount)
        {
            ArrayBufferWriter<byte> kept = new(Math.Max(4_096, rest.Length * 2));
            kept.Write(rest.Span);
            pending = kept;
        }
    }

    private void Take(ReadOnlySpan<byte> json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToArray());
        JsonElement frame = document.RootElement;
        if (!frame.TryGetProperty("type", out JsonElement type))
        {
            // Only the answer to the handshake has no type.
            if (frame.TryGetProperty("error", out JsonElement refused))
            {
                Lost($"handshake refused: {refused.GetString()}");
            }

            _handshake.TrySetResult();
            return;
        }

        switch (type.GetInt32())
        {
            case 1:
                _options.Received?.Invoke(frame.GetProperty("target").GetString()!, frame.GetProperty("arguments")[0].Clone());
                break;
            case 3:
                Answer(frame);
                break;
            case 7:
                Lost("closed: " + frame.GetRawText());
                break;
            default:
                break;
        }
    }

    private void Answer(JsonElement frame)
    {
        string id = frame.GetProperty("invocationId").GetString()!;
        if (!_calls.TryRemove(id, out TaskCompletionSource<JsonElement>? call))
        {
            Strays.Enqueue(frame.GetRawText());
        }
        else if (frame.TryGetProperty("result", out JsonElement result))
        {
            call.TrySetResult(result.Clone());
        }
        else
        {
            // The protocol knows no answer without a result.
            call.TrySetException(new InvalidDataException($"An answer without a result: {frame.GetRawText()}"));
        }
    }

    private void Lost(string why)
    {
        _closed.TrySetResult(why);
        _handshake.TrySetException(new ConnectionLostException(why));
        foreach (string id in _calls.Keys)
        {
            if (_calls.TryRemove(id, out TaskCompletionSource<JsonElement>? call))
            {
                call.TrySetException(new ConnectionLostException(why));
                _ = call.Task.Exception;
            }
        }
    }
}
