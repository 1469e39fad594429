namespace Monstera.Server.Cache;

/// <summary>
/// Remembers values for a short time, at most <paramref name="entriesMax"/> of them: two generations of half that many, the older thrown away whole when the younger is full. No entry
/// outlives <paramref name="lifetime"/>.
/// </summary>
internal sealed class RecentEntries<TKey, TValue>(int entriesMax, TimeSpan lifetime, TimeProvider time)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private Dictionary<TKey, (TValue Value, long At)> _young = [];
    private Dictionary<TKey, (TValue Value, long At)> _old = [];

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _young.Count + _old.Count;
            }
        }
    }

    public bool TryGet(TKey key, out TValue value)
    {
        lock (_gate)
        {
            if ((_young.TryGetValue(key, out var entry) || _old.TryGetValue(key, out entry)) && time.GetElapsedTime(entry.At) < lifetime)
            {
                value = entry.Value;
                return true;
            }
        }

        value = default!;
        return false;
    }

    public void Put(TKey key, TValue value)
    {
        lock (_gate)
        {
            if (_young.Count >= Math.Max(1, entriesMax / 2))
            {
                (_old, _young) = (_young, []);
            }

            _young[key] = (value, time.GetTimestamp());
        }
    }
}
