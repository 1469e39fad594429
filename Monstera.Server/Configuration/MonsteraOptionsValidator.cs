using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Monstera.Server.Proxies;

namespace Monstera.Server.Configuration;

/// <summary>Checks every setting at start. A message names the key and the value (never a secret's).</summary>
public sealed class MonsteraOptionsValidator : IValidateOptions<MonsteraOptions>
{
    private const int SecretBytesMin = 32;
    private const int RsaBitsMin = 2048;

    public ValidateOptionsResult Validate(string? name, MonsteraOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> failures = [];

        if (!Enum.IsDefined(options.Storage))
        {
            failures.Add(Message("Storage", options.Storage, "is one of sqlite, postgres"));
        }

        if (!Enum.IsDefined(options.Backplane))
        {
            failures.Add(Message("Backplane", options.Backplane, "is one of memory, redis"));
        }

        if (string.IsNullOrWhiteSpace(options.DataFolder))
        {
            failures.Add(Message("DataFolder", options.DataFolder, "name a folder"));
        }

        if (!Enum.IsDefined(options.Registration))
        {
            failures.Add(Message("Registration", options.Registration, "is one of invite, open, closed"));
        }

        for (int i = 0; i < options.AllowedOrigins.Count; i++)
        {
            if (!IsOrigin(options.AllowedOrigins[i]))
            {
                failures.Add(Message($"AllowedOrigins:{i}", options.AllowedOrigins[i], "is an origin such as https://chat.example.org, without a path"));
            }
        }

        for (int i = 0; i < options.Proxies.Count; i++)
        {
            if (TrustedProxies.TryParse(options.Proxies[i]) is null)
            {
                failures.Add(Message($"Proxies:{i}", options.Proxies[i], "is an address such as 10.0.0.5 or a network such as 10.0.0.0/24"));
            }
        }

        CheckMetrics(options.Metrics, failures);
        CheckTracing(options.Tracing, failures);
        CheckBackups(options, failures);
        CheckConnectionTokens(options.ConnectionTokens, failures);
        InRange("Sessions:Days", options.Sessions.Days, 1, 3_650, failures);
        CheckLimits(options.Limits, failures);
        CheckPresence(options.Presence, failures);
        CheckRealtime(options.Realtime, failures);
        CheckPostgres(options.Postgres, failures);
        CheckRedis(options.Redis, failures);
        InRange("Lifecycle:SettleSeconds", options.Lifecycle.SettleSeconds ?? 0, 0, 600, failures);
        InRange("Lifecycle:DrainSeconds", options.Lifecycle.DrainSeconds ?? 0, 0, 3_600, failures);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static void CheckMetrics(MetricsOptions metrics, List<string> failures)
    {
        InRange("Metrics:Port", metrics.Port, 0, 65_535, failures);
        InRange("Metrics:BusiestRooms", metrics.BusiestRooms, 0, 500, failures);
        for (int i = 0; i < metrics.From.Count; i++)
        {
            if (TrustedProxies.TryParse(metrics.From[i]) is null)
            {
                failures.Add(Message($"Metrics:From:{i}", metrics.From[i], "is an address such as 10.0.0.5 or a network such as 10.0.0.0/24"));
            }
        }
    }

    /// <summary>The address is not shown: somebody may have put a password into it, where it does not belong.</summary>
    private static void CheckTracing(TracingOptions tracing, List<string> failures)
    {
        if (tracing.Endpoint.Length > 0
            && !(Uri.TryCreate(tracing.Endpoint, UriKind.Absolute, out Uri? uri)
                && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps) && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0))
        {
            failures.Add("Monstera:Tracing:Endpoint (not shown) is an address such as http://collector:4317, without a name, a password or a query.");
        }

        if (tracing.Protocol is not (TracingOptions.Grpc or TracingOptions.HttpProtobuf))
        {
            failures.Add(Message("Tracing:Protocol", tracing.Protocol, "is one of grpc, http/protobuf"));
        }

        if (tracing.SampleRatio is not (>= 0 and <= 1))
        {
            failures.Add(Message("Tracing:SampleRatio", tracing.SampleRatio, "is from 0 to 1"));
        }
    }

