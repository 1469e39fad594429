namespace Monstera.Server.Metrics;

/// <summary>
/// Finds a series by the tags of a measurement, without a lock and without allocating. Bounded: when there are too many series, further tags have one series in common (<c>other</c>), or none.
/// </summary>
internal sealed class SeriesTable(int seriesMax, string? reservedLabel, bool hasOther, Func<string, Series> create)
{
    /// <summary>The same labels may come as tags in several orders, each of which is an entry.</summary>
    private const int EntriesPerSeries = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Series> _byLabels = new(StringComparer.Ordinal);
    private Entry?[] _entries = new Entry?[16];
    private int _count;
    private Series? _bare;
    private Series[]? _sorted = [];
    private long _refused;

    /// <summary>Measurements that had no series of their own.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>All series, by their labels.</summary>
    public IReadOnlyList<Series> Sorted()
    {
        lock (_gate)
        {
            return _sorted ??= [.. _byLabels.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => one.Value)];
        }
    }

    /// <summary>Forgets all others, so that there is room for new ones. Nobody may be looking for a series meanwhile.</summary>
    public void Keep(Predicate<Series> isKept)
    {
        lock (_gate)
        {
            Series[] gone = [.. _byLabels.Values.Where(series => !isKept(series))];
            if (gone.Length == 0)
            {
                return;
            }

            _sorted = null;
            foreach (Series series in gone)
            {
                _byLabels.Remove(series.Labels);
            }

            _bare = _bare is { } bare && isKept(bare) ? bare : null;
            _entries = Rebuild(_entries.Length, isKept);
        }
    }

    /// <returns>Null: there are too many, and this one has none.</returns>
    public Series? Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return Volatile.Read(ref _bare) ?? Add(tags, 0);
        }

        int hash = HashOf(tags);
        Entry?[] entries = Volatile.Read(ref _entries);
        for (Entry? entry = Volatile.Read(ref entries[hash & (entries.Length - 1)]); entry is not null; entry = entry.Next)
        {
            if (entry.Hash == hash && AreEqual(entry.Tags, tags))
            {
                return entry.Series;
            }
        }

        return Add(tags, hash);
    }

    private static int HashOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        int hash = tags.Length;
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            hash = (hash * 31) + (tag.Value?.GetHashCode() ?? 0);
        }

        return hash;
    }

    private static bool AreEqual(KeyValuePair<string, object?>[] known, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (known.Length != tags.Length)
        {
            return false;
        }

        for (int i = 0; i < known.Length; i++)
        {
            if (!string.Equals(known[i].Key, tags[i].Key, StringComparison.Ordinal) || !Equals(known[i].Value, tags[i].Value))
            {
                return false;
            }
        }

        return true;
    }

    private Series? Add(ReadOnlySpan<KeyValuePair<string, object?>> tags, int hash)
    {
        // Full for good: not even the labels are made.
        if (Volatile.Read(ref _count) >= seriesMax * EntriesPerSeries)
        {
            Interlocked.Increment(ref _refused);
            return hasOther ? Common(tags) : null;
        }

        string labels = Labels.Of(tags, reservedLabel);
        lock (_gate)
        {
            if (!_byLabels.TryGetValue(labels, out Series? series))
            {
                if (_byLabels.Count >= seriesMax)
                {
                    Interlocked.Increment(ref _refused);
                    return hasOther ? Common(tags) : null;
                }

                _byLabels.Add(labels, series = create(labels));
                _sorted = null;
            }

            if (tags.IsEmpty)
            {
                Volatile.Write(ref _bare, series);
                return series;
            }

            if (_count >= _entries.Length)
            {
                Volatile.Write(ref _entries, Rebuild(_entries.Length * 2, static _ => true));
            }

            Link(_entries, hash, tags.ToArray(), series);
            _count++;
            return series;
        }
    }

    /// <summary>That of all who have none: it comes on top of the bound, and once for each set of names, which are few.</summary>
    private Series Common(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = Labels.OfOthers(tags, reservedLabel);
        lock (_gate)
        {
            if (!_byLabels.TryGetValue(labels, out Series? series))
            {
                _byLabels.Add(labels, series = create(labels));
                _sorted = null;
            }

            return series;
        }
    }

    /// <summary>Under the lock. Who reads the old one meanwhile finds what it had.</summary>
    private Entry?[] Rebuild(int length, Predicate<Series> isKept)
    {
        Entry?[] entries = new Entry?[length];
        _count = 0;
        foreach (Entry? chain in _entries)
        {
            for (Entry? entry = chain; entry is not null; entry = entry.Next)
            {
                if (isKept(entry.Series))
                {
                    Link(entries, entry.Hash, entry.Tags, entry.Series);
                    _count++;
                }
            }
        }

        return entries;
    }

    private static void Link(Entry?[] entries, int hash, KeyValuePair<string, object?>[] tags, Series series)
    {
        ref Entry? head = ref entries[hash & (entries.Length - 1)];
        Volatile.Write(ref head, new Entry(hash, tags, series, head));
    }

    private sealed record Entry(int Hash, KeyValuePair<string, object?>[] Tags, Series Series, Entry? Next);
}
