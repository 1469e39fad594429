namespace Monstera.Server.Cache;

/// <summary>Remembers values for a short time, at most <paramref name="entriesMax"/> of them (<see cref="Generations{TKey, TValue}"/>). No entry outlives <paramref name="lifetime"/>.</summary>
internal sealed class RecentEntries<TKey, TValue>(int entriesMax, TimeSpan lifetime, TimeProvider time)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Generations<TKey, TValue> _entries = new(entriesMax, time);

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    public bool TryGet(TKey key, out TValue value)
    {
        lock (_gate)
        {
            return _entries.TryGet(key, lifetime, out value);
        }
    }

    public void Put(TKey key, TValue value)
    {
        lock (_gate)
        {
            _entries.Put(key, value, time.GetTimestamp());
        }
    }
}
