using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>
/// The server's listening sockets. Connections that open a WebSocket at the hub go to <see cref="DirectConnections"/>; all others go, untouched, to the HTTP server.
/// </summary>
internal sealed class DirectTransport(DirectConnections direct, HubAdmission admission, IOptions<SocketTransportOptions> options, ILoggerFactory loggers)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <summary>Unix sockets and inherited handles stay with the HTTP server's own transport.</summary>
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return ValueTask.FromResult<IConnectionListener>(new DirectListener(endpoint, direct, admission, options.Value, loggers));
    }
}
