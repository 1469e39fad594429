using System.Buffers;
using System.Text;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>
/// The head of an HTTP/1.1 request that opens a WebSocket at the hub, read from a connection's first bytes. Takes only what is beyond doubt: anything unusual is left, unread,
/// to the HTTP server, which judges it.
/// </summary>
internal sealed class UpgradeRequest
{
    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    private static readonly SearchValues<byte> NameBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> TargetBytes =
        SearchValues.Create("/?:@!$&'()*+,;=-._~%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private UpgradeRequest(string target, IHeaderDictionary headers) => (Target, Headers) = (target, headers);

    /// <summary>Path and query as they were sent.</summary>
    public string Target { get; }

    public IHeaderDictionary Headers { get; }

    /// <summary>Reads the head if all of it is there and it is such a request.</summary>
    /// <param name="headBytes">How long the head is.</param>
    public static UpgradeRequest? TryRead(ReadOnlySpan<byte> bytes, string path, out int headBytes)
    {
        headBytes = 0;
        if (!bytes.StartsWith("GET "u8))
        {
            return null;
        }

        int length = bytes.IndexOf("\r\n\r\n"u8);
        if (length < 0 || TryRead(bytes[..(length + LineEnd.Length)], path) is not { } request)
        {
            return null;
        }

        headBytes = length + (2 * LineEnd.Length);
        return request;
    }

    /// <param name="head">Lines, each with its end.</param>
    private static UpgradeRequest? TryRead(ReadOnlySpan<byte> head, string path)
    {
        int lineEnd = head.IndexOf(LineEnd);
        ReadOnlySpan<byte> requestLine = head[..lineEnd];
        ReadOnlySpan<byte> version = " HTTP/1.1"u8;
        if (!requestLine.EndsWith(version))
        {
            return null;
        }

        ReadOnlySpan<byte> target = requestLine["GET ".Length..^version.Length];
        int query = target.IndexOf((byte)'?');
        ReadOnlySpan<byte> pathOnly = query < 0 ? target : target[..query];
        if (target.IndexOfAnyExcept(TargetBytes) >= 0 || !pathOnly.SequenceEqual(Encoding.ASCII.GetBytes(path)))
        {
            return null;
        }

        IHeaderDictionary headers = new HeaderDictionary();
        for (ReadOnlySpan<byte> rest = head[(lineEnd + LineEnd.Length)..]; rest.Length > 0; rest = rest[(lineEnd + LineEnd.Length)..])
        {
            lineEnd = rest.IndexOf(LineEnd);
            if (!TryAddHeader(rest[..lineEnd], headers))
            {
                return null;
            }
        }

        return IsPlainUpgrade(headers) ? new UpgradeRequest(Encoding.ASCII.GetString(target), headers) : null;
    }

    private static bool TryAddHeader(ReadOnlySpan<byte> line, IHeaderDictionary headers)
    {
        int colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].IndexOfAnyExcept(NameBytes) >= 0)
        {
            return false;
        }

        ReadOnlySpan<byte> value = line[(colon + 1)..].Trim(" \t"u8);
        if (value.IndexOfAnyExceptInRange((byte)' ', (byte)'~') >= 0)
        {
            return false;
        }

        headers.Append(Encoding.ASCII.GetString(line[..colon]), Encoding.ASCII.GetString(value));
        return true;
    }

    private static bool IsPlainUpgrade(IHeaderDictionary headers) =>
        headers.Host.Count == 1
        && headers.ContentLength is null
        && headers.TransferEncoding.Count == 0
        && headers.Expect.Count == 0
        && headers.Upgrade is [{ } upgrade] && upgrade.Equals("websocket", StringComparison.OrdinalIgnoreCase)
        && headers.Connection is [{ } connection]
        && connection.Split(',', StringSplitOptions.TrimEntries).Contains("upgrade", StringComparer.OrdinalIgnoreCase);
}
