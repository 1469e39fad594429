using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>
/// Serves WebSockets of the hub without the HTTP server. There, a WebSocket that stays open for hours keeps its HTTP request alive with it (headers, context, middleware,
/// streams, buffers) and two pipes with a loop each between the socket and whoever reads it. Here the request is answered and forgotten, and the socket is read and written
/// by whoever has something to read or write.
/// </summary>
/// <remarks>
/// Only a connection's first request, in plain text and in one piece, as every browser and balancer sends it. All others take the HTTP server's way and end at
/// <see cref="HubEndpoint"/> with the same behaviour.
/// </remarks>
internal sealed class DirectConnections(
    RequestPipeline pipeline, HubServer server, IHostApplicationLifetime lifetime, IOptions<MonsteraOptions> options, TimeProvider time)
{
    private const int RequestBytesMax = 16_384;

    /// <summary>A connection that says nothing at all for so long is closed.</summary>
    private static readonly TimeSpan FirstBytesWithin = TimeSpan.FromSeconds(30);

    private const int SendBuffers = 4;

    private HashSet<int>? _encryptedPorts;

    /// <summary>Serves the connection until it ends.</summary>
    /// <returns>False: it is the HTTP server's, and nothing was taken from it.</returns>
    /// <param name="stopping">Whoever has said nothing by then is not waited for.</param>
    /// <exception cref="SocketException">The other side went away before it was known whose the connection is.</exception>
    public async Task<bool> TryServe(Socket socket, CancellationToken stopping)
    {
        // 1. Look at the first bytes without taking them.
        if (!await HasBytes(socket, stopping))
        {
            return true;
        }

        if (Peek(socket) is not { } request)
        {
            return false;
        }

        // Enough that a reader who is busy for a moment does not lag; the system by itself would let each slow one have megabytes.
        socket.SendBufferSize = SendBuffers * options.Value.Realtime.SendBufferBytes;

        // 2. Have all middleware judge the request, as any other: the origin, who calls, whether they may.
        using SocketInput input = new(socket);
        SocketOutput output = new(socket);
        try
        {
            Admitted? admitted = await Answer(request, socket, output);

            // 3. Nothing of the request is left but who it came from.
            request = null;
            if (admitted is not null)
            {
                using IDisposable place = admitted.Place;
                await server.Serve(admitted.Caller, input, output, socket.Dispose, HubTransport.WebSockets);
            }

            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The other side is gone.
        }

        return true;
    }

    private async ValueTask<bool> HasBytes(Socket socket, CancellationToken stopping)
    {
        ValueTask<int> first = socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, stopping);
        try
        {
            if (first.IsCompleted)
            {
                await first;
            }
            else
            {
                await using ITimer late = time.CreateTimer(static state => ((Socket)state!).Dispose(), socket, FirstBytesWithin, Timeout.InfiniteTimeSpan);
                await first;
            }

            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Takes the head of a request for a WebSocket; anything else stays where it is.</summary>
    private UpgradeRequest? Peek(Socket socket)
    {
        if (!IsPlain(socket))
        {
            return null;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(RequestBytesMax);
        try
        {
            int length = socket.Receive(buffer, SocketFlags.Peek);
            if (UpgradeRequest.TryRead(buffer.AsSpan(0, length), RealtimeFeature.HubPath, out int head) is not { } request)
            {
                return null;
            }

            // All of it is there: it was seen.
            for (int taken = 0; taken < head;)
            {
                taken += socket.Receive(buffer, taken, head - taken, SocketFlags.None);
            }

            return request;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Where the server speaks TLS, plain text is an error, and the HTTP server's to answer. Until all addresses are known, none is plain.</summary>
    private bool IsPlain(Socket socket)
    {
        if (!lifetime.ApplicationStarted.IsCancellationRequested)
        {
            return false;
        }

        _encryptedPorts ??=
        [
            .. (pipeline.Addresses?.Addresses ?? [])
                .Select(BindingAddress.Parse)
                .Where(address => address.Scheme.Equals("https", StringComparison.OrdinalIgnoreCase))
                .Select(address => address.Port),
        ];
        return _encryptedPorts.Count == 0 || !_encryptedPorts.Contains(((IPEndPoint)socket.LocalEndPoint!).Port);
    }

    private async Task<Admitted?> Answer(UpgradeRequest request, Socket socket, SocketOutput output)
    {
        using DirectExchange exchange = new(request, socket);
        try
        {
            await pipeline.Run(exchange.Features);
            await exchange.WriteResponse(output);
            await output.FlushAsync();
            return exchange.Accepted;
        }
        catch
        {
            exchange.Accepted?.Place.Dispose();
            throw;
        }
    }
}