    private static void CheckBackups(MonsteraOptions options, List<string> failures)
    {
        InRange("Backups:Keep", options.Backups.Keep, 0, 3_650, failures);
        if (options.Backups.Folder.Length > 0
            && (options.Backups.Folder.Contains('\0', StringComparison.Ordinal) || string.IsNullOrWhiteSpace(options.Backups.Folder)
                || (options.DataFolder.Length > 0 && Path.GetFullPath(options.Backups.Folder) == Path.GetFullPath(options.DataFolder))))
        {
            failures.Add(Message("Backups:Folder", options.Backups.Folder, "is a folder of its own, not the data folder"));
        }
    }

    private static void CheckLimits(LimitOptions limits, List<string> failures)
    {
        const int rateMax = 1_000_000;
        InRange("Limits:WritesPerSecondPerConnection", limits.WritesPerSecondPerConnection, 0, rateMax, failures);
        InRange("Limits:WritesBurstPerConnection", limits.WritesBurstPerConnection, 1, rateMax, failures);
        InRange("Limits:WritesPerSecondPerUser", limits.WritesPerSecondPerUser, 0, rateMax, failures);
        InRange("Limits:WritesBurstPerUser", limits.WritesBurstPerUser, 1, rateMax, failures);
        InRange("Limits:WritesPerSecondPerTenant", limits.WritesPerSecondPerTenant, 0, rateMax, failures);
        InRange("Limits:WritesBurstPerTenant", limits.WritesBurstPerTenant, 1, rateMax, failures);
        InRange("Limits:CallsPerSecondPerConnection", limits.CallsPerSecondPerConnection, 0, rateMax, failures);
        InRange("Limits:CallsBurstPerConnection", limits.CallsBurstPerConnection, 1, rateMax, failures);
        InRange("Limits:SignInsPerMinutePerAddress", limits.SignInsPerMinutePerAddress, 0, rateMax, failures);
        InRange("Limits:ConnectionsPerUser", limits.ConnectionsPerUser, 1, rateMax, failures);
        InRange("Limits:ConnectionsPerNode", limits.ConnectionsPerNode, 0, rateMax, failures);
        InRange("Limits:ConnectionsPerAddress", limits.ConnectionsPerAddress, 0, rateMax, failures);
        InRange("Limits:WriteQueueMax", limits.WriteQueueMax, 1, rateMax, failures);
        InRange("Limits:WriteBatchMax", limits.WriteBatchMax, 1, 65_536, failures);
    }

    private static void CheckRealtime(RealtimeOptions realtime, List<string> failures)
    {
        InRange("Realtime:SendBufferBytes", realtime.SendBufferBytes, 4_096, 16_777_216, failures);
        InRange("Realtime:SendTimeoutSeconds", realtime.SendTimeoutSeconds, 1, 300, failures);
        InRange("Realtime:HelloTimeoutSeconds", realtime.HelloTimeoutSeconds, 1, 300, failures);
        InRange("Realtime:UpgradesPerSecond", realtime.UpgradesPerSecond, 0, 1_000_000, failures);
        InRange("Realtime:UpgradesBurst", realtime.UpgradesBurst, 1, 1_000_000, failures);
        InRange("Realtime:KeepAliveSeconds", realtime.KeepAliveSeconds, 1, 300, failures);
        InRange("Realtime:ClientTimeoutSeconds", realtime.ClientTimeoutSeconds, realtime.KeepAliveSeconds + 1, 900, failures);
        InRange("Realtime:TailEventsMax", realtime.TailEventsMax, 1, 65_536, failures);
        InRange("Realtime:TailBytesMax", realtime.TailBytesMax, 65_536, 67_108_864, failures);
        InRange("Realtime:EarlyEventMs", realtime.EarlyEventMs, 1, 10_000, failures);
        InRange("Realtime:HeadComparisonSeconds", realtime.HeadComparisonSeconds, 1, 600, failures);
        InRange("Realtime:AwayPollMs", realtime.AwayPollMs, 50, 60_000, failures);
    }

