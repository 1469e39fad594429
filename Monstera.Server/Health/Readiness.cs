using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Server.Lifecycle;
using Monstera.Server.Rooms;

namespace Monstera.Server.Health;

/// <summary>Whether this node can take calls now: the storage can be written, and the write path runs.</summary>
/// <remarks>Anybody may ask, so asking must be cheap: a proof is good for a second, and those who ask at once share one.</remarks>
internal sealed partial class Readiness(
    IDirectory directory, RoomWriter writer, Drain drain, TimeProvider time, ILogger<Readiness> log)
{
    private static readonly TimeSpan ProofWithin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ProofGoodFor = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Task<bool> _proof = Task.FromResult(false);
    private long? _provedAt;

    /// <summary>It goes out of service; what it is asked is still answered.</summary>
    public bool IsDraining => drain.IsDraining;

    public async Task<bool> IsReady() =>
        !IsDraining
        && writer.ExecuteTask is { IsCompleted: false }
        && await SharedProof();

    private Task<bool> SharedProof()
    {
        lock (_gate)
        {
            bool isFresh = _provedAt is { } at && time.GetElapsedTime(at) < ProofGoodFor;
            if (!_proof.IsCompleted || isFresh)
            {
                return _proof;
            }

            _provedAt = time.GetTimestamp();
            return _proof = Prove();
        }
    }

    private async Task<bool> Prove()
    {
        try
        {
            using CancellationTokenSource late = new(ProofWithin, time);

            // Not left to the storage: one that hangs may not look at its token either.
            await Task.Run(() => directory.ProveWritable(late.Token).AsTask(), late.Token).WaitAsync(late.Token);
            return true;
        }
        catch (Exception e) when (e is StorageUnavailableException or OperationCanceledException)
        {
            LogNotReady(log, e);
            return false;
        }
    }

    [LoggerMessage(2040, LogLevel.Warning, "Not ready: the storage could not be written in time.")]
    private static partial void LogNotReady(ILogger logger, Exception exception);
}
