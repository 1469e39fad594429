using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Http.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Realtime.Transports.Direct;

namespace Monstera.Server.Realtime.Transports;

/// <summary>
/// Accepts WebSockets at the hub's address, after authentication: the opening handshake of RFC 6455 section 4.2. Everything else at this address (negotiation, Server-Sent
/// Events, long polling) is SignalR's own and comes to <see cref="FallbackHandler"/>.
/// </summary>
internal sealed class HubEndpoint(RequestDelegate next, HubServer server, HubAdmission admission)
{
    private const int KeyChars = 24;

    public Task Invoke(HttpContext context)
    {
        bool isHub = context.Request.Path.Equals(RealtimeFeature.HubPath, StringComparison.OrdinalIgnoreCase);
        return isHub && HttpMethods.IsGet(context.Request.Method)
            && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade
            && string.Equals(context.Request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase)
            ? Accept(context, upgrade)
            : next(context);
    }

    private async Task Accept(HttpContext context, IHttpUpgradeFeature upgrade)
    {
        string? key = context.Request.Headers.SecWebSocketKey;
        if (key is not { Length: KeyChars } || context.Request.Headers.SecWebSocketVersion != "13")
        {
            context.Response.Headers.SecWebSocketVersion = "13";
            await Problem.Write(context, Error.Invalid("Sec-WebSocket-Key, Sec-WebSocket-Version: a WebSocket of version 13 is opened here."));
            return;
        }

        Caller caller = Caller.Of(context.User) ?? throw new InvalidOperationException("The hub let somebody in who is not signed in.");
        IDisposable? place = admission.TryTakePlace(context.Connection.RemoteIpAddress);
        if (place is null)
        {
            await Problem.Write(context, admission.AddressIsFull());
            return;
        }

        context.Response.Headers.Connection = HeaderNames.Upgrade;
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.SecWebSocketAccept = AcceptOf(key);
        if (upgrade is IDirectUpgrade direct)
        {
            direct.Accept(new Admitted(caller, place));
            return;
        }

        using IDisposable taken = place;
        Stream stream = await upgrade.UpgradeAsync();
        PipeReader input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));
        PipeWriter output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        await server.Serve(caller, input, output, context.Abort, HubTransport.WebSockets);
    }

    private static string AcceptOf(string key) =>
#pragma warning disable CA5350 // RFC 6455 asks for SHA-1; nothing is protected by it.
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
}

/// <summary>Connections that come by Server-Sent Events or long polling.</summary>
internal sealed class FallbackHandler(HubServer server, HubAdmission admission) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        HttpContext? context = connection.GetHttpContext();
        Caller caller = Caller.Of(context?.User) ?? throw new InvalidOperationException("The hub let somebody in who is not signed in.");
        using IDisposable? place = admission.TryTakePlace(context?.Connection.RemoteIpAddress);
        if (place is null)
        {
            // It negotiated when there still was one.
            connection.Abort();
            return;
        }

        HubTransport transport = connection.Features.Get<IHttpTransportFeature>()?.TransportType == HttpTransportType.ServerSentEvents
            ? HubTransport.ServerSentEvents : HubTransport.LongPolling;
        await server.Serve(caller, connection.Transport.Input, connection.Transport.Output, () => Cut(connection), transport);
    }

    /// <summary>Between two polls there is no request whose end would end the reading.</summary>
    private static void Cut(ConnectionContext connection)
    {
        connection.Abort();
        connection.Transport.Input.CancelPendingRead();
    }
}
