namespace Monstera.Server.Redis;

/// <summary>Finds out who takes writes: from the addresses that were given, from sentinels, or from the servers of a cluster. Used by one loop at a time.</summary>
internal sealed class RedisDiscovery(RedisSettings settings, RedisDialer dialer) : IAsyncDisposable
{
    private RedisConnection? _sentinel;
    private int _next;

    /// <param name="known">Open connections to servers that are known, who are asked first.</param>
    /// <exception cref="RedisUnavailableException">Nobody could tell.</exception>
    public async Task<RedisLayout> Find(IReadOnlyList<RedisConnection> known, bool isCluster, CancellationToken cancel)
    {
        RedisUnavailableException? failure = null;
        foreach (RedisConnection connection in isCluster ? known : [])
        {
            try
            {
                return await AskCluster(connection, cancel);
            }
            catch (RedisUnavailableException e)
            {
                failure = e;
            }
        }

        for (int i = 0; i < settings.Addresses.Count; i++)
        {
            RedisAddress address = settings.Addresses[_next % settings.Addresses.Count];
            try
            {
                return settings.ServiceName is { } service ? await AskSentinel(address, service, cancel) : await AskServer(address, cancel);
            }
            catch (RedisUnavailableException e)
            {
                _next++;
                failure = e;
            }
        }

        throw failure!;
    }

    /// <summary>Whoever was told of a master that is none asks another sentinel the next time.</summary>
    public async ValueTask AskAnother()
    {
        if (_sentinel is { } sentinel)
        {
            _sentinel = null;
            _next++;
            await sentinel.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_sentinel is { } sentinel)
        {
            await sentinel.DisposeAsync();
        }
    }

    private async Task<RedisLayout> AskServer(RedisAddress address, CancellationToken cancel)
    {
        await using RedisConnection connection = await dialer.Open(address, null, cancel);
        RedisReply greeting = connection.Greeting;
        switch (greeting.Of("mode").Text)
        {
            case "cluster":
                return settings.Database == 0
                    ? await AskCluster(connection, cancel)
                    : throw new RedisUnavailableException($"Redis at {address} is of a cluster, which has no database {settings.Database}.");
            case "sentinel":
                throw new RedisUnavailableException($"Redis at {address} is a sentinel: the connection string needs serviceName=.");
            default:
                return greeting.Of("role").Text == "master"
                    ? new RedisLayout([address], null)
                    : throw new RedisUnavailableException($"Redis at {address} is a replica, which takes no writes.");
        }
    }

    private async Task<RedisLayout> AskCluster(RedisConnection connection, CancellationToken cancel) =>
        RedisLayout.FromSlots(await dialer.Ask(connection, cancel, "CLUSTER", "SLOTS"), connection.Address);

    private async Task<RedisLayout> AskSentinel(RedisAddress address, string service, CancellationToken cancel)
    {
        try
        {
            if (_sentinel is not { Reason: null } || _sentinel.Address != address)
            {
                await DisposeAsync();
                _sentinel = await dialer.OpenSentinel(address, cancel);
            }

            RedisReply reply = await dialer.Ask(_sentinel, cancel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", service);
            if (reply.IsNull || reply.Items.Length < 2)
            {
                throw new RedisUnavailableException($"The sentinel at {address} knows no master by the name in serviceName.");
            }

            return new RedisLayout([new RedisAddress(reply.Items.Span[0].Text!, (int)reply.Items.Span[1].Integer)], null);
        }
        catch (RedisUnavailableException)
        {
            await AskAnother();
            throw;
        }
    }
}
