using FsCheck;
using FsCheck.Fluent;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;

namespace Monstera.Tests.Growth;

public sealed class CapacityModelTests
{
    private static readonly CapacityWish Wish = new(0, 0, 12, 40, 0.5, 1.3, 0.15, 3, 365);

    /// <summary>The unit costs were measured by other scenarios than these.</summary>
    [Fact]
    public void The_model_is_within_a_fifth_of_what_two_configurations_were_measured_to_take()
    {
        IReadOnlyList<ModelCheck> checks = CapacityModel.Check(MadeUp.Book);
        Assert.True(checks.Count >= 2, $"{checks.Count} measurements");
        Assert.Equal(["postgres", "sqlite"], MadeUp.Book.Measurements.Select(measured => measured.Storage).Distinct().Order());
        Assert.All(checks, check => Assert.True(Math.Abs(check.Error) <= 0.2 && Math.Abs(check.MemoryError ?? 0) <= 0.2, $"{check}"));
    }

    [Fact]
    public void A_prediction_is_the_sum_of_its_parts()
    {
        UnitCosts costs = new(new(100, 400, 0, 1_000), new(50, 1_000, 2, 2_000), 4, 2, 1, 80, 10, 200, 10, 1_000);

        // 1,000 × (100 + 400) + 10,000 × (4 + 2) + 5,000 × 1 µs: a batch that takes no time has one event.
        Assert.Equal(0.565, CapacityModel.Processors(costs, StorageProvider.Sqlite, new CapacityLoad(1, 1, 100, 5_000, 1_000, 10_000)), 9);

        // Each of three writers has 500 a second, of which one gathers in the 2 ms of a commit; in each of two rooms it is half of one.
        Assert.Equal(
            ((1_500 * (50 + 120)) + (750 * 1_000) + (10_000 / 1.5 * 4) + (10_000 * 2) + 5_000) / 1e6,
            CapacityModel.Processors(costs, StorageProvider.Postgres, new CapacityLoad(3, 1, 2, 5_000, 1_500, 10_000)), 9);

        Assert.Equal(220, CapacityModel.MemoryMiB(costs, 2_048), 9);
    }

    [Theory]
    [InlineData(40, 1, StorageProvider.Sqlite, 1, 1)]
    [InlineData(200, 2, StorageProvider.Postgres, 2, 1)]
    [InlineData(1_000, 3, StorageProvider.Postgres, 2, 2)]
    [InlineData(10_000, 4, StorageProvider.Postgres, 3, 2)]
    public void People_lead_to_the_phase_that_is_made_for_them(long users, int phase, StorageProvider storage, int nodes, int shards)
    {
        CapacityPlan plan = CapacityModel.Predict(MadeUp.Book, Wish with { Users = users, Rooms = users / 5 });
        Assert.Equal((phase, storage), (plan.Phase, plan.Storage));
        Assert.True(plan.Nodes >= nodes && plan.Shards >= shards, $"{plan}");
        Assert.True(plan.Nodes <= nodes + 1, $"{plan}");
    }

    [Fact]
    public void More_people_never_take_less()
    {
        Prop.ForAll(
            (from users in Gen.Choose(1, 2_000_000)
             from more in Gen.Choose(1, 2_000_000)
             select (users, more)).ToArbitrary(),
            given =>
            {
                CapacityPlan one = Plan(given.users);
                CapacityPlan more = Plan(given.users + given.more);
                return more.Phase >= one.Phase && more.Nodes >= one.Nodes && more.Shards >= one.Shards && more.PerMonth >= one.PerMonth && more.Processors >= one.Processors;
            }).Check(Config.QuickThrowOnFailure);

        static CapacityPlan Plan(long users) => CapacityModel.Predict(MadeUp.Book, Wish with { Users = users, Rooms = Math.Max(1, users / 5) });
    }

    [Fact]
    public void Nodes_and_shards_keep_to_the_limits_of_their_phase()
    {
        CapacityPlan plan = CapacityModel.Predict(MadeUp.Book, Wish with { Users = 1_000_000, Rooms = 200_000 });
        Phase phase = MadeUp.Book.PhaseOf(plan.Phase);
        Instance node = MadeUp.Book.Prices.InstanceOf(plan.Node);
        Assert.InRange(plan.Processors / plan.Nodes / node.Processors, 0, phase.Limits[LimitKind.Processors]);
        Assert.InRange(plan.Connections / plan.Nodes, 0, phase.Limits[LimitKind.Connections]);
        Assert.InRange(plan.MemoryMiBPerNode / 1024 / node.MemoryGiB, 0, phase.Limits[LimitKind.Memory]);
        Assert.InRange(plan.SendsPerSecond / plan.Shards, 0, phase.Limits[LimitKind.Sends]);
        Assert.InRange(plan.DiskGiB / plan.Shards, 0, phase.Limits[LimitKind.Database]);
    }
}
