using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Monstera.Server.Accounts;

namespace Monstera.Server.Realtime.Transports;

/// <summary>
/// Takes WebSockets of the hub off the HTTP server. A WebSocket that stays open for hours would keep its HTTP request alive with it: headers, context, middleware, streams
/// and buffers, 11 KB where the connection itself needs less than 5. Here the request is answered and forgotten, and the connection's own pipes are read and written
/// without anything in between.
/// </summary>
/// <remarks>Only a connection's first request, in plain text, as every browser and balancer sends it. All others take the HTTP server's way and end at <see cref="HubEndpoint"/> with the same behaviour.</remarks>
internal sealed class DirectConnections(RequestPipeline pipeline, HubServer server, TimeProvider time)
{
    /// <summary>A connection that says nothing at all for so long is closed.</summary>
    private static readonly TimeSpan FirstBytesWithin = TimeSpan.FromSeconds(30);

    public async Task Serve(ConnectionContext connection, ConnectionDelegate next)
    {
        PipeReader input = connection.Transport.Input;

        // 1. Look at the first bytes without taking them.
        ReadResult first = await Peek(input);
        UpgradeRequest? request = UpgradeRequest.TryRead(first.Buffer, RealtimeFeature.HubPath, out SequencePosition end);
        if (request is null)
        {
            input.AdvanceTo(first.Buffer.Start);
            if (!first.IsCanceled)
            {
                await next(connection);
            }

            return;
        }

        // 2. Take the request and have all middleware judge it, as any other: the origin, who calls, whether they may.
        input.AdvanceTo(end);
        Caller? caller = await Answer(request, connection);

        // 3. Nothing of the request is left but who it came from.
        if (caller is not null)
        {
            await server.Serve(caller, input, connection.Transport.Output, connection.Abort, isWebSocket: true);
        }
    }

    private async ValueTask<ReadResult> Peek(PipeReader input)
    {
        ValueTask<ReadResult> read = input.ReadAsync();
        if (read.IsCompleted)
        {
            return await read;
        }

        await using ITimer late = time.CreateTimer(static state => ((PipeReader)state!).CancelPendingRead(), input, FirstBytesWithin, Timeout.InfiniteTimeSpan);
        return await read;
    }

    private async Task<Caller?> Answer(UpgradeRequest request, ConnectionContext connection)
    {
        using DirectExchange exchange = new(request, connection);
        await pipeline.Run(exchange.Features);
        await exchange.WriteResponse(connection.Transport.Output);
        await connection.Transport.Output.FlushAsync();
        return exchange.Accepted;
    }
}
