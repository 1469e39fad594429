namespace Monstera.Server.Limits;

/// <summary>
/// A token bucket for each key (a user, an address). Full buckets are forgotten when there are many; if all of <paramref name="keysMax"/> are in use, further keys share one
/// bucket, so that memory stays bounded and a flood of keys harms only newcomers.
/// </summary>
public sealed class KeyedTokenBuckets<TKey>(Rate rate, int keysMax, TimeProvider time)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, TokenBucket> _buckets = [];
    private TokenBucket _newcomers;

    /// <summary>Takes a token of <paramref name="key"/>, or says in how many milliseconds there is one.</summary>
    public bool TryTake(TKey key, out int retryAfterMs)
    {
        retryAfterMs = 0;
        if (rate.PerSecond <= 0)
        {
            return true;
        }

        long now = time.GetTimestamp();
        lock (_gate)
        {
            bool known = _buckets.TryGetValue(key, out TokenBucket bucket);
            if (!known && _buckets.Count >= keysMax && !Forget(now))
            {
                return _newcomers.TryTake(rate, time, now, out retryAfterMs);
            }

            bool taken = bucket.TryTake(rate, time, now, out retryAfterMs);
            _buckets[key] = bucket;
            return taken;
        }
    }

    private bool Forget(long now)
    {
        foreach ((TKey key, TokenBucket bucket) in _buckets)
        {
            if (bucket.IsFull(now))
            {
                _buckets.Remove(key);
            }
        }

        return _buckets.Count < keysMax;
    }
}