    private static void CheckPresence(PresenceOptions presence, List<string> failures)
    {
        InRange("Presence:GatherMs", presence.GatherMs, 10, 10_000, failures);
        InRange("Presence:HeartbeatSeconds", presence.HeartbeatSeconds, 1, 60, failures);
        InRange("Presence:LeaseSeconds", presence.LeaseSeconds, 2 * presence.HeartbeatSeconds, 600, failures);
    }

    private static void CheckPostgres(PostgresSettings postgres, List<string> failures)
    {
        InRange("Postgres:ConnectionsMax", postgres.ConnectionsMax, 2, 1_000, failures);
        InRange("Postgres:ConnectTimeoutSeconds", postgres.ConnectTimeoutSeconds, 1, 300, failures);
        InRange("Postgres:StatementTimeoutSeconds", postgres.StatementTimeoutSeconds, 1, 300, failures);
        InRange("Postgres:LockTimeoutSeconds", postgres.LockTimeoutSeconds, 1, 300, failures);
        InRange("Postgres:IdleInTransactionTimeoutSeconds", postgres.IdleInTransactionTimeoutSeconds, 1, 300, failures);
    }

    private static void CheckRedis(RedisOptions redis, List<string> failures)
    {
        // Braces would decide where in a cluster a key lies.
        if (redis.Prefix.Length > 64 || !redis.Prefix.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or ':'))
        {
            failures.Add(Message("Redis:Prefix", redis.Prefix, "has at most 64 letters, digits and - _ . :"));
        }

        InRange("Redis:TimeoutMs", redis.TimeoutMs, 100, 60_000, failures);
        InRange("Redis:QueueBytesMax", redis.QueueBytesMax, 65_536, 1_073_741_824, failures);
    }

    private static void CheckConnectionTokens(ConnectionTokenOptions tokens, List<string> failures)
    {
        if (tokens.Secret is not null && tokens.PublicKey is not null)
        {
            failures.Add("Monstera:ConnectionTokens:PublicKey is set together with Monstera:ConnectionTokens:Secret: one algorithm for one key, set one of them.");
        }

        if (tokens.Secret is not null && Encoding.UTF8.GetByteCount(tokens.Secret) < SecretBytesMin)
        {
            failures.Add($"Monstera:ConnectionTokens:Secret (not shown) is {Encoding.UTF8.GetByteCount(tokens.Secret)} bytes long: it must be at least {SecretBytesMin}.");
        }

        if (tokens.PublicKey is not null && !IsUsableKey(tokens.PublicKey))
        {
            failures.Add($"Monstera:ConnectionTokens:PublicKey (not shown) must be a PEM public key: RSA of at least {RsaBitsMin} bits or EC on P-256.");
        }
    }

    private static bool IsUsableKey(string pem)
    {
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return rsa.KeySize >= RsaBitsMin;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            // Not an RSA key: perhaps one on a curve.
        }

        try
        {
            using var ec = ECDsa.Create();
            ec.ImportFromPem(pem);
            return ec.KeySize == 256;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return false;
        }
    }

    private static bool IsOrigin(string? origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri)
        && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
        && uri.GetLeftPart(UriPartial.Authority).Equals(origin, StringComparison.OrdinalIgnoreCase);

    private static void InRange(string key, int value, int min, int max, List<string> failures)
    {
        if (value < min || value > max)
        {
            failures.Add(Message(key, value, string.Create(CultureInfo.InvariantCulture, $"is from {min} to {max}")));
        }
    }

    private static string Message(string key, object? value, string rule) =>
        string.Create(CultureInfo.InvariantCulture, $"Monstera:{key} is '{value}': it {rule}.");
}
