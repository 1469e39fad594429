namespace Monstera.Data.Sharding;

/// <summary>Leaves a replica alone for a while after it failed; then one caller tries it for all.</summary>
internal sealed class ReplicaCircuit(TimeSpan rest, TimeProvider time)
{
    private readonly Lock _gate = new();
    private long? _failedAt;
    private bool _isProbed;

    /// <returns>Whether to ask the replica. Who was told yes says afterwards what came of it: <see cref="Leave"/>.</returns>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_failedAt is not { } failedAt)
            {
                return true;
            }

            if (_isProbed || time.GetElapsedTime(failedAt) < rest)
            {
                return false;
            }

            _isProbed = true;
            return true;
        }
    }

    /// <param name="isWell">Null: the call ended before the replica could show.</param>
    public void Leave(bool? isWell)
    {
        lock (_gate)
        {
            _isProbed = false;
            if (isWell is { } well)
            {
                _failedAt = well ? null : time.GetTimestamp();
            }
        }
    }
}
