using Microsoft.Extensions.Logging.Abstractions;
using Monstera.Server.Limits;
using Monstera.Server.Redis;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Limits;

/// <summary>The common buckets in a real Redis.</summary>
public sealed class RedisCommonBucketsTests : IAsyncLifetime
{
    private static readonly Rate Slow = new(0.01, 100);

    private RedisClient _redis = null!;
    private RedisCommonBuckets _buckets = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.Shared.Connect();
        _buckets = Buckets(_redis);
    }

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task What_nodes_took_adds_up_each_bucket_for_itself()
    {
        // A token in a hundred seconds, so that what flows in while this runs does not matter.
        Assert.Equal([200, 0], await Take("one", ("ann", 2), ("bob", 0)));
        Assert.Equal([300, 100], await Take("one", ("ann", 1), ("bob", 1)));
        Assert.Equal([300], await Take("one", ("ann", 0)));
        Assert.Equal([0], await Take("two", ("ann", 0)));
    }

    [Fact]
    public async Task More_keys_than_one_run_takes_are_answered_in_order()
    {
        (string, int)[] uses = [.. Enumerable.Range(0, 1_000).Select(i => ($"user {i}", i % 7))];
        Assert.Equal(uses.Select(use => use.Item2 * 100L), await Take("many", uses));
    }

    [Fact]
    public async Task Nobody_is_in_debt_for_more_than_five_minutes_beside_a_burst_and_full_buckets_are_not_kept()
    {
        Assert.Equal([(100 * 100) + 300], await Take("deep", ("ann", 1_000_000)));
        Rate fast = new(1_000_000, 1);
        await _buckets.Take("quick", fast, [new BucketUse("ann", 5)], Cancel);
        string key = _redis.Key("limits", "quick/ann");
        while ((await _redis.Call(key, ["EXISTS", key], Cancel)).Integer != 0)
        {
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Without_Redis_there_is_no_answer()
    {
        using RedisServer server = RedisServer.Start();
        await using RedisClient redis = await server.Connect();
        RedisCommonBuckets buckets = Buckets(redis);
        Assert.NotNull(await buckets.Take("one", Slow, [new BucketUse("ann", 1)], Cancel));
        server.Stop();
        Assert.Null(await buckets.Take("one", Slow, [new BucketUse("ann", 1)], Cancel));
    }

    private static RedisCommonBuckets Buckets(RedisClient redis) => new(redis, TimeProvider.System, NullLogger<RedisCommonBuckets>.Instance);

    /// <summary>In how many whole seconds each is full.</summary>
    private async Task<IEnumerable<long>> Take(string limit, params (string Key, int Taken)[] uses)
    {
        IReadOnlyList<TimeSpan>? fullIn = await _buckets.Take(limit, Slow, [.. uses.Select(use => new BucketUse(use.Key, use.Taken))], Cancel);
        return fullIn!.Select(span => (long)Math.Round(span.TotalSeconds / 10) * 10);
    }
}
