using System.Globalization;
using Monstera.Server.Hosting;
using Monstera.Server.Redis;

namespace Monstera.Server.Limits;

/// <summary>
/// The common buckets in Redis: of each only when it is full again, by Redis's clock, so that the nodes' clocks need not agree. A bucket that is full is not there.
/// </summary>
public sealed partial class RedisCommonBuckets(RedisClient redis, TimeProvider time, ILogger<RedisCommonBuckets> log) : ICommonBuckets
{
    /// <summary>Of one run of the script, which holds up everybody else's commands.</summary>
    private const int KeysMax = 250;

    /// <summary>So far into debt, beside a whole burst, buckets go at most: nobody is shut out for longer.</summary>
    private static readonly TimeSpan DebtMax = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Within = TimeSpan.FromSeconds(1);
    // In microseconds: for a token, at most, between two exchanges; then what was taken of each key. What was taken since the last exchange was taken bit by bit, and as much flowed in
    // beside it: so it counts from then on.
    private static readonly RedisScript TakeAll = new(
        """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local answer = {}
        for i, key in ipairs(KEYS) do
            local taken = tonumber(ARGV[i + 3])
            local fullIn = math.max((tonumber(redis.call('GET', key)) or 0) - now, -ARGV[3])
            if taken > 0 then
                fullIn = math.min(fullIn + taken * ARGV[1], tonumber(ARGV[2]))
                redis.call('SET', key, string.format('%.0f', now + fullIn), 'PX', string.format('%.0f', math.ceil((fullIn + ARGV[3]) / 1000) + 1))
            end
            answer[i] = math.floor(math.max(fullIn, 0))
        end
        return answer
        """);

    private readonly Seldom _complaints = Seldom.OfRetries(time);

    public bool IsThere => true;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TimeSpan>?> Take(string limit, Rate rate, IReadOnlyList<BucketUse> uses, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(uses);
        if (redis.IsAway)
        {
            return null;
        }

        RedisArg perToken = (1_000_000 / rate.PerSecond).ToString("F3", CultureInfo.InvariantCulture);
        RedisArg most = (long)((rate.Burst / rate.PerSecond) + DebtMax.TotalSeconds) * 1_000_000;
        RedisArg between = (long)NodesLimits.Every.TotalMicroseconds;
        List<TimeSpan> fullIn = [];
        try
        {
            using CancellationTokenSource late = new(Within, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
            foreach (BucketUse[] some in uses.Chunk(KeysMax))
            {
                string[] keys = [.. some.Select(use => redis.Key("limits", $"{limit}/{use.Key}"))];
                RedisReply reply = await redis.Run(TakeAll, keys, [perToken, most, between, .. some.Select(use => (RedisArg)(long)use.Taken)], either.Token);
                foreach (RedisReply one in reply.Items.Span)
                {
                    fullIn.Add(TimeSpan.FromMicroseconds(one.Integer));
                }
            }

            return fullIn.Count == uses.Count ? fullIn : null;
        }
        catch (Exception e)
        {
            Complain(e);
            return null;
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

    [LoggerMessage(2071, LogLevel.Warning, "Limits cannot be exchanged by Redis; each node is for itself")]
    private partial void LogFailed(Exception e);
}
