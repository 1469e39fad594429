using System.Net;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Proxies;

namespace Monstera.Server.Metrics;

/// <summary>What is to be done with a request.</summary>
internal enum MetricsAccess
{
    /// <summary>It is about something else.</summary>
    NotAsked,

    Allowed,
    Refused,
}

/// <summary>
/// Who may read the metrics. With a port of their own: whoever reaches it, or of those the networks of <c>Metrics:From</c>. Without: these networks alone, at the public port, and when none
/// is given the machine itself.
/// </summary>
internal sealed class MetricsDoor
{
    private static readonly IPNetwork[] Loopback = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];

    private readonly int _port;
    private readonly IPNetwork[] _from;

    public MetricsDoor(IOptions<MonsteraOptions> options)
    {
        MetricsOptions metrics = options.Value.Metrics;
        _port = metrics.Port;
        _from = [.. metrics.From.Select(text => TrustedProxies.TryParse(text) ?? throw new FormatException("It is an address or a network."))];
        if (_from.Length == 0)
        {
            _from = HasPort ? [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")] : Loopback;
        }
    }

    private bool HasPort => _port != 0;

    public MetricsAccess Judge(HttpContext context)
    {
        bool isOwnPort = HasPort && context.Connection.LocalPort == _port;
        if (!context.Request.Path.Equals(MetricsFeature.Path, StringComparison.OrdinalIgnoreCase))
        {
            return isOwnPort ? MetricsAccess.Refused : MetricsAccess.NotAsked;
        }

        bool isRead = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        return isRead && isOwnPort == HasPort && MayAsk(context) ? MetricsAccess.Allowed : MetricsAccess.Refused;
    }

    private bool MayAsk(HttpContext context)
    {
        // Still here after the trusted proxies' were taken: somebody passes requests on whose word is not believed, and whose own address says nothing about who asks.
        if (context.Request.Headers.ContainsKey("X-Forwarded-For") || context.Request.Headers.ContainsKey("Forwarded"))
        {
            return false;
        }

        IPAddress? address = context.Connection.RemoteIpAddress;
        address = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
        return address is not null && Array.Exists(_from, network => network.Contains(address));
    }
}
