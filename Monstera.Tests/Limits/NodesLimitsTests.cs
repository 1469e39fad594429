using FsCheck;
using FsCheck.Fluent;
using Monstera.Server.Limits;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Limits;

/// <summary>What several nodes give together stays within what is documented: the rate in the long run, a burst on each node at once.</summary>
public sealed class NodesLimitsTests
{
    private static readonly TimeSpan HalfASecond = TimeSpan.FromSeconds(0.5);

    private readonly FakeTime _time = new();
    private readonly CommonBuckets _common;

    public NodesLimitsTests() => _common = new CommonBuckets(_time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>However many nodes, however greedy, wherever the user goes: never more than the bound in any stretch of time from the start, and the rate is reached.</summary>
    [Fact]
    public void All_nodes_together_give_a_burst_each_and_then_the_rate()
    {
        Property property = Prop.ForAll(
            Gen.Choose(1, 4).ToArbitrary(), Gen.Choose(5, 200).ToArbitrary(), Gen.Choose(1, 100).ToArbitrary(), (count, perSecond, burst) =>
            {
                // Who asks every 20 ms gets the whole rate only where the bucket holds what flows in meanwhile, beside what was left of a token.
                burst = Math.Max(burst, (perSecond / 50) + 2);
                Rate rate = new(perSecond, burst);
                (NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes = [.. Enumerable.Range(0, count).Select(_ => Node(rate))];
                _common.Clear();
                int taken = 0;
                int seconds = 10 + (2 * count * burst / perSecond);
                for (int ms = 0; ms < seconds * 1_000; ms += 20)
                {
                    taken += nodes.Sum(node => Enumerable.Range(0, burst + 10).TakeWhile(_ => node.Buckets.TryTake("ann", out _)).Count());
                    if (ms % 200 == 0)
                    {
                        Exchange(nodes);
                    }

                    Assert.InRange(taken, 0, Bound(rate, count, ms / 1_000.0));
                    _time.AdvanceMs(20);
                }

                return taken >= (perSecond * seconds * 0.9) - 1;
            });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(40), property);
    }

    /// <summary>Going from node to node must not be a way to get a new burst each time.</summary>
    [Fact]
    public void Who_goes_round_gets_the_rate_only()
    {
        Rate rate = new(50, 100);
        (NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes = [Node(rate), Node(rate), Node(rate)];
        int taken = 0;
        for (int ms = 0; ms < 60_000; ms += 20)
        {
            // As long on each node as its bucket takes to be full again.
            taken += Enumerable.Range(0, 1_000).TakeWhile(_ => nodes[ms / 2_000 % 3].Buckets.TryTake("ann", out _)).Count();
            if (ms % 200 == 0)
            {
                Exchange(nodes);
            }

            _time.AdvanceMs(20);
        }

        Assert.InRange(taken, 50 * 60 * 0.9, Bound(rate, 3, 60));
    }

    [Fact]
    public void Another_node_knows_before_it_is_asked_again()
    {
        (NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes = [Node(new Rate(10, 20)), Node(new Rate(10, 20))];
        Assert.True(nodes[1].Buckets.TryTake("ann", out _));
        Exchange(nodes);
        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => nodes[0].Buckets.TryTake("ann", out _)));
        Exchange(nodes);
        Exchange(nodes);
        Assert.InRange(Enumerable.Range(0, 100).Count(_ => nodes[1].Buckets.TryTake("ann", out int _)), 0, 1);
        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => nodes[1].Buckets.TryTake("bob", out int _)));
    }

    [Fact]
    public void What_is_taken_while_the_answer_is_on_its_way_counts_too()
    {
        (NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes = [Node(new Rate(10, 20)), Node(new Rate(10, 20))];
        TakeMany(nodes[1].Buckets, 5);
        Exchange(nodes);
        TakeMany(nodes[0].Buckets, 10);
        _common.OnItsWay = () => TakeMany(nodes[0].Buckets, 5);
        Exchange(nodes[..1]);

        // Of 20 five, ten and five were taken; what flows in between two exchanges, two of them, nobody is charged for.
        Assert.InRange(Enumerable.Range(0, 100).Count(_ => nodes[0].Buckets.TryTake("ann", out int _)), 1, 2);
    }

    [Fact]
    public void Alone_each_node_is_for_itself()
    {
        (NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes = [Node(new Rate(10, 20)), Node(new Rate(10, 20))];
        _common.IsAway = true;
        for (int i = 0; i < 5; i++)
        {
            Assert.All(nodes, node => Assert.Equal(i == 0 ? 20 : 2, Enumerable.Range(0, 100).Count(_ => node.Buckets.TryTake("ann", out _))));
            Exchange(nodes);
            _time.AdvanceMs(200);
        }

        // Back: what was given meanwhile was never told, and nobody is made to pay for it.
        _common.IsAway = false;
        Exchange(nodes);
        Assert.All(nodes, node => Assert.True(node.Buckets.TryTake("ann", out _)));
    }

    [Fact]
    public void Who_writes_now_and_then_is_not_spoken_of_and_who_stopped_is_no_longer()
    {
        (NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes = [Node(new Rate(100, 400))];
        for (int i = 0; i < 100; i++)
        {
            nodes[0].Buckets.TryTake($"user {i}", out _);
        }

        Exchange(nodes);
        Assert.Equal(0, _common.Told);
        TakeMany(nodes[0].Buckets, 100);
        Exchange(nodes);
        Assert.Equal(1, _common.Told);
        _time.AdvanceMs(900);
        Exchange(nodes);
        Assert.Equal(2, _common.Told);
        _time.AdvanceMs(101);
        Exchange(nodes);
        Exchange(nodes);
        Assert.Equal(2, _common.Told);
    }

    [Fact]
    public void Limits_that_are_off_and_nodes_alone_exchange_nothing()
    {
        (NodesLimits limits, KeyedTokenBuckets<string> off) = Node(new Rate(0, 1));
        TakeMany(off, 100);
        Exchange([(limits, off)]);
        Assert.Equal(0, _common.Told);

        NodesLimits alone = new(new NoCommonBuckets(), _time);
        KeyedTokenBuckets<string> buckets = new(new Rate(10, 20), 100, _time);
        alone.Share("test", buckets);
        TakeMany(buckets, 20);
        Assert.Empty(buckets.Gather());
    }

    private static void TakeMany(KeyedTokenBuckets<string> buckets, int count) =>
        Assert.All(Enumerable.Range(0, count), _ => Assert.True(buckets.TryTake("ann", out int _)));

    private static double Bound(Rate rate, int nodes, double seconds) => (nodes * (rate.Burst + (rate.PerSecond * HalfASecond.TotalSeconds))) + (rate.PerSecond * seconds) + 1;

    private static void Exchange((NodesLimits Limits, KeyedTokenBuckets<string> Buckets)[] nodes)
    {
        foreach ((NodesLimits limits, _) in nodes)
        {
            limits.Exchange(Cancel).GetAwaiter().GetResult();
        }
    }

    private (NodesLimits Limits, KeyedTokenBuckets<string> Buckets) Node(Rate rate)
    {
        NodesLimits limits = new(_common, _time);
        KeyedTokenBuckets<string> buckets = new(rate, 100_000, _time);
        limits.Share("test", buckets);
        return (limits, buckets);
    }

    /// <summary>The common buckets as the script in Redis has them.</summary>
    private sealed class CommonBuckets(FakeTime time) : ICommonBuckets
    {
        private readonly Dictionary<string, double> _fullAt = [];

        public bool IsThere => true;

        public bool IsAway { get; set; }

        /// <summary>Buckets that were spoken of.</summary>
        public int Told { get; private set; }

        public Action? OnItsWay { get; set; }

        public void Clear() => _fullAt.Clear();

        public ValueTask<IReadOnlyList<TimeSpan>?> Take(string limit, Rate rate, IReadOnlyList<BucketUse> uses, CancellationToken cancel)
        {
            Told += uses.Count;
            OnItsWay?.Invoke();
            return ValueTask.FromResult<IReadOnlyList<TimeSpan>?>(IsAway ? null : [.. uses.Select(use =>
            {
                double now = time.GetUtcNow().UtcTicks;
                double fullAt = Math.Max(_fullAt.GetValueOrDefault(use.Key), now - NodesLimits.Every.Ticks) + (use.Taken * TimeSpan.TicksPerSecond / rate.PerSecond);
                _fullAt[use.Key] = fullAt;
                return TimeSpan.FromTicks((long)Math.Max(fullAt - now, 0));
            })]);
        }
    }
}
