namespace Monstera.Server.Hosting;

/// <summary>Lets something through at most once in <paramref name="every"/>: a warning that would otherwise be written for each call that fails. Safe for threads.</summary>
internal sealed class Seldom(TimeSpan every, TimeProvider time)
{
    private readonly Lock _gate = new();
    private long? _at;

    /// <summary>For what every call of everybody says while a storage is away: every ten seconds.</summary>
    public static Seldom OfCalls(TimeProvider time) => new(TimeSpan.FromSeconds(10), time);

    /// <summary>For what work in the background says each time that it tries again: every minute.</summary>
    public static Seldom OfRetries(TimeProvider time) => new(TimeSpan.FromMinutes(1), time);

    /// <summary>Whether it is time; then it counts as done now.</summary>
    public bool IsTime()
    {
        lock (_gate)
        {
            if (_at is { } at && time.GetElapsedTime(at) < every)
            {
                return false;
            }

            _at = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>All is well again: the next time is at once.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            _at = null;
        }
    }
}
