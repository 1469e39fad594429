using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Monstera.Server.Accounts;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>A request for a WebSocket that can be answered "yes" without holding on to the request.</summary>
internal interface IDirectUpgrade
{
    /// <summary>The answer is 101 with the headers that the response has; the middleware may return.</summary>
    void Accept(Admitted admitted);
}

/// <summary>Who was let in, and the place that the connection has among those of its address, to be disposed of at its end.</summary>
internal sealed record Admitted(Caller Caller, IDisposable Place);

/// <summary>One request for a WebSocket and its answer, as the features that middleware works with.</summary>
internal sealed class DirectExchange : HttpResponseFeature, IHttpUpgradeFeature, IDirectUpgrade, IDisposable
{
    private const int BodyBytesMax = 65_536;
    private static long _lastId;

    private readonly Stack<(Func<object, Task> Callback, object State)> _starting = new();
    private readonly Stack<(Func<object, Task> Callback, object State)> _completed = new();
    private readonly MemoryStream _body = new();

    public DirectExchange(UpgradeRequest request, Socket socket)
    {
        int query = request.Target.IndexOf('?', StringComparison.Ordinal);
        Features.Set<IHttpRequestFeature>(new HttpRequestFeature
        {
            Method = HttpMethods.Get,
            Scheme = "http",
            Protocol = "HTTP/1.1",
            Path = query < 0 ? request.Target : request.Target[..query],
            QueryString = query < 0 ? "" : request.Target[query..],
            RawTarget = request.Target,
            Headers = request.Headers,
            Body = Stream.Null,
        });
        Features.Set<IHttpResponseFeature>(this);
        Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(_body));
        Features.Set<IHttpUpgradeFeature>(this);
        Features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature());
        IPEndPoint? remote = socket.RemoteEndPoint as IPEndPoint;
        IPEndPoint? local = socket.LocalEndPoint as IPEndPoint;
        Features.Set<IHttpConnectionFeature>(new HttpConnectionFeature
        {
            ConnectionId = string.Create(CultureInfo.InvariantCulture, $"direct-{Interlocked.Increment(ref _lastId)}"),
            RemoteIpAddress = remote?.Address,
            RemotePort = remote?.Port ?? 0,
            LocalIpAddress = local?.Address,
            LocalPort = local?.Port ?? 0,
        });
    }

    public FeatureCollection Features { get; } = new();

    /// <summary>Who was let in; null: the answer is an ordinary response.</summary>
    public Admitted? Accepted { get; private set; }

    public bool IsUpgradableRequest => true;

    public void Accept(Admitted admitted) => Accepted = admitted;

    public void Dispose() => _body.Dispose();

    public Task<Stream> UpgradeAsync() => throw new InvalidOperationException("This request is accepted with IDirectUpgrade.");

    public override void OnStarting(Func<object, Task> callback, object state) => _starting.Push((callback, state));

    public override void OnCompleted(Func<object, Task> callback, object state) => _completed.Push((callback, state));

    /// <summary>Writes the answer's bytes, the body included unless somebody was let in.</summary>
    public async Task WriteResponse(IBufferWriter<byte> output)
    {
        foreach ((Func<object, Task> callback, object state) in _starting)
        {
            await callback(state);
        }

        if (Accepted is not null)
        {
            StatusCode = StatusCodes.Status101SwitchingProtocols;
        }
        else
        {
            Headers.ContentLength = Math.Min(_body.Length, BodyBytesMax);
            Headers.Connection = "close";
            Headers.TransferEncoding = default;
        }

        StringBuilder head = new();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {StatusCode} {ReasonPhrases.GetReasonPhrase(StatusCode)}\r\n");
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in Headers)
        {
            foreach (string? value in values)
            {
                head.Append(CultureInfo.InvariantCulture, $"{name}: {OneLine(value)}\r\n");
            }
        }

        head.Append("\r\n");
        output.Write(Encoding.UTF8.GetBytes(head.ToString()));
        if (Accepted is null)
        {
            output.Write(_body.GetBuffer().AsSpan(0, (int)Math.Min(_body.Length, BodyBytesMax)));
        }

        foreach ((Func<object, Task> callback, object state) in _completed)
        {
            await callback(state);
        }
    }

    private static string? OneLine(string? value) =>
        value?.AsSpan().IndexOfAny('\r', '\n', '\0') >= 0 ? throw new InvalidOperationException("A header holds a line break.") : value;
}
