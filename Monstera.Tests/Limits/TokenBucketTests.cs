using FsCheck;
using FsCheck.Fluent;
using Monstera.Server.Limits;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Limits;

/// <summary>A rate is kept in every window of time, and the memory for it is bounded.</summary>
public sealed class TokenBucketTests
{
    [Fact]
    public void No_window_ever_holds_more_than_the_burst_and_what_flows_in()
    {
        Property property = Prop.ForAll(
            Gen.Choose(1, 200).ToArbitrary(),
            Gen.Choose(1, 50).ToArbitrary(),
            Gen.Choose(0, 2_000).ListOf().ToArbitrary(),
            (perSecond, burst, waitsMs) =>
            {
                FakeTime time = new();
                TokenBucket bucket = default;
                Rate rate = new(perSecond, burst);
                List<double> taken = [];
                double nowMs = 0;
                foreach (int wait in waitsMs)
                {
                    // Impatient: asks several times at each instant.
                    for (int i = 0; i < 5; i++)
                    {
                        if (bucket.TryTake(rate, time, time.GetTimestamp(), out _))
                        {
                            taken.Add(nowMs);
                        }
                    }

                    time.AdvanceMs(wait / 20.0);
                    nowMs += wait / 20.0;
                }

                return Enumerable.Range(0, taken.Count).All(from => Enumerable.Range(from, taken.Count - from).All(to =>
                    to - from + 1 <= burst + (perSecond * (taken[to] - taken[from]) / 1000) + 0.01));
            });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), property);
    }

    [Fact]
    public void After_the_time_that_was_named_there_is_a_token_and_not_much_before()
    {
        Property property = Prop.ForAll(Gen.Choose(1, 1_000).ToArbitrary(), Gen.Choose(1, 50).ToArbitrary(), (perSecond, burst) =>
        {
            FakeTime time = new();
            TokenBucket bucket = default;
            Rate rate = new(perSecond, burst);
            int retryAfterMs;
            while (bucket.TryTake(rate, time, time.GetTimestamp(), out retryAfterMs))
            {
                Assert.Equal(0, retryAfterMs);
            }

            Assert.True(retryAfterMs >= 1);
            bool before = retryAfterMs > 1 && TakesAfter(bucket, retryAfterMs - 1.1);
            return !before && TakesAfter(bucket, retryAfterMs);

            bool TakesAfter(TokenBucket copy, double ms) =>
                copy.TryTake(rate, time, time.GetTimestamp() + (long)(ms * TimeSpan.TicksPerMillisecond), out _);
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), property);
    }

    [Fact]
    public void In_the_long_run_the_rate_is_reached()
    {
        FakeTime time = new();
        TokenBucket bucket = default;
        int taken = 0;
        for (int ms = 0; ms < 10_000; ms++)
        {
            taken += bucket.TryTake(new Rate(50, 200), time, time.GetTimestamp(), out _) ? 1 : 0;
            time.AdvanceMs(1);
        }

        Assert.InRange(taken, 698, 700);
    }

    [Fact]
    public void A_rate_of_zero_is_no_limit()
    {
        TokenBucket bucket = default;
        FakeTime time = new();

        Assert.All(Enumerable.Range(0, 10_000), _ => Assert.True(bucket.TryTake(new Rate(0, 1), time, time.GetTimestamp(), out int ms) && ms == 0));
    }

    [Fact]
    public void Keys_have_a_bucket_each()
    {
        KeyedTokenBuckets<string> buckets = new(new Rate(1, 2), 100, new FakeTime());

        Assert.True(buckets.TryTake("a", out _) && buckets.TryTake("a", out _));
        Assert.False(buckets.TryTake("a", out int retryAfterMs));
        Assert.Equal(1_000, retryAfterMs);
        Assert.True(buckets.TryTake("b", out _));
    }

    [Fact]
    public void A_flood_of_keys_harms_newcomers_only_and_is_forgotten()
    {
        FakeTime time = new();
        KeyedTokenBuckets<int> buckets = new(new Rate(1, 2), 100, time);
        int taken = Enumerable.Range(0, 10_000).Count(key => buckets.TryTake(key, out _));

        // A hundred have a bucket of their own; the others share one.
        Assert.Equal(102, taken);
        Assert.True(buckets.TryTake(5, out _), "One who was there before keeps the bucket.");
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(buckets.TryTake(77_777, out _) && buckets.TryTake(77_777, out _), "Full buckets are forgotten.");
    }
}
