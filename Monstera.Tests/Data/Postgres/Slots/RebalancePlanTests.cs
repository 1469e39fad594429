using FsCheck;
using FsCheck.Fluent;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;

namespace Monstera.Tests.Data.Postgres.Slots;

public sealed class RebalancePlanTests
{
    private static readonly Arbitrary<(ShardState[] States, short[] Owners)> Installations = (
        from count in Gen.Choose(1, 6)
        from states in Gen.ArrayOf(Gen.Elements(ShardState.Active, ShardState.Active, ShardState.Draining, ShardState.Gone), count)
        from slots in Gen.Choose(1, 60)
        from owners in Gen.ArrayOf(Gen.Choose(0, count - 1).Select(shard => (short)shard), slots)
        where states.Contains(ShardState.Active)
        select (states, owners)).ToArbitrary();

    [Fact]
    public void Active_shards_have_the_same_give_or_take_one_others_none_and_no_slot_moves_without_need() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(Installations, installation =>
        {
            (ShardState[] states, short[] owners) = installation;
            Shard[] shards = [.. states.Select((state, i) => new Shard((short)i, $"s{i}", state))];
            IReadOnlyList<PlannedMove> plan = RebalancePlan.Of(shards, owners);
            short[] after = [.. owners];
            foreach (PlannedMove move in plan)
            {
                Assert.NotEmpty(move.Slots);
                Assert.Equal(move.Slots.Order(), move.Slots);
                foreach (short slot in move.Slots)
                {
                    Assert.Equal(move.From, owners[slot]);
                    after[slot] = move.To;
                }
            }

            Assert.Equal(plan.Count, plan.DistinctBy(move => (move.From, move.To)).Count());
            int[] counts = [.. shards.Select(shard => after.Count(owner => owner == shard.Id))];
            int active = states.Count(state => state == ShardState.Active);
            (int share, int rest) = (owners.Length / active, owners.Length % active);
            Assert.All(shards, shard => Assert.True(shard.State == ShardState.Active ? counts[shard.Id] == share || counts[shard.Id] == share + 1 : counts[shard.Id] == 0));

            // As few as can be: what active shards had within the best of shares stays.
            int[] had = [.. shards.Where(shard => shard.State == ShardState.Active).Select(shard => owners.Count(owner => owner == shard.Id)).OrderDescending()];
            Assert.Equal(owners.Length - had.Select((count, i) => Math.Min(count, share + (i < rest ? 1 : 0))).Sum(), plan.Sum(move => move.Slots.Count));
            Assert.Empty(RebalancePlan.Of(shards, after));
        }));

    [Fact]
    public void A_second_shard_gets_half()
    {
        Shard[] shards = [new(0, "main", ShardState.Active), new(1, "second", ShardState.Active)];
        PlannedMove move = Assert.Single(RebalancePlan.Of(shards, new short[4_096]));
        Assert.Equal((0, 1, 2_048), (move.From, move.To, move.Slots.Count));
    }

    [Fact]
    public void Without_a_shard_that_takes_slots_there_is_no_plan()
    {
        Assert.Throws<SlotMoveRefusedException>(() => RebalancePlan.Of([new Shard(0, "main", ShardState.Draining)], new short[10]));
        Assert.Throws<SlotMoveRefusedException>(() => RebalancePlan.Of([new Shard(0, "main", ShardState.Active)], [0, 1]));
    }
}
