namespace Monstera.Server.Cache;

/// <summary>
/// At most <paramref name="entriesMax"/> values, each with when it was read: two generations of half that many, the older thrown away whole when the younger is full. Not safe for threads.
/// </summary>
internal sealed class Generations<TKey, TValue>(int entriesMax, TimeProvider time)
    where TKey : notnull
{
    private Dictionary<TKey, (TValue Value, long ReadAt)> _young = [];
    private Dictionary<TKey, (TValue Value, long ReadAt)> _old = [];

    public int Count => _young.Count + _old.Count;

    /// <summary>False as well for what is as old as <paramref name="lifetime"/>, or older.</summary>
    public bool TryGet(TKey key, TimeSpan lifetime, out TValue value)
    {
        if ((_young.TryGetValue(key, out var entry) || _old.TryGetValue(key, out entry)) && time.GetElapsedTime(entry.ReadAt) < lifetime)
        {
            value = entry.Value;
            return true;
        }

        value = default!;
        return false;
    }

    /// <param name="readAt">A timestamp.</param>
    public void Put(TKey key, TValue value, long readAt)
    {
        if (_young.Count >= Math.Max(1, entriesMax / 2))
        {
            (_old, _young) = (_young, []);
        }

        _young[key] = (value, readAt);
    }

    public void Remove(TKey key)
    {
        _young.Remove(key);
        _old.Remove(key);
    }

    public void Clear()
    {
        _young.Clear();
        _old.Clear();
    }
}
