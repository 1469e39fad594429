using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Monstera.Server.Redis;

/// <summary>Where a Redis server listens.</summary>
public readonly record struct RedisAddress(string Host, int Port)
{
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    /// <summary>host:port as a cluster writes it: without brackets round an address that has colons itself.</summary>
    public static bool TryParseLast(string text, out RedisAddress address)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.LastIndexOf(':');
        address = default;
        return colon > 0 && TryParse($"[{text[..colon].Trim('[', ']')}]{text[colon..]}", 0, out address);
    }

    /// <summary>host, host:port, or [host]:port.</summary>
    public static bool TryParse(string text, int defaultPort, out RedisAddress address)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.LastIndexOf(':');
        bool hasPort = colon > text.LastIndexOf(']') && (text.StartsWith('[') || text.IndexOf(':', StringComparison.Ordinal) == colon);
        string host = (hasPort ? text[..colon] : text).Trim('[', ']');
        int port = defaultPort;
        bool isGood = Uri.CheckHostName(host) != UriHostNameType.Unknown
            && (!hasPort || int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port))
            && port is > 0 and <= 65_535;
        address = isGood ? new RedisAddress(host, port) : default;
        return isGood;
    }
}

/// <summary>
/// The connection string <c>ConnectionStrings:Redis</c>: <c>host:port[,host:port…][,user=…][,password=…][,ssl=true][,sslHost=…][,sslCa=…][,serviceName=…][,sentinelUser=…]
/// [,sentinelPassword=…][,defaultDatabase=…]</c>, or a URL <c>redis://[user][:password]@host[:port][/database]</c> (<c>rediss:</c> with TLS). Has secrets in it: faults name
/// places, never values.
/// </summary>
public sealed class RedisSettings
{
    private const int DefaultPort = 6379;
    private const int DefaultSentinelPort = 26379;

    private RedisSettings()
    {
    }

    /// <summary>Of one server, of some masters of a cluster, or of sentinels.</summary>
    public IReadOnlyList<RedisAddress> Addresses { get; private set; } = [];

    public string? User { get; private set; }

    public string? Password { get; private set; }

    public bool Ssl { get; private set; }

    /// <summary>The name that the certificate must have; null: the host's.</summary>
    public string? SslHost { get; private set; }

    /// <summary>The only authorities that are trusted; null: those of the system.</summary>
    public X509Certificate2Collection? SslCa { get; private set; }

    /// <summary>The name under which sentinels know the master; null: the addresses are no sentinels.</summary>
    public string? ServiceName { get; private set; }

    public string? SentinelUser { get; private set; }

    public string? SentinelPassword { get; private set; }

    public int Database { get; private set; }

    /// <returns>What is wrong, to be put behind the name of the key; null: nothing.</returns>
    public static string? FindFault(string text) => Parse(text, out _);

    /// <exception cref="ArgumentException">It has a fault.</exception>
    public static RedisSettings Read(string text) => Parse(text, out RedisSettings settings) is { } fault ? throw new ArgumentException($"The connection string {fault}.", nameof(text)) : settings;

    private static string? Parse(string text, out RedisSettings settings)
    {
        ArgumentNullException.ThrowIfNull(text);
        settings = new RedisSettings();
        string? fault = text.Contains("://", StringComparison.Ordinal) ? settings.ParseUrl(text) : settings.ParseList(text);
        if (fault is null && settings.User is not null && settings.Password is null)
        {
            return "has a user and no password";
        }

        return fault ?? (settings.ServiceName is null && (settings.SentinelUser ?? settings.SentinelPassword) is not null ? "has a password for sentinels and no serviceName" : null);
    }

    private string? ParseUrl(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("redis" or "rediss") || url.Host.Length == 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            return "is no URL of the form redis://user:password@host:port/database";
        }

        string path = url.AbsolutePath.Trim('/');
        if (path.Length > 0 && !TryDatabase(path))
        {
            return "has a database that is no number from 0 to 16383";
        }

        string[] login = url.UserInfo.Split(':', 2);
        User = login[0].Length > 0 ? Uri.UnescapeDataString(login[0]) : null;
        Password = login.Length > 1 ? Uri.UnescapeDataString(login[1]) : null;
        Ssl = url.Scheme == "rediss";
        Addresses = [new RedisAddress(url.Host.Trim('[', ']'), url.Port > 0 ? url.Port : DefaultPort)];
        return null;
    }

    private string? ParseList(string text)
    {
        string[] parts = [.. text.Split(',').Select(part => part.Trim())];
        for (int i = 0; i < parts.Length; i++)
        {
            int equals = parts[i].IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && Set(parts[i][..equals].Trim(), parts[i][(equals + 1)..].Trim()) is { } fault)
            {
                return $"has a part (number {i + 1} of {parts.Length} between commas) that {fault}";
            }
        }

        List<RedisAddress> addresses = [];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!parts[i].Contains('=', StringComparison.Ordinal) || parts[i].StartsWith('='))
            {
                if (!RedisAddress.TryParse(parts[i], ServiceName is null ? DefaultPort : DefaultSentinelPort, out RedisAddress address))
                {
                    return $"has a part (number {i + 1} of {parts.Length} between commas) that is neither host:port nor option=value";
                }

                addresses.Add(address);
            }
        }

        Addresses = addresses;
        return addresses.Count == 0 ? "names no host" : null;
    }

    private string? Set(string option, string value)
    {
        switch (option.ToUpperInvariant())
        {
            case "USER":
                User = value;
                return value.Length == 0 ? "is an empty user" : null;
            case "PASSWORD":
                Password = value;
                return value.Length == 0 ? "is an empty password" : null;
            case "SSL":
                Ssl = value.Equals("true", StringComparison.OrdinalIgnoreCase);
                return Ssl || value.Equals("false", StringComparison.OrdinalIgnoreCase) ? null : "must be ssl=true or ssl=false";
            case "SSLHOST":
                SslHost = value;
                return Uri.CheckHostName(value) == UriHostNameType.Unknown ? "must be sslHost= and a host name" : null;
            case "SSLCA":
                return ReadAuthorities(value) ? null : "names a file (sslCa) that cannot be read or has no certificate in PEM";
            case "SERVICENAME":
                ServiceName = value;
                return value.Length == 0 ? "is an empty serviceName" : null;
            case "SENTINELUSER":
                SentinelUser = value;
                return value.Length == 0 ? "is an empty sentinelUser" : null;
            case "SENTINELPASSWORD":
                SentinelPassword = value;
                return value.Length == 0 ? "is an empty sentinelPassword" : null;
            case "DEFAULTDATABASE":
                return TryDatabase(value) ? null : "must be defaultDatabase= and a number from 0 to 16383";
            default:
                return "is no option that is known (user, password, ssl, sslHost, sslCa, serviceName, sentinelUser, sentinelPassword, defaultDatabase); a password with a comma needs the form of a URL";
        }
    }

    private bool TryDatabase(string text)
    {
        bool isGood = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int database) && database < 16_384;
        Database = isGood ? database : 0;
        return isGood;
    }

    private bool ReadAuthorities(string file)
    {
        try
        {
            X509Certificate2Collection authorities = [];
            authorities.ImportFromPemFile(file);
            SslCa = authorities;
            return authorities.Count > 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            return false;
        }
    }
}
