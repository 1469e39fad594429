using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.Feeds;
using Monstera.Server.Lifecycle;
using Monstera.Server.Limits;
using Monstera.Server.Presence;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime.Transports;

/// <summary>Serves one connection from its first byte to its last, whichever transport carries it.</summary>
public sealed class HubServer
{
    private const int IdBytes = 16;
    private const int ReconnectWithinMs = 2_000;

    /// <summary>Who does not take the good-bye in this time does not get it.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    /// <summary>Frames of a WebSocket may hold several messages of the hub.</summary>
    private const int PayloadBytesMax = 4 * Greeting.FrameBytesMax;

    private readonly HubCalls _calls;
    private readonly ConnectionRegistry _registry;
    private readonly RoomFeeds _feeds;
    private readonly OpenRooms _openRooms;
    private readonly IPresence _presence;
    private readonly RealtimeMeter _meter;
    private readonly LimitsMeter _limited;
    private readonly TimeProvider _time;
    private readonly LimitOptions _limits;
    private readonly CancellationToken _stopping;

    public HubServer(
        HubCalls calls,
        ConnectionRegistry registry,
        RoomFeeds feeds,
        OpenRooms openRooms,
        IPresence presence,
        Drain drain,
        ConnectionDrain connections,
        IHostApplicationLifetime lifetime,
        IOptions<MonsteraOptions> options,
        RealtimeMeter meter,
        LimitsMeter limited,
        TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(drain);
        ArgumentNullException.ThrowIfNull(connections);
        ArgumentNullException.ThrowIfNull(lifetime);
        ArgumentNullException.ThrowIfNull(options);
        _calls = calls;
        _registry = registry;
        _feeds = feeds;
        _openRooms = openRooms;
        _presence = presence;
        _meter = meter;
        _limited = limited;
        _time = time;
        _limits = options.Value.Limits;
        drain.SendAway = connections.SendAway;
        _stopping = lifetime.ApplicationStopping;
        _stopping.Register(SendAway);
    }

    /// <summary>Returns when the connection has ended.</summary>
    /// <param name="abort">Cuts the connection.</param>
    /// <param name="transport">With WebSockets the pipe carries their frames; otherwise the hub's messages as they are.</param>
    public async Task Serve(Caller caller, PipeReader input, PipeWriter output, Action abort, HubTransport transport)
    {
        // Calls are traced for themselves, not as parts of the request that happens to carry them.
        Activity.Current = null;
        bool isWebSocket = transport == HubTransport.WebSockets;
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
        FrameOutput frames = new(output, isWebSocket);
        ChatConnection connection = new(id, caller, frames, input.CancelPendingRead, abort, _feeds, new CallLimiter(_limits, _time), _meter, _time);
        HubSession session = new(connection, _calls);
        if (!_registry.TryAdd(connection, _limits.ConnectionsPerUser))
        {
            _meter.Refused("user");
            _limited.Count("user_connections");
            connection.Send(HubReplies.Welcome);
            connection.Send(HubReplies.Close("rate_limited: the user has too many connections.", allowReconnect: false));
            return;
        }

        _meter.Opened(transport);
        try
        {
            if (_stopping.IsCancellationRequested)
            {
                // Came while the others were being sent away.
                connection.Note(ConnectionEnd.Stopped);
                connection.Stop();
            }

            SessionEnd end = await (isWebSocket ? ReadWebSocket(session, input) : ReadMessages(session, input));
            connection.Note(EndOf(end, isWebSocket));
            connection.Release();

            // What was called is answered before the good-bye.
            await session.Drain().AsTask().WaitAsync(Farewell, _time);
            await connection.Close((ushort)end).WaitAsync(Farewell, _time);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException or TimeoutException)
        {
            // The other side is gone.
            connection.Note(ConnectionEnd.Broken);
        }
        finally
        {
            _registry.Remove(connection);
            _meter.Closed(transport, connection.EndNoted);

            // Ended first: an Open or a Hello that is under way then finds that it came too late.
            connection.End(last: default);
            _openRooms.CloseAll(connection);
            _presence.Disconnected(caller.Tenant, caller.User, id);
        }
    }

