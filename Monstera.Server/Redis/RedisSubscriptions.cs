using System.Text;

namespace Monstera.Server.Redis;

/// <summary>What is subscribed, and on which connection: whenever that ends, or is no longer the one that has the channel, it is subscribed again.</summary>
/// <param name="route">The connection that has a channel now.</param>
/// <param name="changed">Something was refused, or no longer is.</param>
/// <param name="moved">A channel is no longer where it was.</param>
internal sealed partial class RedisSubscriptions(Func<string, RedisConnection?> route, Func<bool> isSharded, Action changed, Action moved, ILogger log) : IRedisPushes
{
    private const int ChannelBytesMax = 512;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Subscription> _all = new(StringComparer.Ordinal);

    /// <summary>Whether the server refuses some: then not everything is heard.</summary>
    public bool AnyRefused
    {
        get
        {
            lock (_gate)
            {
                return _all.Values.Any(subscription => subscription.IsRefused);
            }
        }
    }

    public void Add(string channel, Action<ReadOnlyMemory<byte>> handler, Action? begun)
    {
        lock (_gate)
        {
            if (channel.Length > ChannelBytesMax || !_all.TryAdd(channel, new Subscription(channel, handler, begun)))
            {
                throw new InvalidOperationException($"{channel} is subscribed already, or too long.");
            }

            Reconcile(_all[channel]);
        }
    }

    public void Remove(string channel)
    {
        Subscription? subscription;
        lock (_gate)
        {
            if (_all.Remove(channel, out subscription))
            {
                End(subscription);
            }
        }

        if (subscription is { IsRefused: true })
        {
            changed();
        }
    }

    /// <summary>Subscribes everything where it belongs now.</summary>
    /// <param name="again">Also what was refused.</param>
    public void Reconcile(bool again)
    {
        lock (_gate)
        {
            foreach (Subscription subscription in _all.Values)
            {
                if (again && subscription.IsRefused)
                {
                    subscription.On = null;
                }

                Reconcile(subscription);
            }
        }
    }

    public void Message(ReadOnlySpan<byte> channel, ReadOnlyMemory<byte> payload)
    {
        if (channel.Length > ChannelBytesMax)
        {
            return;
        }

        Span<char> name = stackalloc char[ChannelBytesMax];
        name = name[..Encoding.UTF8.GetChars(channel, name)];
        Action<ReadOnlyMemory<byte>>? handler;
        lock (_gate)
        {
            handler = _all.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out Subscription? subscription) ? subscription.Handler : null;
        }

        try
        {
            handler?.Invoke(payload);
        }
        catch (Exception e)
        {
            LogHandlerBroken(log, e);
        }
    }

    public void Lost(RedisConnection connection, string channel)
    {
        bool wasOurs;
        lock (_gate)
        {
            wasOurs = _all.TryGetValue(channel, out Subscription? subscription) && subscription.On == connection;
            if (wasOurs)
            {
                subscription!.IsRefused = true;
            }
        }

        if (wasOurs)
        {
            changed();
            moved();
        }
    }

    private void Reconcile(Subscription subscription)
    {
        RedisConnection? where = route(subscription.Channel);
        if (where == subscription.On)
        {
            return;
        }

        End(subscription);
        subscription.On = where;
        subscription.IsRefused = false;
        where?.TrySend(
            new SubscriptionReply(subscription.Channel, begins: true, error => Began(subscription, where, error)),
            [isSharded() ? "SSUBSCRIBE" : "SUBSCRIBE", subscription.Channel]);
    }

    private void End(Subscription subscription) =>
        subscription.On?.TrySend(
            new SubscriptionReply(subscription.Channel, begins: false, static _ => { }), [isSharded() ? "SUNSUBSCRIBE" : "UNSUBSCRIBE", subscription.Channel]);

    private void Began(Subscription subscription, RedisConnection where, string? error)
    {
        lock (_gate)
        {
            if (!_all.TryGetValue(subscription.Channel, out Subscription? present) || present != subscription || subscription.On != where)
            {
                return;
            }

            subscription.IsRefused = error is not null;
        }

        if (error is null)
        {
            Begin(subscription);
        }
        else if (error.StartsWith("MOVED", StringComparison.Ordinal) || error.StartsWith("CLUSTERDOWN", StringComparison.Ordinal))
        {
            moved();
        }
        else
        {
            LogRefused(log, where.Address, error);
        }

        changed();
    }

    private void Begin(Subscription subscription)
    {
        try
        {
            subscription.Begun?.Invoke();
        }
        catch (Exception e)
        {
            LogHandlerBroken(log, e);
        }
    }

    [LoggerMessage(1415, LogLevel.Error, "A handler of what came from Redis failed")]
    private static partial void LogHandlerBroken(ILogger log, Exception e);

    [LoggerMessage(1416, LogLevel.Error, "Redis at {Address} refuses a subscription, so this node does not hear of all the others do: {Error}")]
    private static partial void LogRefused(ILogger log, RedisAddress address, string error);

    private sealed class Subscription(string channel, Action<ReadOnlyMemory<byte>> handler, Action? begun)
    {
        public string Channel { get; } = channel;

        public Action<ReadOnlyMemory<byte>> Handler { get; } = handler;

        public Action? Begun { get; } = begun;

        public RedisConnection? On { get; set; }

        public bool IsRefused { get; set; }
    }
}
