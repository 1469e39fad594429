using Monstera.Data.Rooms;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;

namespace Monstera.Server.Feeds;

/// <summary>The last event of a room has no successor to reveal that it is missing: heads are compared with the log.</summary>
public sealed partial class RoomFeeds
{
    private readonly Lock _missedGate = new();
    private HashSet<int> _missedPartitions = [];
    private bool _missedAll;

    /// <summary>Compares the heads of all live rooms with the log and reads what is missing.</summary>
    public Task CompareHeads(CancellationToken cancel) => CompareHeads(null, cancel);

    /// <param name="partitions">Only the rooms in these; null: all.</param>
    private async Task CompareHeads(HashSet<int>? partitions, CancellationToken cancel)
    {
        RoomFeed[] feeds;
        lock (_gate)
        {
            feeds = [.. _feeds.Values.Select(entry => entry.Feed).Where(feed => feed.Started && partitions?.Contains(BackplanePartition.Of(feed.Room)) != false)];
        }

        foreach (IGrouping<TenantId, RoomFeed> ofTenant in feeds.GroupBy(feed => feed.Tenant))
        {
            foreach (RoomFeed[] some in ofTenant.Chunk(HeadsPerRead))
            {
                Dictionary<RoomId, RoomFeed> byRoom = some.ToDictionary(feed => feed.Room);

                // What is missing has its turn the next time.
                foreach (RoomHead head in (await _store.ReadHeads(ofTenant.Key, byRoom.Keys, cancel)).Items)
                {
                    RoomFeed feed = byRoom[head.Room];
                    if (head.Head > feed.Head || head.Epoch != feed.Epoch)
                    {
                        await RepairIfItCanBeRead(feed, cancel);
                    }
                }
            }
        }
    }

    /// <summary>Every few seconds all; while the backplane is away more often; and what may have been missed at once. What is told meanwhile waits for the next turn, all of it together.</summary>
    private async Task CompareRegularly(CancellationToken stoppingToken)
    {
        TimeSpan every = TimeSpan.FromSeconds(_options.HeadComparisonSeconds);
        TimeSpan whileAway = TimeSpan.FromMilliseconds(_options.AwayPollMs);
        long comparedAt = _time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WaitForComparison(whileAway < every ? whileAway : every, stoppingToken);
                bool isDue = _backplane.IsAway || _time.GetElapsedTime(comparedAt) >= every;
                HashSet<int>? partitions = TakeMissed(isDue);
                if (partitions is null)
                {
                    comparedAt = _time.GetTimestamp();
                }

                await (_jobs?.Run("head_comparison", () => CompareHeads(partitions, stoppingToken)) ?? CompareHeads(partitions, stoppingToken));
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogCompareFailed(e);
            }
            catch (OperationCanceledException)
            {
                // The server stops.
            }
        }
    }

    private async Task WaitForComparison(TimeSpan most, CancellationToken stoppingToken)
    {
        using CancellationTokenSource late = new(most, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, late.Token);
        await _compareNow.Wait(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <returns>The partitions of which something may have been missed; null: of everything.</returns>
    private HashSet<int>? TakeMissed(bool all)
    {
        lock (_missedGate)
        {
            HashSet<int>? partitions = all || _missedAll ? null : _missedPartitions;
            _missedPartitions = [];
            _missedAll = false;
            return partitions;
        }
    }

    private void CompareNow(int? partition)
    {
        lock (_missedGate)
        {
            if (partition is { } one)
            {
                _missedPartitions.Add(one);
            }
            else
            {
                _missedAll = true;
            }
        }

        _compareNow.Give();
    }
}
