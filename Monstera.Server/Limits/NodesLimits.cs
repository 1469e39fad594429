namespace Monstera.Server.Limits;

/// <summary>
/// Makes limits hold over all nodes, approximately: five times a second each node tells what it gave and hears what the others did. In the long run nobody gets more than the rate, wherever they
/// ask; at once, what a burst holds on each node, and what flows in until the nodes have heard of each other, half a second at most. While the nodes cannot exchange each is for itself.
/// </summary>
public sealed class NodesLimits(ICommonBuckets common, TimeProvider time) : BackgroundService
{
    /// <summary>Between two exchanges.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private (string Name, NodesBuckets Buckets)[] _limits = [];

    /// <summary>From now on the nodes have these buckets in common.</summary>
    /// <param name="name">The same on all nodes.</param>
    public void Share(string name, NodesBuckets buckets)
    {
        ArgumentNullException.ThrowIfNull(buckets);
        if (!common.IsThere || buckets.Rate.PerSecond <= 0)
        {
            return;
        }

        buckets.IsShared = true;
        lock (_gate)
        {
            _limits = [.. _limits, (name, buckets)];
        }
    }

    /// <summary>One exchange of all limits.</summary>
    public async Task Exchange(CancellationToken cancel)
    {
        foreach ((string name, NodesBuckets buckets) in _limits)
        {
            IReadOnlyList<BucketUse> uses = buckets.Gather();
            if (uses.Count > 0)
            {
                buckets.Settle(await common.Take(name, buckets.Rate, uses, cancel) ?? []);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!common.IsThere)
        {
            return;
        }

        using PeriodicTimer timer = new(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await Exchange(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }
}
