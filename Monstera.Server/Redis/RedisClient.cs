using Monstera.Server.Configuration;
using Monstera.Server.Hosting;

namespace Monstera.Server.Redis;

/// <summary>
/// Redis, be it one server, a master that sentinels watch, or a cluster: one and the same for who asks. Connects by itself, again and again; nothing that is asked while it is
/// away waits for it.
/// </summary>
/// <remarks>Safe for threads. Speaks RESP3: Redis 6.2 or later, a cluster 7.0 or later (sharded channels).</remarks>
public sealed partial class RedisClient : IRedisLinkOwner, IAsyncDisposable, IDisposable
{
    private const int RedirectsMax = 5;

    private readonly Lock _gate = new();
    private readonly string _prefix;
    private readonly RedisDialer _dialer;
    private readonly RedisDiscovery _discovery;
    private readonly RedisSubscriptions _subscriptions;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Nudge _lookNow = new();
    private readonly Seldom _refusals;
    private readonly bool _follows;
    private Task _watching = Task.CompletedTask;
    private Task _marking = Task.CompletedTask;
    private volatile Nodes _nodes = new([], null);
    private volatile bool _isAway = true;
    private bool _awayLogged;
    private bool _wasBack;
    private long _awaySince;
    private long _awayTicks;
    private long _reconnects;
    private long _dropped;

