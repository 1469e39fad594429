namespace Monstera.Server.Limits;

/// <summary>How fast a bucket fills and how much it holds. A rate of 0 means no limit.</summary>
public readonly record struct Rate(double PerSecond, int Burst);

/// <summary>
/// A token bucket: up to <see cref="Rate.Burst"/> calls at once, <see cref="Rate.PerSecond"/> in the long run. Kept as one number, the time at which the bucket is
/// full again (the generic cell rate algorithm, ITU-T I.371), so that it needs no timer and 16 bytes.
/// </summary>
public struct TokenBucket
{
    private long _fullAt;

    /// <summary>Takes a token, or says in how many milliseconds there is one. Not safe for threads: the owner sees to that.</summary>
    /// <param name="now">A timestamp of <paramref name="time"/>.</param>
    public bool TryTake(Rate rate, TimeProvider time, long now, out int retryAfterMs)
    {
        ArgumentNullException.ThrowIfNull(time);
        retryAfterMs = 0;
        if (rate.PerSecond <= 0)
        {
            return true;
        }

        // Counted from now: a timestamp of its own may be too large for a double to hold exactly.
        double perToken = time.TimestampFrequency / rate.PerSecond;
        double fullIn = Math.Max(_fullAt - now, 0) + perToken;
        double over = fullIn - (perToken * rate.Burst);

        // Half a tick of grace against rounding.
        if (over > 0.5)
        {
            retryAfterMs = Math.Max(1, (int)Math.Ceiling(over * 1000 / time.TimestampFrequency));
            return false;
        }

        _fullAt = now + (long)fullIn;
        return true;
    }

    /// <summary>Others took as well: it is not full before <paramref name="fullAt"/>, and until then gives the less, nothing at first if that is far off.</summary>
    /// <param name="fullAt">A timestamp.</param>
    public void FullNotBefore(long fullAt) => _fullAt = Math.Max(_fullAt, fullAt);

    /// <summary>Nothing was taken for so long that the bucket is as good as new.</summary>
    public readonly bool IsFull(long now) => _fullAt <= now;
}
