using Monstera.Data.Rooms;

namespace Monstera.Data.Sharding;

/// <summary>
/// The way to one shard, which may be away while the others are not. It is opened when it can be. Once it did not answer, calls fail at once for about a second; then one call is
/// let through and the others still fail at once, until it is known whether the shard is back: a shard that hangs costs each reader one wait, not one after another.
/// </summary>
internal sealed class ShardLink
{
    private static readonly TimeSpan LeftAloneFor = TimeSpan.FromSeconds(1);

    private readonly int _shard;
    private readonly Func<IRoomStore> _open;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private IRoomStore? _store;
    private StorageUnavailableException? _failure;
    private long? _failedAt;
    private bool _probing;

    /// <param name="open">May block, and is called again after it failed with a <see cref="StorageUnavailableException"/>; never twice at once.</param>
    public ShardLink(int shard, Func<IRoomStore> open, TimeProvider time)
    {
        (_shard, _open, _time) = (shard, open, time);
        _failure = new StorageUnavailableException($"Shard {shard} was not opened yet.") { IsAway = true };
    }

    /// <summary>Why it is away; null when it is not.</summary>
    public StorageUnavailableException? Failure => Volatile.Read(ref _failure);

    /// <summary>Opens it for the first time. Away is no failure: it is opened when it is back.</summary>
    /// <param name="isNeeded">It has slots. One that has none, which is perhaps being set up, may be refused for now.</param>
    /// <exception cref="StorageRefusedException">It must not be used as it is.</exception>
    public async Task Open(bool isNeeded)
    {
        try
        {
            await Call(_ => ValueTask.FromResult(true));
        }
        catch (StorageUnavailableException e)
        {
            if (isNeeded && e.InnerException is StorageRefusedException refused)
            {
                throw refused;
            }
        }
    }

    /// <exception cref="StorageUnavailableException">Also when it is known to be away: at once.</exception>
    public async ValueTask<T> Call<T>(Func<IRoomStore, ValueTask<T>> call)
    {
        bool isProbe = Volatile.Read(ref _failure) is not null && BeginProbe();
        try
        {
            T result = await call(_store ?? await OpenNow());
            if (isProbe)
            {
                Settle(null, isProbe);
            }

            return result;
        }
        catch (StorageUnavailableException e) when (e.IsAway)
        {
            Settle(e, isProbe);
            throw;
        }
        catch (Exception e) when (isProbe)
        {
            // It answered, though with a no; or the caller gave up, and the next one finds out.
            Settle(e is StorageUnavailableException ? null : Failure, isProbe);
            throw;
        }
    }

    private async Task<IRoomStore> OpenNow()
    {
        try
        {
            return _store = await Task.Run(_open);
        }
        catch (StorageRefusedException e)
        {
            // Somebody may mend it while the server runs.
            throw new StorageUnavailableException($"Shard {_shard} cannot be opened: {e.Message}", e) { IsAway = true };
        }
        catch (StorageUnavailableException e) when (!e.IsAway)
        {
            throw new StorageUnavailableException(e.Message, e) { IsAway = true };
        }
    }

    /// <returns>False: it came back this moment.</returns>
    private bool BeginProbe()
    {
        lock (_gate)
        {
            if (_failure is null)
            {
                return false;
            }

            if (_probing || (_failedAt is { } at && _time.GetElapsedTime(at) < LeftAloneFor))
            {
                throw new StorageUnavailableException($"Shard {_shard} did not answer a moment ago and is left alone: {_failure.Message}", _failure) { IsAway = true };
            }

            return _probing = true;
        }
    }

    private void Settle(StorageUnavailableException? failure, bool isProbe)
    {
        lock (_gate)
        {
            Volatile.Write(ref _failure, failure);
            _failedAt = _time.GetTimestamp();
            _probing &= !isProbe;
        }
    }
}