    /// <param name="prefix">Begins the name of every key and channel.</param>
    public RedisClient(RedisSettings settings, string prefix, RedisOptions options, TimeProvider time, ILogger<RedisClient> log)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        (_prefix, _time, _log) = (prefix, time, log);
        _refusals = new Seldom(LogRefusalsEvery, time);
        _dialer = new RedisDialer(settings, options.QueueBytesMax, TimeSpan.FromMilliseconds(options.TimeoutMs), time);
        _discovery = new RedisDiscovery(settings, _dialer);
        _subscriptions = new RedisSubscriptions(
            channel => _nodes.Of(channel)?.Subscriptions.Current, () => _nodes.IsCluster, Evaluate, _lookNow.Give, log);
        _follows = settings.ServiceName is not null;
        _awaySince = time.GetTimestamp();
    }

    /// <summary>Begins to connect. Called once, by who made it.</summary>
    public RedisClient Start()
    {
        _watching = Task.Run(Watch);
        _marking = Task.Run(WatchMarks);
        return this;
    }

    /// <summary>While no master can be reached; of a cluster, while any of its masters cannot be. What is published then is lost, what is asked fails at once or in time.</summary>
    public bool IsAway => _isAway;

    /// <summary>
    /// Raised when it was away and is back (also the first time), after all subscriptions are there again; and when its data was emptied. Anything kept there may be gone, anything
    /// published until now may have been missed. Handlers must be quick and must not throw.
    /// </summary>
    public event Action? Restored;

    /// <summary>How often it was away and came back.</summary>
    public long Reconnects => Interlocked.Read(ref _reconnects);

    /// <summary>Messages that were not sent, because it was away or too much waited.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>How long it was away, altogether.</summary>
    public TimeSpan AwayFor
    {
        get
        {
            lock (_gate)
            {
                return TimeSpan.FromTicks(_awayTicks) + (_isAway ? _time.GetElapsedTime(_awaySince) : TimeSpan.Zero);
            }
        }
    }

    /// <summary>The name of a key or a channel of this installation: <c>prefix:{tag}:name</c>. What has one tag lies on one server of a cluster.</summary>
    public string Key(string tag, string name) => $"{_prefix}:{{{tag}}}:{name}";

    /// <summary>Carries out one command on the server that has the key.</summary>
    /// <param name="key">Tells where; stands in <paramref name="command"/> too.</param>
    /// <exception cref="RedisUnavailableException">It is away, or did not answer in time: the outcome is unknown.</exception>
    /// <exception cref="RedisErrorException">It answered with an error.</exception>
    public async ValueTask<RedisReply> Call(string key, RedisArg[] command, CancellationToken cancel)
    {
        RedisMaster master = _nodes.Of(key) ?? throw new RedisUnavailableException("Redis is away.");
        RedisConnection connection = master.Commands.Current ?? throw new RedisUnavailableException($"Redis at {master.Address} is away.");
        RedisArg[]? before = null;
        for (int redirects = 0; ; redirects++)
        {
            RedisReply reply = await connection.Call(command, _dialer.Timeout, _time, cancel, before);
            if (reply.Kind != RedisReplyKind.Error)
            {
                return reply;
            }

            RedisErrorException error = new(reply.Text!);
            if (error.Code is "READONLY" or "MASTERDOWN" or "LOADING")
            {
                // It is no master any more, or not yet.
                connection.Close($"it answered {error.Code}.");
                throw new RedisUnavailableException(error.Message, error);
            }

            if (redirects == RedirectsMax || !TryFollow(error, out RedisMaster? next))
            {
                throw error.Code is "CLUSTERDOWN" or "TRYAGAIN" ? new RedisUnavailableException(error.Message, error) : error;
            }

            before = error.Code == "ASK" ? ["ASKING"] : null;
            connection = await WhenOpen(next!, cancel);
        }
    }

    /// <summary>Carries out a script on the server that has the keys, which must have one tag.</summary>
    /// <exception cref="RedisUnavailableException">As <see cref="Call"/>.</exception>
    /// <exception cref="RedisErrorException">As <see cref="Call"/>.</exception>
    public async ValueTask<RedisReply> Run(RedisScript script, string[] keys, RedisArg[] args, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(script);
        ArgumentNullException.ThrowIfNull(keys);
        RedisArg[] words = ["EVALSHA", script.Hash, keys.Length, .. keys.Select(key => (RedisArg)key), .. args];
        try
        {
            return await Call(keys[0], words, cancel);
        }
        catch (RedisErrorException e) when (e.Code == "NOSCRIPT")
        {
            (words[0], words[1]) = ("EVAL", script.Source);
            return await Call(keys[0], words, cancel);
        }
    }

    /// <summary>Never waits: it is dropped, and counted, while Redis is away or too much waits to be sent. Messages of one channel keep their order.</summary>
    /// <param name="payload">Not copied: must not change.</param>
    public void Publish(string channel, ReadOnlyMemory<byte> payload)
    {
        PublishedReply reply = new(this, channel, payload);
        if (!TryPublish(reply, _nodes.Of(channel)))
        {
            reply.Drop();
        }
    }

    /// <summary>As <see cref="Publish"/>, for who wants to know when the server has it.</summary>
    /// <returns>False: it was dropped, or is probably lost.</returns>
    internal Task<bool> PublishAndConfirm(string channel, ReadOnlyMemory<byte> payload)
    {
        PublishedReply reply = new(this, channel, payload) { Done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously) };
        if (!TryPublish(reply, _nodes.Of(channel)))
        {
            reply.Drop();
        }

        return reply.Done.Task;
    }

    /// <summary>Begins a moment later, or when Redis is back, and again whenever that is needed.</summary>
    /// <param name="handler">Takes what is published. Called by one thread at a time, in order; must be quick.</param>
    /// <param name="begun">Called each time that listening has begun: what was published before may have been missed.</param>
    /// <exception cref="InvalidOperationException">The channel is subscribed already.</exception>
    public void Subscribe(string channel, Action<ReadOnlyMemory<byte>> handler, Action? begun)
    {
        ArgumentNullException.ThrowIfNull(channel);
        _subscriptions.Add(channel, handler, begun);
    }

    public void Unsubscribe(string channel) => _subscriptions.Remove(channel);

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        await _watching;
        await _marking;
        foreach (RedisMaster master in _nodes.Masters)
        {
            await master.DisposeAsync();
        }

        await _discovery.DisposeAsync();
        _stop.Dispose();
        _lookNow.Dispose();
    }

    private bool TryPublish(PublishedReply reply, RedisMaster? master) =>
        master?.Commands.Current is { } connection
        && connection.TrySend(reply, [_nodes.IsCluster ? "SPUBLISH" : "PUBLISH", reply.Channel, reply.Payload]) is null;

    private async Task<RedisConnection> WhenOpen(RedisMaster master, CancellationToken cancel)
    {
        try
        {
            return await master.Commands.WhenOpen().WaitAsync(_dialer.Timeout, _time, cancel);
        }
        catch (TimeoutException)
        {
            throw new RedisUnavailableException($"Redis at {master.Address} is away.");
        }
    }

    /// <summary>A message on its way. One that went to the wrong server of a cluster is sent once more, to the right one.</summary>
    private sealed class PublishedReply(RedisClient client, string channel, ReadOnlyMemory<byte> payload) : PendingReply
    {
        private bool _again;

        public string Channel { get; } = channel;

        public ReadOnlyMemory<byte> Payload { get; } = payload;

        public TaskCompletionSource<bool>? Done { get; init; }

        public override void Complete(RedisReply reply)
        {
            if (reply.Kind != RedisReplyKind.Error)
            {
                Done?.TrySetResult(true);
                return;
            }

            RedisErrorException error = new(reply.Text!);
            bool isSent = !_again && client.TryFollow(error, out RedisMaster? next) && (_again = true) && client.TryPublish(this, next);
            if (!isSent)
            {
                client.PublishRefused(error);
                Drop();
            }
        }

        public override void Fail(RedisUnavailableException reason) => Drop();

        public void Drop()
        {
            Interlocked.Increment(ref client._dropped);
            Done?.TrySetResult(false);
        }
    }
}
