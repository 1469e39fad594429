using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Tracing;

/// <summary>
/// Stands in for a collector of OpenTelemetry: takes what the protocol (OTLP 1) says, by HTTP or by gRPC over HTTP/2 without TLS, and nothing else. What is not of the protocol is a fault.
/// </summary>
internal sealed class Collector : IAsyncDisposable
{
    private const string GrpcPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

    private readonly WebApplication _app;
    private readonly TaskCompletionSource _answers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _isSlow;
    private int _requests;

    private Collector(WebApplication app, bool isSlow) => (_app, _isSlow) = (app, isSlow);

    public string Address { get; private set; } = "";

    public ConcurrentQueue<CollectedSpan> Spans { get; } = new();

    /// <summary>All that came, as text, for looking for what must not be there.</summary>
    public ConcurrentQueue<string> Raw { get; } = new();

    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>What came in the header <c>collector-token</c>.</summary>
    public ConcurrentQueue<string> Tokens { get; } = new();

    public Signal Changed { get; } = new();

    public int Requests => Volatile.Read(ref _requests);

    /// <param name="isGrpc">Otherwise protobuf in HTTP/1.1.</param>
    /// <param name="isSlow">Takes requests and does not answer until it ends.</param>
    public static async Task<Collector> Start(bool isGrpc = false, bool isSlow = false)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel =>
            kestrel.ConfigureEndpointDefaults(listen => listen.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        WebApplication app = builder.Build();
        Collector collector = new(app, isSlow);
        app.Run(context => isGrpc ? collector.TakeGrpc(context) : collector.TakeHttp(context));
        await app.StartAsync(TestContext.Current.CancellationToken);
        collector.Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return collector;
    }

    public Task Until(Func<IReadOnlyCollection<CollectedSpan>, bool> condition, string what) => Changed.Until(() => condition([.. Spans]), what);

    public async ValueTask DisposeAsync()
    {
        _answers.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task TakeHttp(HttpContext context)
    {
        if (!Check(context, "/v1/traces", "application/x-protobuf"))
        {
            context.Response.StatusCode = 400;
            return;
        }

        await Take(await Body(context));
        context.Response.ContentType = "application/x-protobuf";
    }

    private async Task TakeGrpc(HttpContext context)
    {
        if (!Check(context, GrpcPath, "application/grpc") || context.Request.Headers.TE != "trailers")
        {
            Faults.Enqueue("not gRPC");
            context.Response.StatusCode = 400;
            return;
        }

        byte[] body = await Body(context);
        if (body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) != body.Length - 5)
        {
            Faults.Enqueue("not one message without compression");
        }

        await Take(body.AsMemory(5));
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[5]);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private bool Check(HttpContext context, string path, string type)
    {
        Interlocked.Increment(ref _requests);
        Tokens.Enqueue(context.Request.Headers["collector-token"].ToString());
        bool isRight = context.Request.Method == "POST" && context.Request.Path == path && context.Request.ContentType == type;
        if (!isRight)
        {
            Faults.Enqueue($"{context.Request.Method} {context.Request.Path} {context.Request.ContentType}");
        }

        return isRight;
    }

    private async Task Take(ReadOnlyMemory<byte> request)
    {
        try
        {
            Raw.Enqueue(Encoding.UTF8.GetString(request.Span));
            CollectedSpan.ReadAll(request).ForEach(Spans.Enqueue);
        }
        catch (Exception e)
        {
            Faults.Enqueue(e.ToString());
        }

        Changed.Pulse();
        if (_isSlow)
        {
            await _answers.Task;
        }
    }

    private static async Task<byte[]> Body(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        return body.ToArray();
    }
}
