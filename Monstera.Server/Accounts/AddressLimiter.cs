using System.Net;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Limits;

namespace Monstera.Server.Accounts;

/// <summary>How often one address may try to get in: sign-in, registration, set-up, invitations.</summary>
internal sealed class AddressLimiter : IEndpointFilter
{
    private const int AddressesMax = 50_000;

    private readonly KeyedTokenBuckets<UInt128> _addresses;
    private readonly LimitsMeter _meter;

    public AddressLimiter(IOptions<MonsteraOptions> options, NodesLimits nodes, LimitsMeter meter, TimeProvider time)
    {
        _meter = meter;
        int perMinute = options.Value.Limits.SignInsPerMinutePerAddress;
        _addresses = new KeyedTokenBuckets<UInt128>(new Rate(perMinute / 60.0, Math.Max(1, perMinute)), AddressesMax, time);
        nodes.Share("sign-ins", _addresses);
    }

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (_addresses.TryTake(KeyOf(context.HttpContext.Connection.RemoteIpAddress), out int retryAfterMs))
        {
            return await next(context);
        }

        _meter.Count("sign_in");
        return new ErrorResult(new Error(ErrorCode.RateLimited, "Too many attempts from this address.", retryAfterMs));
    }

    /// <summary>Of an IPv6 address the first 64 bits: the rest is the subscriber's to choose, so that each would be as many addresses as one likes.</summary>
    internal static UInt128 KeyOf(IPAddress? address)
    {
        if (address is null)
        {
            return 0;
        }

        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).TryWriteBytes(bytes, out int length);
        if (length == 16)
        {
            bytes[8..].Clear();
        }

        // IPv4 goes to where no IPv6 prefix has anything.
        UInt128 key = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return length == 16 ? key : (key >> 96) | (UInt128.One << 32);
    }
}
