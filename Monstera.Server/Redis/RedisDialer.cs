using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Monstera.Server.Redis;

/// <summary>Opens connections: socket, TLS, greeting, password, database.</summary>
internal sealed class RedisDialer(RedisSettings settings, int queueBytesMax, TimeSpan timeout, TimeProvider time)
{
    public TimeSpan Timeout { get; } = timeout;

    public TimeProvider Time { get; } = time;

    /// <summary>To a server that keeps data.</summary>
    /// <exception cref="RedisUnavailableException">It cannot be reached, or refuses.</exception>
    public async Task<RedisConnection> Open(RedisAddress address, IRedisPushes? pushes, CancellationToken cancel)
    {
        RedisConnection connection = await Connect(address, pushes, cancel);
        try
        {
            string[] login = settings.Password is { } password ? ["AUTH", settings.User ?? "default", password] : [];
            connection.Greeting = await Ask(connection, cancel, ["HELLO", "3", .. login, "SETNAME", "monstera"]);
            if (settings.Database > 0)
            {
                await Ask(connection, cancel, "SELECT", $"{settings.Database}");
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>To a sentinel, which knows few commands.</summary>
    /// <exception cref="RedisUnavailableException">It cannot be reached, or refuses.</exception>
    public async Task<RedisConnection> OpenSentinel(RedisAddress address, CancellationToken cancel)
    {
        RedisConnection connection = await Connect(address, null, cancel);
        try
        {
            if (settings.SentinelPassword is { } password)
            {
                await Ask(connection, cancel, settings.SentinelUser is { } user ? ["AUTH", user, password] : ["AUTH", password]);
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Errors are exceptions here: without this answer there is no going on.</summary>
    public async Task<RedisReply> Ask(RedisConnection connection, CancellationToken cancel, params string[] command)
    {
        RedisReply reply = await connection.Call([.. command.Select(word => (RedisArg)word)], Timeout, Time, cancel);
        if (reply.Kind != RedisReplyKind.Error)
        {
            return reply;
        }

        string hint = command[0] == "HELLO" && reply.Text!.StartsWith("ERR unknown command", StringComparison.Ordinal) ? " Redis 6.2 or later is needed." : "";
        throw new RedisUnavailableException($"Redis at {connection.Address} refused {command[0]}: {reply.Text}.{hint}");
    }

    private async Task<RedisConnection> Connect(RedisAddress address, IRedisPushes? pushes, CancellationToken cancel)
    {
        using CancellationTokenSource late = new(Timeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, either.Token);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (settings.Ssl)
            {
                SslStream secure = new(stream);
                stream = secure;
                await secure.AuthenticateAsClientAsync(Secure(address), either.Token);
            }

            return new RedisConnection(address, stream, pushes, queueBytesMax, Time);
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            if (stream is not null)
            {
                await stream.DisposeAsync();
            }

            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            string why = e is OperationCanceledException ? $"no answer within {Timeout.TotalMilliseconds} ms" : e.Message;
            throw new RedisUnavailableException($"Redis at {address} cannot be reached: {why}", e);
        }
    }

    private SslClientAuthenticationOptions Secure(RedisAddress address)
    {
        SslClientAuthenticationOptions options = new() { TargetHost = settings.SslHost ?? address.Host };
        if (settings.SslCa is { } authorities)
        {
            options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return options;
    }
}
