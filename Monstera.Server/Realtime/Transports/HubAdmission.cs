using System.Net;
using Microsoft.Extensions.Options;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Hosting;
using Monstera.Server.Lifecycle;
using Monstera.Server.Limits;
using Monstera.Server.Proxies;

namespace Monstera.Server.Realtime.Transports;

/// <summary>
/// Who may come in at all, before anybody asks who it is: nobody while the node drains, no more in a second than it can greet without neglecting those who are here, and no more from one
/// address than its share.
/// </summary>
internal sealed partial class HubAdmission
{
    /// <summary>Of sockets an address may have twice as many as of connections, since requests need some too.</summary>
    private const int SocketsPerConnection = 2;

    private const int FullAddressRetryMs = 10_000;
    private const int FullNodeRetryMs = 5_000;
    private static readonly TimeSpan WarnEvery = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Drain _drain;
    private readonly ConnectionRegistry _registry;
    private readonly RealtimeMeter _meter;
    private readonly LimitsMeter _limited;
    private readonly int _perNode;
    private readonly TrustedProxies _proxies;
    private readonly TimeProvider _time;
    private readonly ILogger<HubAdmission> _log;
    private readonly Rate _upgrades;
    private readonly AddressPlaces _connections;
    private readonly AddressPlaces _sockets;
    private readonly Seldom _warnings;
    private TokenBucket _bucket;

    public HubAdmission(
        Drain drain,
        TrustedProxies proxies,
        ConnectionRegistry registry,
        RealtimeMeter meter,
        LimitsMeter limited,
        IOptions<MonsteraOptions> options,
        TimeProvider time,
        ILogger<HubAdmission> log)
    {
        _drain = drain;
        _registry = registry;
        _meter = meter;
        _limited = limited;
        _perNode = options.Value.Limits.ConnectionsPerNode;
        _proxies = proxies;
        _time = time;
        _log = log;
        _warnings = new Seldom(WarnEvery, time);
        RealtimeOptions realtime = options.Value.Realtime;
        _upgrades = new Rate(realtime.UpgradesPerSecond, realtime.UpgradesBurst);
        int perAddress = options.Value.Limits.ConnectionsPerAddress;
        _connections = new AddressPlaces(perAddress);
        _sockets = new AddressPlaces(perAddress * SocketsPerConnection);
    }

    public bool IsDraining => _drain.IsDraining;

    /// <summary>Why nobody is let in now; null: come in. Counts as an attempt.</summary>
    public Error? TryOpen(IPAddress? address)
    {
        if (IsDraining)
        {
            return RefuseWhileDraining();
        }

        if (_perNode > 0 && _registry.Count >= _perNode)
        {
            _meter.Refused("node_full");
            return new Error(ErrorCode.Overloaded, "This node has all connections that it may have.", Spread(FullNodeRetryMs));
        }

        // First what the address alone has to answer for: it must not use up what is everybody's.
        if (_connections.IsFull(AddressLimiter.KeyOf(address)))
        {
            return AddressIsFull();
        }

        bool isTaken;
        int waitMs;
        lock (_gate)
        {
            isTaken = _bucket.TryTake(_upgrades, _time, _time.GetTimestamp(), out waitMs);
        }

        if (isTaken)
        {
            return null;
        }

        _meter.Refused("rate");
        _limited.Count("upgrade");
        return new Error(ErrorCode.Overloaded, "Too many come at once.", Spread(Math.Max(waitMs, 1_000)));
    }

    /// <summary>The node goes out of service.</summary>
    public Error RefuseWhileDraining()
    {
        _meter.Refused("draining");
        return new Error(ErrorCode.Overloaded, "This node goes out of service: connect anew, and another one answers.", Spread(1_000));
    }

    /// <summary>A place for a connection of this address, until it is disposed of; null: it has all that it may have.</summary>
    public IDisposable? TryTakePlace(IPAddress? address) => _connections.TryTake(AddressLimiter.KeyOf(address));

    /// <summary>The same for a socket, before anything is read from it. A proxy's sockets are many people's, and are not counted.</summary>
    public bool TryTakeSocket(IPAddress? address, out IDisposable? place)
    {
        place = null;
        return _proxies.Contains(address) || (place = _sockets.TryTake(AddressLimiter.KeyOf(address))) is not null;
    }

    public Error AddressIsFull()
    {
        _meter.Refused("address");
        _limited.Count("address");
        if (_warnings.IsTime())
        {
            LogAddressIsFull(_log);
        }

        return new Error(ErrorCode.RateLimited, "Too many connections from this address.", FullAddressRetryMs);
    }

    /// <summary>Those who are refused together do not come back together.</summary>
    private static int Spread(int ms) => ms + System.Security.Cryptography.RandomNumberGenerator.GetInt32(2_000);

    [LoggerMessage(1220, LogLevel.Warning, "An address has all connections that one may have (Monstera:Limits:ConnectionsPerAddress). If it is a balancer's, it is missing in Monstera:Proxies")]
    private static partial void LogAddressIsFull(ILogger logger);
}

/// <summary>Puts <see cref="HubAdmission"/> before the hub: for WebSockets, for negotiations, and for streams that begin. What is connected already goes on.</summary>
internal sealed class HubDoor(RequestDelegate next, HubAdmission admission)
{
    public Task Invoke(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (admission.IsDraining && !IsWebSocket(request) && HttpProtocol.IsHttp11(request.Protocol))
        {
            // Balancers and browsers take a fresh connection next time, which leads to another node.
            context.Response.Headers.Connection = "close";
        }

        if (!request.Path.StartsWithSegments(RealtimeFeature.HubPath, StringComparison.OrdinalIgnoreCase, out PathString rest))
        {
            return next(context);
        }

        bool opens = rest == "/negotiate" ? HttpMethods.IsPost(request.Method) : !rest.HasValue && HttpMethods.IsGet(request.Method) && IsWebSocket(request);
        Error? refusal = opens ? admission.TryOpen(context.Connection.RemoteIpAddress)
            : admission.IsDraining && IsStream(request) ? admission.RefuseWhileDraining()
            : null;
        return refusal is null ? next(context) : Problem.Write(context, refusal);
    }

    private static bool IsWebSocket(HttpRequest request) => string.Equals(request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase);

    private static bool IsStream(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && request.Headers.Accept.Any(accept => accept?.Contains("text/event-stream", StringComparison.OrdinalIgnoreCase) == true);
}
