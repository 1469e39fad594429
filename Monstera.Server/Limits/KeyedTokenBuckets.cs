namespace Monstera.Server.Limits;

/// <summary>
/// A token bucket for each key (a user, an address). Full buckets are forgotten when there are many; if all of <paramref name="keysMax"/> are in use, further keys share one
/// bucket, so that memory stays bounded and a flood of keys harms only newcomers.
/// </summary>
public sealed class KeyedTokenBuckets<TKey>(Rate rate, int keysMax, TimeProvider time) : NodesBuckets
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Entry> _buckets = [];
    private readonly HashSet<TKey> _active = [];
    private List<TKey> _gathered = [];
    private TokenBucket _newcomers;

    public override Rate Rate => rate;

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
            bool known = _buckets.TryGetValue(key, out Entry entry);
            if (!known && _buckets.Count >= keysMax && !Forget(now))
            {
                return _newcomers.TryTake(rate, time, now, out retryAfterMs);
            }

            bool taken = entry.Bucket.TryTake(rate, time, now, out retryAfterMs);
            if (taken && IsShared)
            {
                entry.Taken++;
                _active.Add(key);
            }

            _buckets[key] = entry;
            return taken;
        }
    }

    internal override IReadOnlyList<BucketUse> Gather()
    {
        List<BucketUse> uses = [];
        lock (_gate)
        {
            long now = time.GetTimestamp();
            List<TKey> gathered = [];
            foreach (TKey key in _active)
            {
                if (!_buckets.TryGetValue(key, out Entry entry))
                {
                    _active.Remove(key);
                    continue;
                }

                // Once used in earnest it is followed until it is full again: others may take of it meanwhile.
                bool isFollowed = entry.Taken >= ReportedFrom || (entry.IsFollowed && (entry.Taken > 0 || !entry.Bucket.IsFull(now)));
                if (isFollowed)
                {
                    uses.Add(new BucketUse(key.ToString()!, entry.Taken));
                    gathered.Add(key);
                }
                else
                {
                    _active.Remove(key);
                }

                _buckets[key] = entry with { Taken = 0, IsFollowed = isFollowed };
            }

            _gathered = gathered;
        }

        return uses;
    }

    internal override void Settle(IReadOnlyList<TimeSpan> fullIn)
    {
        lock (_gate)
        {
            long now = time.GetTimestamp();
            for (int i = 0; i < fullIn.Count; i++)
            {
                if (_buckets.TryGetValue(_gathered[i], out Entry entry))
                {
                    // What was taken here since it was gathered is not in the answer yet.
                    double seconds = fullIn[i].TotalSeconds + (entry.Taken / rate.PerSecond);
                    entry.Bucket.FullNotBefore(now + (long)(seconds * time.TimestampFrequency));
                    _buckets[_gathered[i]] = entry;
                }
            }

            _gathered = [];
        }
    }

    private bool Forget(long now)
    {
        foreach ((TKey key, Entry entry) in _buckets)
        {
            if (entry.Bucket.IsFull(now))
            {
                _buckets.Remove(key);
            }
        }

        return _buckets.Count < keysMax;
    }

    private record struct Entry
    {
        // A field: it is changed in place.
        public TokenBucket Bucket;

        /// <summary>Tokens that the other nodes were not told of.</summary>
        public int Taken { get; set; }

        public bool IsFollowed { get; set; }
    }
}
