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
                Grow();
            }

            ref Entry? head = ref _entries[hash & (_entries.Length - 1)];
            Volatile.Write(ref head, new Entry(hash, tags.ToArray(), series, head));
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
    private void Grow()
    {
        Entry?[] larger = new Entry?[_entries.Length * 2];
        foreach (Entry? chain in _entries)
        {
            for (Entry? entry = chain; entry is not null; entry = entry.Next)
            {
                ref Entry? head = ref larger[entry.Hash & (larger.Length - 1)];
                head = new Entry(entry.Hash, entry.Tags, entry.Series, head);
            }
        }

        Volatile.Write(ref _entries, larger);
    }

    private sealed record Entry(int Hash, KeyValuePair<string, object?>[] Tags, Series Series, Entry? Next);
}
