namespace Monstera.Server.Redis;

/// <summary>How long to wait after a failure: 50 ms, doubled each time, at most a second, of which up to a half is left out by chance so that nodes do not come all at once.</summary>
internal struct RedisBackoff
{
    private const int FirstMs = 50;
    private const int MostMs = 1_000;

    private int _failures;

    public void Reset() => _failures = 0;

    public TimeSpan Next()
    {
        int ms = Math.Min(MostMs, FirstMs << Math.Min(_failures++, 10));
        return TimeSpan.FromMilliseconds((ms / 2) + Random.Shared.Next(ms / 2));
    }
}
