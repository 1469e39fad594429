namespace Monstera.Server.Realtime;

/// <summary>
/// One reading for all who ask about the same thing at the same time. Those who come while it is being read wait and are read for together the next time: nobody is answered from what
/// was read before it asked.
/// </summary>
/// <param name="itemsMax">So many are read for at once.</param>
/// <param name="read">Reads for some, in the order in which they came. What it throws, each of them gets.</param>
internal sealed class SharedReads<TKey, TItem, TResult>(int itemsMax, Func<TKey, IReadOnlyList<TItem>, Task<TResult>> read)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Queue<Reading>> _waiting = [];

    /// <summary>Ends with the result of the reading that <paramref name="item"/> was a part of.</summary>
    public Task<TResult> Read(TKey key, TItem item)
    {
        Reading reading;
        bool isFirst;
        lock (_gate)
        {
            isFirst = !_waiting.TryGetValue(key, out Queue<Reading>? waiting);
            if (isFirst)
            {
                _waiting.Add(key, waiting = new Queue<Reading>());
            }

            reading = waiting!.LastOrDefault() is { } last && last.Items.Count < itemsMax ? last : new Reading();
            if (reading.Items.Count == 0)
            {
                waiting!.Enqueue(reading);
            }

            reading.Items.Add(item);
        }

        if (isFirst)
        {
            _ = ReadAll(key);
        }

        return reading.Done.Task;
    }

    private async Task ReadAll(TKey key)
    {
        while (true)
        {
            Reading? reading;
            lock (_gate)
            {
                // From here on nobody joins it.
                if (!_waiting[key].TryDequeue(out reading))
                {
                    _waiting.Remove(key);
                    return;
                }
            }

            try
            {
                reading.Done.TrySetResult(await read(key, reading.Items));
            }
            catch (Exception e)
            {
                reading.Done.TrySetException(e);

                // Those who asked may have stopped waiting.
                _ = reading.Done.Task.Exception;
            }
        }
    }

    private sealed class Reading
    {
        public List<TItem> Items { get; } = [];

        public TaskCompletionSource<TResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
