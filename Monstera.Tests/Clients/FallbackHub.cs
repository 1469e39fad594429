using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Monstera.Tests.Clients;

/// <summary>How events come where WebSockets do not pass.</summary>
public enum FallbackTransport
{
    ServerSentEvents,
    LongPolling,
}

/// <summary>A message of the server as it came.</summary>
public sealed record FallbackMessage(string Target, JsonElement Argument);

/// <summary>The hub over Server-Sent Events or long polling, with cookies as a browser keeps them: what a balancer's stickiness is for.</summary>
public sealed class FallbackHub : IAsyncDisposable
{
    private const char RecordSeparator = (char)0x1e;

    private readonly CookieContainer _cookies = new();
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonElement>> _calls = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _handshake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _pending = new();
    private readonly Uri _server;
    private readonly string _token;
    private Uri? _address;
    private Task _reading = Task.CompletedTask;
    private int _lastId;

    private FallbackHub(Uri server, string token)
    {
        (_server, _token) = (server, token);
        _http = new HttpClient(new SocketsHttpHandler { CookieContainer = _cookies }) { Timeout = TimeSpan.FromSeconds(100) };
    }

    public ConcurrentQueue<FallbackMessage> Received { get; } = new();

    public Signal Changed { get; } = new();

    /// <summary>Ends with the reason once the connection is gone.</summary>
    public Task<string> Closed => _closed.Task;

    public string CookiesText => _cookies.GetCookieHeader(_server);

    public static async Task<FallbackHub> Connect(Uri server, string token, FallbackTransport transport)
    {
        FallbackHub hub = new(server, token);
        try
        {
            await hub.Open(transport);
            return hub;
        }
        catch
        {
            await hub.DisposeAsync();
            throw;
        }
    }

    /// <summary>Calls and waits for the answer.</summary>
    public async Task<JsonElement> Call(string method, object argument)
    {
        string id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        TaskCompletionSource<JsonElement> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[id] = answer;
        await Post(JsonSerializer.Serialize(new { type = 1, invocationId = id, target = method, arguments = new[] { argument } }));
        return await answer.Task.WaitAsync(Signal.Patience);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Lost("disposed");
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task Open(FallbackTransport transport)
    {
        using HttpResponseMessage response = await _http.PostAsync(new Uri(_server, $"/hub/negotiate?negotiateVersion=1&access_token={_token}"), null);
        response.EnsureSuccessStatusCode();
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        _address = new Uri(_server, $"/hub?id={answer.RootElement.GetProperty("connectionToken").GetString()}&access_token={_token}");
        if (transport == FallbackTransport.ServerSentEvents)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, _address);
            request.Headers.Accept.ParseAdd("text/event-stream");
            HttpResponseMessage stream = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            stream.EnsureSuccessStatusCode();
            _reading = Task.Run(() => Read(stream));
        }
        else
        {
            // The first poll says only that there is a connection.
            using HttpResponseMessage first = await _http.GetAsync(_address);
            first.EnsureSuccessStatusCode();
            _reading = Task.Run(Poll);
        }

        await Post("""{"protocol":"json","version":1}""");
        await _handshake.Task.WaitAsync(Signal.Patience);
    }

    private async Task Post(string frame)
    {
        using StringContent content = new(frame + RecordSeparator);
        using HttpResponseMessage response = await _http.PostAsync(_address, content);
        if (!response.IsSuccessStatusCode)
        {
            throw new ConnectionLostException($"{(int)response.StatusCode}");
        }
    }

    private async Task Read(HttpResponseMessage response)
    {
        try
        {
            using HttpResponseMessage stream = response;
            using StreamReader reader = new(await response.Content.ReadAsStreamAsync(_stop.Token));
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                if (line.StartsWith("data:", StringComparison.Ordinal))
                {
                    Take(line[5..].TrimStart());
                }
            }

            Lost("the stream has ended");
        }
        catch (Exception e)
        {
            Lost($"{e.GetType().Name}: {e.Message}");
        }
    }

    private async Task Poll()
    {
        try
        {
            while (true)
            {
                using HttpResponseMessage response = await _http.GetAsync(_address, _stop.Token);
                if (response.StatusCode != HttpStatusCode.OK)
                {
                    Lost($"{(int)response.StatusCode}");
                    return;
                }

                Take(await response.Content.ReadAsStringAsync(_stop.Token));
            }
        }
        catch (Exception e)
        {
            Lost($"{e.GetType().Name}: {e.Message}");
        }
    }

    private void Take(string text)
    {
        _pending.Append(text);
        string[] frames = _pending.ToString().Split(RecordSeparator);
        _pending.Clear().Append(frames[^1]);
        foreach (string json in frames[..^1])
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement frame = document.RootElement;
            int type = frame.TryGetProperty("type", out JsonElement number) ? number.GetInt32() : 0;
            if (type == 0)
            {
                _handshake.TrySetResult();
            }
            else if (type == 1)
            {
                Received.Enqueue(new FallbackMessage(frame.GetProperty("target").GetString()!, frame.GetProperty("arguments")[0].Clone()));
            }
            else if (type == 3 && _calls.TryRemove(frame.GetProperty("invocationId").GetString()!, out TaskCompletionSource<JsonElement>? call))
            {
                call.TrySetResult(frame.GetProperty("result").Clone());
            }
        }

        Changed.Pulse();
    }

    private void Lost(string why)
    {
        _closed.TrySetResult(why);
        _handshake.TrySetException(new ConnectionLostException(why));
        _ = _handshake.Task.Exception;
        foreach (TaskCompletionSource<JsonElement> call in _calls.Values)
        {
            call.TrySetException(new ConnectionLostException(why));
            _ = call.Task.Exception;
        }

        Changed.Pulse();
    }
}
