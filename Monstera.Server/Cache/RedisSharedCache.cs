using Monstera.Server.Hosting;
using Monstera.Server.Redis;

namespace Monstera.Server.Cache;

/// <summary>
/// The shared cache in Redis. A key holds a value, or a lease: the right of one reader to fill it in. Removing a key removes the lease too, and a lease is never given twice, so that whoever
/// read the storage before a change has nothing left to fill.
/// </summary>
/// <remarks>Values live ten minutes: so long may something that changed be seen at the worst, when a node dies between a commit and the removal, or a failover loses the removal.</remarks>
public sealed partial class RedisSharedCache : ISharedCache
{
    private const byte ValueMark = (byte)'=';
    private const string LeaseMark = "?";

    private static readonly TimeSpan ValuesFor = TimeSpan.FromMinutes(10);

    /// <summary>Who has not filled in by then is out of luck, and another may.</summary>
    private static readonly TimeSpan LeasesFor = TimeSpan.FromSeconds(15);

    /// <summary>A cache that is slower than what it stands for is of no use.</summary>
    private static readonly TimeSpan ReadWithin = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan RemoveWithin = TimeSpan.FromSeconds(1);

    /// <summary>After Redis was away: the time that nodes have to remove what they could not remove meanwhile.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    private static readonly RedisScript ReadOrLease = new(
        """
        local held = redis.call('GET', KEYS[1])
        if not held then
            redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
            return 1
        end
        if string.sub(held, 1, 1) == '=' then
            return held
        end
        return 0
        """);

    private static readonly RedisScript FillLease = new(
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then
            redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            return 1
        end
        return 0
        """);

    private readonly RedisClient _redis;
    private readonly TimeProvider _time;
    private readonly ILogger<RedisSharedCache> _log;
    private readonly Seldom _complaints;
    private readonly Lock _gate = new();
    private long? _restoredAt;

    public RedisSharedCache(RedisClient redis, TimeProvider time, ILogger<RedisSharedCache> log)
    {
        ArgumentNullException.ThrowIfNull(redis);
        _redis = redis;
        _time = time;
        _log = log;
        _complaints = Seldom.OfRetries(time);
        redis.Restored += NoteRestored;
    }

    private bool IsQuiet
    {
        get
        {
            lock (_gate)
            {
                return _restoredAt is { } at && _time.GetElapsedTime(at) < Quiet;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<SharedEntry> Read(SharedKey key)
    {
        if (_redis.IsAway || IsQuiet)
        {
            return default;
        }

        var lease = Guid.NewGuid();
        try
        {
            using CancellationTokenSource late = new(ReadWithin, _time);
            RedisReply reply = await _redis.Run(ReadOrLease, [KeyOf(key)], [LeaseOf(lease), (long)LeasesFor.TotalMilliseconds], late.Token);
            return reply.Kind == RedisReplyKind.Bytes
                ? new SharedEntry(reply.Bytes[1..], null)
                : new SharedEntry(null, reply.Integer == 1 ? lease : null);
        }
        catch (Exception e)
        {
            Complain(e);
            return default;
        }
    }

    /// <inheritdoc/>
    public void Fill(SharedKey key, Guid lease, ReadOnlyMemory<byte> value) => _ = FillIn(key, lease, value);

    /// <inheritdoc/>
    public async ValueTask<bool> Remove(SharedKey key)
    {
        try
        {
            using CancellationTokenSource late = new(RemoveWithin, _time);
            await _redis.Call(KeyOf(key), ["DEL", KeyOf(key)], late.Token);
            return true;
        }
        catch (Exception e)
        {
            Complain(e);
            return false;
        }
    }

    private static string LeaseOf(Guid lease) => LeaseMark + lease.ToString("N");

    private async Task FillIn(SharedKey key, Guid lease, ReadOnlyMemory<byte> value)
    {
        byte[] marked = [ValueMark, .. value.Span];
        try
        {
            using CancellationTokenSource late = new(RemoveWithin, _time);
            await _redis.Run(FillLease, [KeyOf(key)], [LeaseOf(lease), marked, (long)ValuesFor.TotalMilliseconds], late.Token);
        }
        catch (Exception e)
        {
            Complain(e);
        }
    }

    /// <summary>Groups have ids of tenants and users, no braces.</summary>
    private string KeyOf(SharedKey key) => _redis.Key("cache/" + key.Group, key.Name);

    private void NoteRestored()
    {
        lock (_gate)
        {
            _restoredAt = _time.GetTimestamp();
        }
    }

    private void Complain(Exception e)
    {
        // That Redis is away is said by who connects to it.
        if (e is not (RedisUnavailableException or OperationCanceledException) && _complaints.IsTime())
        {
            LogFailed(e);
        }
    }

    [LoggerMessage(2070, LogLevel.Warning, "The shared cache in Redis does not work; the directory is asked instead")]
    private partial void LogFailed(Exception e);
}
