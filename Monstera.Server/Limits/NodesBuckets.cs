namespace Monstera.Server.Limits;

/// <summary>
/// Buckets that the nodes of an installation have in common, approximately: each node gives out of its own at once, tells now and then what it gave, hears how full the common bucket is, and
/// then gives no more than that holds.
/// </summary>
public abstract class NodesBuckets
{
    public abstract Rate Rate { get; }

    /// <summary>Set once, before the first token is taken.</summary>
    internal bool IsShared { get; set; }

    /// <summary>
    /// Who takes fewer in one exchange is not spoken of: a sixteenth of the rate, at which even sixteen nodes together give no more than the rate. So the many who write now and then cost nothing.
    /// </summary>
    internal int ReportedFrom => Math.Max(1, (int)Math.Ceiling(Rate.PerSecond * NodesLimits.Every.TotalSeconds / 16));

    /// <summary>What is to be told now, each key once.</summary>
    internal abstract IReadOnlyList<BucketUse> Gather();

    /// <summary>What was heard, in the order of what was gathered last; empty when nothing was.</summary>
    /// <param name="fullIn">In how long the common bucket is full, if nobody takes more.</param>
    internal abstract void Settle(IReadOnlyList<TimeSpan> fullIn);
}

/// <param name="Key">Of the bucket among those of its limit.</param>
/// <param name="Taken">Tokens since it was last told; 0: only asks.</param>
public readonly record struct BucketUse(string Key, int Taken);

/// <summary>Where the common buckets are.</summary>
public interface ICommonBuckets
{
    /// <summary>False: every node is for itself, and is never asked to exchange.</summary>
    bool IsThere { get; }

    /// <summary>Takes from the common buckets of a limit what was given already, as far into debt as it goes.</summary>
    /// <returns>In how long each is full, in the order of <paramref name="uses"/>; null: could not be done, or nobody knows whether it was. Never throws.</returns>
    ValueTask<IReadOnlyList<TimeSpan>?> Take(string limit, Rate rate, IReadOnlyList<BucketUse> uses, CancellationToken cancel);
}

/// <summary>A node alone has all there is.</summary>
public sealed class NoCommonBuckets : ICommonBuckets
{
    public bool IsThere => false;

    public ValueTask<IReadOnlyList<TimeSpan>?> Take(string limit, Rate rate, IReadOnlyList<BucketUse> uses, CancellationToken cancel) => default;
}
