using System.Net;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Proxies;

/// <summary>The proxies that may say for whom they ask: those of <c>Monstera:Proxies</c>, and nobody when there are none.</summary>
public sealed class TrustedProxies
{
    public TrustedProxies(IOptions<MonsteraOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Networks = [.. options.Value.Proxies.Select(text => TryParse(text) ?? throw new FormatException("A proxy is an address or a network."))];
    }

    public IReadOnlyList<IPNetwork> Networks { get; }

    public bool Contains(IPAddress? address)
    {
        if (address is null || Networks.Count == 0)
        {
            return false;
        }

        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return Networks.Any(network => network.Contains(plain));
    }

    /// <summary>An address (<c>10.0.0.5</c>) or a network (<c>10.0.0.0/24</c>).</summary>
    internal static IPNetwork? TryParse(string? text) =>
        IPNetwork.TryParse(text, out IPNetwork network) ? network
        : IPAddress.TryParse(text, out IPAddress? address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;
}
