namespace Monstera.Data.Sharding;

/// <summary>The map as this process knows it. Looked up again when a shard says that a slot moved, and regularly; by one at a time, whoever asks.</summary>
internal sealed class KeptShardMap(IShardMap source, SlotAssignments first, TimeProvider time)
{
    /// <summary>Between two looks of somebody who found nothing new: a hand-over takes milliseconds.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    private readonly Lock _gate = new();
    private SlotAssignments _present = first;
    private Task _refreshing = Task.CompletedTask;

    public SlotAssignments Present => Volatile.Read(ref _present);

    /// <summary>Looks up what is new; joins a look that is under way.</summary>
    /// <exception cref="StorageUnavailableException">The directory does not answer. The map stays what it was.</exception>
    public Task Refresh()
    {
        lock (_gate)
        {
            return _refreshing.IsCompleted ? _refreshing = Task.Run(Read) : _refreshing;
        }
    }

    /// <summary>The same for who does not wait for it, nor cares whether it succeeds.</summary>
    public void RefreshSoon() => _ = Refresh().ContinueWith(static failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

    /// <summary>Ends when it makes sense to ask again: with a newer map than <paramref name="stale"/>, or after a moment in which a hand-over may have ended.</summary>
    /// <param name="patience">At most so long.</param>
    public async Task Renew(SlotAssignments stale, TimeSpan patience, CancellationToken cancel)
    {
        await Refresh().WaitAsync(patience, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancel.ThrowIfCancellationRequested();
        if (Present == stale)
        {
            await Task.Delay(Pause, time, cancel);
        }
    }

    private async Task Read()
    {
        if (await source.ReadNewer(Present.Version, CancellationToken.None) is { } newer)
        {
            Volatile.Write(ref _present, newer);
        }
    }
}
