namespace Monstera.Server.Redis;

/// <summary>Keeps one connection to one server: opens it again whenever it has ended.</summary>
internal sealed class RedisLink : IAsyncDisposable
{
    private readonly RedisDialer _dialer;
    private readonly IRedisLinkOwner _owner;
    private readonly IRedisPushes? _pushes;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private TaskCompletionSource<RedisConnection> _up = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile RedisConnection? _current;
    private volatile bool _isReady;

    public RedisLink(RedisAddress address, RedisDialer dialer, IRedisLinkOwner owner, IRedisPushes? pushes)
    {
        Address = address;
        (_dialer, _owner, _pushes) = (dialer, owner, pushes);
    }

    public RedisAddress Address { get; }

    /// <summary>The open connection; null while there is none.</summary>
    public RedisConnection? Current => _current;

    /// <summary>It is open and what was subscribed before is subscribed again.</summary>
    public bool IsReady => _isReady;

    /// <summary>The connection, as soon as it is open.</summary>
    public Task<RedisConnection> WhenOpen() => _current is { } current ? Task.FromResult(current) : Volatile.Read(ref _up).Task;

    /// <summary>Called once, when its owner knows it.</summary>
    public void Start() => _running = Task.Run(KeepOpen);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_current is { } current)
        {
            await current.DisposeAsync();
        }

        await _running;
        _stop.Dispose();
    }

    private async Task KeepOpen()
    {
        RedisBackoff backoff = new();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using RedisConnection connection = await _dialer.Open(Address, _pushes, _stop.Token);
                _owner.Check(connection);
                await Use(connection);
                backoff.Reset();
                _owner.Failed(this, connection.Reason!);
            }
            catch (RedisUnavailableException e)
            {
                _owner.Failed(this, e);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                // An answer of a shape that was not expected.
                _owner.Failed(this, new RedisUnavailableException($"Redis at {Address} cannot be used: {e.Message}", e));
            }

            await Task.Delay(backoff.Next(), _dialer.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task Use(RedisConnection connection)
    {
        _current = connection;
        Volatile.Read(ref _up).TrySetResult(connection);
        try
        {
            _owner.Opened(this);

            // What was subscribed is confirmed before this is answered.
            await _dialer.Ask(connection, _stop.Token, "PING");
            _isReady = true;
            _owner.Changed();
            await connection.Ended.WaitAsync(_stop.Token);
        }
        finally
        {
            Volatile.Write(ref _up, new TaskCompletionSource<RedisConnection>(TaskCreationOptions.RunContinuationsAsynchronously));
            _isReady = false;
            _current = null;
            _owner.Changed();
        }
    }
}

/// <summary>What a link tells. Must neither wait nor throw, but for <see cref="Check"/>.</summary>
internal interface IRedisLinkOwner
{
    /// <summary>Refuses a server that is not what it should be.</summary>
    /// <exception cref="RedisUnavailableException">It is not.</exception>
    void Check(RedisConnection connection);

    /// <summary>A connection is there; what it should listen to is to be subscribed now.</summary>
    void Opened(RedisLink link);

    /// <summary>It became ready, or ended.</summary>
    void Changed();

    void Failed(RedisLink link, RedisUnavailableException reason);
}

/// <summary>A server that takes writes. What is subscribed has a connection of its own: Redis cuts who falls behind in reading it, and commands must not suffer from that.</summary>
internal sealed class RedisMaster(RedisAddress address, RedisDialer dialer, IRedisLinkOwner owner, IRedisPushes pushes) : IAsyncDisposable
{
    public RedisAddress Address { get; } = address;

    public RedisLink Commands { get; } = new(address, dialer, owner, null);

    public RedisLink Subscriptions { get; } = new(address, dialer, owner, pushes);

    public bool IsReady => Commands.IsReady && Subscriptions.IsReady;

    /// <summary>The value of the mark that was last seen there: another one, and its data was emptied.</summary>
    public string? Mark { get; set; }

    public void Start()
    {
        Commands.Start();
        Subscriptions.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await Commands.DisposeAsync();
        await Subscriptions.DisposeAsync();
    }
}
