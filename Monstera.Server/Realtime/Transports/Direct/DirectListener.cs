using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>One listening socket: accepts connections, and sorts out by their first bytes whose they are.</summary>
internal sealed partial class DirectListener : IConnectionListener
{
    /// <summary>When the process has no more file descriptors, accepting waits for some to be closed.</summary>
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(100);

    private readonly DirectConnections _direct;
    private readonly HubAdmission _admission;
    private readonly SocketTransportOptions _options;
    private readonly SocketConnectionContextFactory _http;
    private readonly ILogger _log;
    private readonly Socket _socket;
    private readonly Channel<ConnectionContext> _ofHttp = Channel.CreateUnbounded<ConnectionContext>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <exception cref="AddressInUseException">Somebody listens there already.</exception>
    public DirectListener(EndPoint endpoint, DirectConnections direct, HubAdmission admission, SocketTransportOptions options, ILoggerFactory loggers)
    {
        _direct = direct;
        _admission = admission;
        _options = options;
        _log = loggers.CreateLogger<DirectListener>();
        _http = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions
            {
                IOQueueCount = options.IOQueueCount,
                WaitForDataBeforeAllocatingBuffer = options.WaitForDataBeforeAllocatingBuffer,
                MaxReadBufferSize = options.MaxReadBufferSize,
                MaxWriteBufferSize = options.MaxWriteBufferSize,
                UnsafePreferInlineScheduling = options.UnsafePreferInlineScheduling,
            },
            loggers.CreateLogger("Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));
        try
        {
            _socket = options.CreateBoundListenSocket(endpoint);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(e.Message, e);
        }

        _socket.Listen(options.Backlog);
        EndPoint = _socket.LocalEndPoint!;
        _ = AcceptAll();
    }

    public EndPoint EndPoint { get; }

    /// <summary>The next connection for the HTTP server; null when the listener has ended.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        await _ofHttp.Reader.WaitToReadAsync(cancellationToken) && _ofHttp.Reader.TryRead(out ConnectionContext? connection) ? connection : null;

    /// <summary>Accepts no more, and waits for the WebSockets, which have been told to leave; when <paramref name="cancellationToken"/> ends the wait they are cut.</summary>
    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _socket.Dispose();
        _ofHttp.Writer.TryComplete();
        await _stopping.CancelAsync();
        try
        {
            await Task.WhenAll(_connections.Values).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            CutAll();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        CutAll();
        while (_ofHttp.Reader.TryRead(out ConnectionContext? unclaimed))
        {
            await unclaimed.DisposeAsync();
        }

        _http.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAll()
    {
        while (true)
        {
            try
            {
                Socket socket = await _socket.AcceptAsync();
                Task serving = Serve(socket);
                _connections[socket] = serving;
                if (serving.IsCompleted)
                {
                    _connections.TryRemove(socket, out _);
                }
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
            {
                LogNotAccepted(e);
                await Task.Delay(PauseAfterFailure, TimeProvider.System);
            }
            catch (SocketException)
            {
                // It went away while it waited to be accepted.
            }
        }
    }

    /// <summary>Runs until the connection has ended, or is the HTTP server's.</summary>
    private async Task Serve(Socket socket)
    {
        bool isOfHttp = false;
        IDisposable? place = null;
        try
        {
            // In the order in which they came.
            if (_admission.TryTakeSocket((socket.RemoteEndPoint as IPEndPoint)?.Address, out place))
            {
                // Accepting goes on meanwhile.
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                socket.NoDelay = _options.NoDelay;
                isOfHttp = !await _direct.TryServe(socket, _stopping.Token) && TryHandOver(socket, place);
            }
            else
            {
                _admission.AddressIsFull();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side is gone.
        }
        catch (Exception e)
        {
            LogBroken(e);
        }

        if (!isOfHttp)
        {
            socket.Dispose();
            place?.Dispose();
        }

        _connections.TryRemove(socket, out _);
    }

    /// <returns>False: the server stops, and the channel takes no more.</returns>
    private bool TryHandOver(Socket socket, IDisposable? place)
    {
        ConnectionContext connection = _http.Create(socket);
        if (!_ofHttp.Writer.TryWrite(connection))
        {
            return false;
        }

        if (place is not null)
        {
            connection.ConnectionClosed.UnsafeRegister(static state => ((IDisposable)state!).Dispose(), place);
        }

        return true;
    }

    private void CutAll()
    {
        foreach (Socket socket in _connections.Keys)
        {
            socket.Dispose();
        }
    }

    [LoggerMessage(1210, LogLevel.Warning, "A connection could not be accepted")]
    private partial void LogNotAccepted(Exception e);

    [LoggerMessage(1211, LogLevel.Error, "A connection was cut: the server failed")]
    private partial void LogBroken(Exception e);
}
