using Microsoft.Extensions.Options;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>
/// Ends connections whose right to be here has ended: the session was ended, the connection token expired, or nobody said Hello.
/// </summary>
public sealed partial class ConnectionWatch : BackgroundService
{
    private const string SessionEnded = "session_ended";
    private const string TokenExpired = "token_expired";
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>What a signed-out client has to read the reason and to close by itself.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    private readonly ConnectionRegistry _registry;
    private readonly OpenRooms _openRooms;
    private readonly TimeSpan _helloTimeout;
    private readonly TimeSpan _clientTimeout;
    private readonly TimeSpan _sendTimeout;
    private readonly TimeSpan _keepAlive;
    private readonly TimeProvider _time;
    private readonly ILogger<ConnectionWatch> _log;

    public ConnectionWatch(
        ConnectionRegistry registry,
        OpenRooms openRooms,
        SessionEndings endings,
        IOptions<MonsteraOptions> options,
        TimeProvider time,
        ILogger<ConnectionWatch> log)
    {
        ArgumentNullException.ThrowIfNull(endings);
        ArgumentNullException.ThrowIfNull(options);
        _registry = registry;
        _openRooms = openRooms;
        RealtimeOptions realtime = options.Value.Realtime;
        _helloTimeout = TimeSpan.FromSeconds(realtime.HelloTimeoutSeconds);
        _clientTimeout = TimeSpan.FromSeconds(realtime.ClientTimeoutSeconds);
        _sendTimeout = TimeSpan.FromSeconds(realtime.SendTimeoutSeconds);
        _keepAlive = TimeSpan.FromSeconds(realtime.KeepAliveSeconds);
        _time = time;
        _log = log;
        endings.Ended += EndSession;
    }

    /// <summary>Looks once at every connection.</summary>
    public void Check()
    {
        DateTimeOffset now = _time.GetUtcNow();
        foreach (ChatConnection connection in _registry.All)
        {
            if (connection.Caller.ExpiresAt is { } expiresAt && expiresAt <= now)
            {
                SignOut(connection, TokenExpired);
            }
            else if (Overdue(connection) is not ConnectionEnd.None and var end)
            {
                connection.Abort(end);
            }
            else if (connection.SilentFor >= _keepAlive)
            {
                connection.TrySignal(HubReplies.Ping);
            }
        }
    }

    private ConnectionEnd Overdue(ChatConnection connection) =>
        !connection.SaidHello && _time.GetElapsedTime(connection.ConnectedAt) >= _helloTimeout ? ConnectionEnd.NoHello
        : _time.GetElapsedTime(connection.ReceivedAt) >= _clientTimeout ? ConnectionEnd.Silent
        : connection.WritingFor >= _sendTimeout ? ConnectionEnd.Slow
        : ConnectionEnd.None;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Every, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Check();
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private void EndSession(SessionId session)
    {
        foreach (ChatConnection connection in _registry.All)
        {
            if (connection.Caller.Session == session)
            {
                SignOut(connection, SessionEnded);
            }
        }
    }

    private void SignOut(ChatConnection connection, string reason)
    {
        if (!connection.IsEnded)
        {
            _openRooms.CloseAll(connection);
            _ = SignOutSlow(connection, reason);
        }
    }

    private async Task SignOutSlow(ChatConnection connection, string reason)
    {
        try
        {
            // Who does not read is cut all the same, after the same time.
            connection.Note(ConnectionEnd.SignedOut);
            connection.End(SignalFrames.SignedOut(reason));
            await Task.Delay(Farewell, _time);
            connection.Abort(ConnectionEnd.SignedOut);
        }
        catch (Exception e)
        {
            LogSignOutFailed(e);
            connection.Abort(ConnectionEnd.SignedOut);
        }
    }

    [LoggerMessage(1203, LogLevel.Warning, "A connection could not be signed out politely and was cut")]
    private partial void LogSignOutFailed(Exception e);
}
