namespace Monstera.Server.Cache;

/// <summary>
/// Remembers what was looked up, at most <paramref name="entriesMax"/> entries (<see cref="Generations{TKey, TValue}"/>). Who asks for what
/// is being looked up already waits for that answer. Nothing that was read before a key was dropped is remembered, or given to whoever asks after it. Neither failures nor that there is
/// no such thing are remembered.
/// </summary>
internal sealed class CachedEntries<TKey, TValue>(int entriesMax, TimeProvider time)
    where TKey : notnull
    where TValue : class
{
    /// <summary>Keys share the memory of when they were last dropped: now and then one is taken for another, and is then looked up once more.</summary>
    private const int Stripes = 4_096;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, TaskCompletionSource<TValue?>> _lookUps = [];
    private readonly Generations<TKey, TValue> _entries = new(entriesMax, time);
    private readonly long[] _droppedAt = new long[Stripes];
    private long _clearedAt;
    private long _drops;

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

    /// <summary>Taken before something is read that is later given to <see cref="Put"/>.</summary>
    public long Stamp()
    {
        lock (_gate)
        {
            return _drops;
        }
    }

    public bool TryGet(TKey key, TimeSpan lifetime, out TValue value)
    {
        lock (_gate)
        {
            return _entries.TryGet(key, lifetime, out value);
        }
    }

    /// <summary>What is remembered and not older than <paramref name="lifetime"/>, or what <paramref name="lookUp"/> finds, which is not cancelled: others may wait for it too.</summary>
    public async ValueTask<TValue?> Get(TKey key, TimeSpan lifetime, Func<TKey, Task<TValue?>> lookUp, CancellationToken cancel)
    {
        TaskCompletionSource<TValue?>? underWay;
        TaskCompletionSource<TValue?>? own = null;
        lock (_gate)
        {
            if (_entries.TryGet(key, lifetime, out TValue known))
            {
                return known;
            }

            if (!_lookUps.TryGetValue(key, out underWay))
            {
                underWay = own = new TaskCompletionSource<TValue?>(TaskCreationOptions.RunContinuationsAsynchronously);
                _lookUps.Add(key, own);
            }
        }

        if (own is not null)
        {
            _ = LookUp(key, own, lookUp);
        }

        return await underWay.Task.WaitAsync(cancel);
    }

    /// <summary>Remembers what was read beside something else, unless it was dropped since <paramref name="stamp"/> was taken.</summary>
    public void Put(TKey key, TValue value, long stamp)
    {
        lock (_gate)
        {
            if (Holds(key, stamp))
            {
                _entries.Put(key, value, time.GetTimestamp());
            }
        }
    }

    /// <summary>It changed to this, as far as was known when <paramref name="stamp"/> was taken; if it was dropped since, it is dropped again.</summary>
    public void Replace(TKey key, TValue value, long stamp)
    {
        lock (_gate)
        {
            bool holds = Holds(key, stamp);
            Drop(key);
            if (holds)
            {
                _entries.Put(key, value, time.GetTimestamp());
            }
        }
    }

    /// <summary>It changed: what was read until now counts no longer.</summary>
    public void Drop(TKey key)
    {
        lock (_gate)
        {
            _droppedAt[StripeOf(key)] = ++_drops;
            _entries.Remove(key);
            _lookUps.Remove(key);
        }
    }

    public void Clear()
    {
        lock (_gate)
        {
            _clearedAt = ++_drops;
            _entries.Clear();
            _lookUps.Clear();
        }
    }

    private async Task LookUp(TKey key, TaskCompletionSource<TValue?> own, Func<TKey, Task<TValue?>> lookUp)
    {
        // Its age counts from when it was asked for: it may have changed while the answer was on its way.
        long askedAt = time.GetTimestamp();
        try
        {
            TValue? found = await lookUp(key);
            EndLookUp(key, own, found, askedAt);
            own.SetResult(found);
        }
        catch (Exception e)
        {
            EndLookUp(key, own, found: null, askedAt);
            own.SetException(e);
            _ = own.Task.Exception;
        }
    }

    private void EndLookUp(TKey key, TaskCompletionSource<TValue?> own, TValue? found, long askedAt)
    {
        lock (_gate)
        {
            if (_lookUps.TryGetValue(key, out TaskCompletionSource<TValue?>? current) && current == own)
            {
                _lookUps.Remove(key);
                if (found is not null)
                {
                    _entries.Put(key, found, askedAt);
                }
            }
        }
    }

    private static int StripeOf(TKey key) => (key.GetHashCode() & int.MaxValue) % Stripes;

    private bool Holds(TKey key, long stamp) => stamp >= _clearedAt && stamp >= _droppedAt[StripeOf(key)];
}