    /// <summary>The server stops: everybody is asked to come back soon, not all at once, and is then let go.</summary>
    private void SendAway()
    {
        foreach (ChatConnection connection in _registry.All)
        {
            connection.Send(SignalFrames.Reconnect(RandomNumberGenerator.GetInt32(ReconnectWithinMs)).Span);
            connection.Note(ConnectionEnd.Stopped);
            connection.Stop();
        }
    }

    /// <summary>A WebSocket says good-bye before it goes; of the others the transport tells when they have gone.</summary>
    private static ConnectionEnd EndOf(SessionEnd end, bool isWebSocket) => end switch
    {
        SessionEnd.Normal => ConnectionEnd.Closed,
        SessionEnd.GoingAway => isWebSocket ? ConnectionEnd.Broken : ConnectionEnd.Closed,
        _ => ConnectionEnd.Protocol,
    };

    private async Task<SessionEnd> ReadMessages(HubSession session, PipeReader input)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            session.Connection.ReceivedAt = _time.GetTimestamp();
            session.Connection.Hold();
            foreach (ReadOnlyMemory<byte> bytes in read.Buffer)
            {
                if (await session.Receive(bytes) is not SessionEnd.None and var end)
                {
                    return end;
                }
            }

            session.Connection.Release();
            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || read.IsCanceled)
            {
                return SessionEnd.GoingAway;
            }
        }
    }

    private async Task<SessionEnd> ReadWebSocket(HubSession session, PipeReader input)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            session.Connection.ReceivedAt = _time.GetTimestamp();
            session.Connection.Hold();
            ReadOnlySequence<byte> rest = read.Buffer;
            while (true)
            {
                WebSocketReadStatus status = WebSocketFrames.TryReadHead(rest, PayloadBytesMax, out WebSocketFrameHead head);
                if (status is WebSocketReadStatus.Malformed or WebSocketReadStatus.TooLarge)
                {
                    return status == WebSocketReadStatus.TooLarge ? SessionEnd.TooLarge : SessionEnd.ProtocolError;
                }

                if (status == WebSocketReadStatus.Incomplete || rest.Length < head.HeadBytes + head.PayloadBytes)
                {
                    break;
                }

                ReadOnlySequence<byte> payload = rest.Slice(head.HeadBytes, head.PayloadBytes);
                rest = rest.Slice(payload.End);
                if (await Take(session, head, payload) is not SessionEnd.None and var end)
                {
                    return end;
                }
            }

            session.Connection.Release();
            input.AdvanceTo(rest.Start, rest.End);
            if (read.IsCompleted || read.IsCanceled)
            {
                return SessionEnd.GoingAway;
            }
        }
    }

    private static async ValueTask<SessionEnd> Take(HubSession session, WebSocketFrameHead head, ReadOnlySequence<byte> payload)
    {
        byte[] plain = ArrayPool<byte>.Shared.Rent(Math.Max(1, head.PayloadBytes));
        try
        {
            Memory<byte> bytes = plain.AsMemory(0, head.PayloadBytes);
            WebSocketFrames.Unmask(payload, head.Mask, bytes.Span);
            switch (head.Opcode)
            {
                case WebSocketOpcode.Ping:
                    session.Connection.Release();
                    session.Connection.TryPong(bytes.Span);
                    return SessionEnd.None;
                case WebSocketOpcode.Pong:
                    return SessionEnd.None;
                case WebSocketOpcode.Close:
                    return SessionEnd.Normal;
                default:
                    // The hub's messages are delimited by themselves: how they were cut into WebSocket frames does not matter.
                    return await session.Receive(bytes);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }
}
