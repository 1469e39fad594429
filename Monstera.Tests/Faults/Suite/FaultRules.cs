using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Faults.Suite;

/// <summary>From when on a recovery counts.</summary>
internal enum RecoveryFrom
{
    /// <summary>The victims find help elsewhere: from the moment of the fault. It is healed afterwards.</summary>
    Injecting,

    /// <summary>The fault is over when it is done.</summary>
    Injected,

    /// <summary>Somebody has to mend it first.</summary>
    Healed,
}

/// <summary>Who has to go on as if nothing were while a fault lasts.</summary>
internal enum Spared
{
    Nobody,

    /// <summary>The rooms of the first shard.</summary>
    FirstShard,

    /// <summary>All members but the victims.</summary>
    OtherMembers,

    /// <summary>Later than usual, perhaps, and they must not notice more.</summary>
    Everybody,
}

/// <summary>What a kind of fault is: how it is done and undone, from when on the recovery counts, and who has to go on while it lasts.</summary>
internal sealed record FaultRule(
    FaultKind Kind, RecoveryFrom From, Spared Spared, Func<Cluster, Population, FaultStep, Task> Inject, Func<Cluster, Population, FaultStep, Task> Heal)
{
    /// <summary>A test fails beyond that. On an idle machine it is a fifth.</summary>
    public TimeSpan RecoveryMax { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>There is nobody to connect to while it lasts, so that clients learn to wait: for as long more as they do at most.</summary>
    public bool LeavesNobody { get; init; }

    /// <summary>Something else can happen while it lasts: from the injection to the healing, or while it is injected.</summary>
    public bool Lasts { get; init; } = true;

    /// <summary>What is started anew when it is healed needs the databases.</summary>
    public bool NeedsDatabases { get; init; }
}

/// <summary>The closed list of faults.</summary>
internal static class FaultRules
{
    private static readonly Dictionary<FaultKind, FaultRule> All = Rules().ToDictionary(rule => rule.Kind);

    public static FaultRule Of(FaultKind kind) => All[kind];

    private static IEnumerable<FaultRule> Rules() => [.. OfNodes(), .. OfRedis(), .. OfDatabases(), .. OfMembers()];

    private static IEnumerable<FaultRule> OfNodes()
    {
        yield return new FaultRule(
            FaultKind.KillNode, RecoveryFrom.Injecting, Spared.Nobody, (cluster, _, step) => cluster.Nodes[step.Node].Kill9(), (cluster, _, step) => cluster.Nodes[step.Node].Restart())
        {
            NeedsDatabases = true,
        };
        yield return new FaultRule(
            FaultKind.StopNode,
            RecoveryFrom.Injected,
            Spared.Nobody,
            async (cluster, _, step) => Assert.Equal(0, await cluster.Nodes[step.Node].Terminate()),
            (cluster, _, step) => cluster.Nodes[step.Node].Restart())
        {
            NeedsDatabases = true,
        };
        yield return new FaultRule(
            FaultKind.KillAllNodes,
            RecoveryFrom.Healed,
            Spared.Nobody,
            (cluster, _, _) => Task.WhenAll(cluster.Nodes.Select(node => node.Kill9())),
            (cluster, _, _) => Task.WhenAll(cluster.Nodes.Select(node => node.Restart())))
        {
            LeavesNobody = true,
            NeedsDatabases = true,
        };
        yield return new FaultRule(
            FaultKind.FreezeNode,
            RecoveryFrom.Healed,
            Spared.Nobody,
            (cluster, _, step) => cluster.Nodes[step.Node].Freeze(),
            (cluster, _, step) => cluster.Nodes[step.Node].Thaw());
    }

    private static IEnumerable<FaultRule> OfRedis()
    {
        yield return new FaultRule(
            FaultKind.KillRedis,
            RecoveryFrom.Healed,
            Spared.Everybody,
            Do((cluster, _) => cluster.Redis.Primary.Stop()),
            Do((cluster, _) => cluster.Redis.Restart()));
        yield return new FaultRule(
            FaultKind.FreezeRedis, RecoveryFrom.Healed, Spared.Everybody, Do((cluster, _) => cluster.Redis.Primary.Freeze()), Do((cluster, _) => cluster.Redis.Primary.Thaw()));
        yield return new FaultRule(
            FaultKind.FlushRedis, RecoveryFrom.Injected, Spared.Nobody, Do((cluster, _) => Assert.Equal("+OK", cluster.Redis.Primary.Command("FLUSHALL"))), Nothing)
        {
            Lasts = false,
        };
        yield return new FaultRule(
            FaultKind.FailOverRedis, RecoveryFrom.Injected, Spared.Nobody, Do((cluster, _) => cluster.LeadToRedis(cluster.Redis.FailOver())), Nothing)
        {
            Lasts = false,
        };
        yield return new FaultRule(
            FaultKind.CutRedis, RecoveryFrom.Healed, Spared.Everybody, Do((cluster, step) => cluster.Nodes[step.Node].Redis.Cut()), Do((cluster, step) => cluster.Nodes[step.Node].Redis.Pass()));
        yield return new FaultRule(
            FaultKind.SilenceRedis, RecoveryFrom.Healed, Spared.Everybody, Do((cluster, step) => cluster.Nodes[step.Node].Redis.Silence()), Do((cluster, step) => cluster.Nodes[step.Node].Redis.Pass()));
    }

    private static IEnumerable<FaultRule> OfDatabases()
    {
        foreach ((FaultKind kind, Database database, Spared spared) in new[]
        {
            (FaultKind.RestartDirectory, Database.Directory, Spared.Nobody), (FaultKind.RestartShard, Database.Second, Spared.FirstShard),
        })
        {
            yield return new FaultRule(
                kind,
                RecoveryFrom.Healed,
                spared,
                (cluster, _, _) => Task.Run(cluster.ServerOf(database).StopImmediately),
                (cluster, _, _) => Task.Run(cluster.ServerOf(database).Restart));
        }

        yield return new FaultRule(
            FaultKind.CutDatabase,
            RecoveryFrom.Healed,
            Spared.Nobody,
            Do((cluster, step) => cluster.Nodes[step.Node].To(step.Database).Cut()),
            Do((cluster, step) => cluster.Nodes[step.Node].To(step.Database).Pass()));
        yield return new FaultRule(
            FaultKind.SilenceDatabase,
            RecoveryFrom.Healed,
            Spared.Nobody,
            Do((cluster, step) => cluster.Nodes[step.Node].To(step.Database).Silence()),
            Do((cluster, step) => cluster.Nodes[step.Node].To(step.Database).Pass()));
        yield return new FaultRule(FaultKind.MoveSlots, RecoveryFrom.Injected, Spared.Nobody, MoveSlot, Nothing);
    }

    private static IEnumerable<FaultRule> OfMembers()
    {
        yield return new FaultRule(
            FaultKind.SlowReaders,
            RecoveryFrom.Healed,
            Spared.OtherMembers,
            (_, population, step) => Each(population, step, member => member.Freeze()),
            (_, population, step) => Each(population, step, member => member.Thaw()));
        yield return new FaultRule(
            FaultKind.ReconnectStorm,
            RecoveryFrom.Injecting,
            Spared.Nobody,
            (_, population, _) =>
            {
                foreach (Member member in population.Members)
                {
                    member.Cut();
                }

                return Task.CompletedTask;
            },
            Nothing)
        {
            Lasts = false,
        };
    }

    private static Func<Cluster, Population, FaultStep, Task> Do(Action<Cluster, FaultStep> action) => (cluster, _, step) =>
    {
        action(cluster, step);
        return Task.CompletedTask;
    };

    private static Task Nothing(Cluster cluster, Population population, FaultStep step) => Task.CompletedTask;

    private static Task Each(Population population, FaultStep step, Action<Member> action)
    {
        foreach (int victim in step.Members)
        {
            action(population.Members[victim]);
        }

        return Task.CompletedTask;
    }

    /// <summary>The slot of the room, and those of some others that lie in the same shard.</summary>
    private static async Task MoveSlot(Cluster cluster, Population population, FaultStep step)
    {
        const int SlotsMax = 4;
        IEnumerable<short> slots = population.Rooms.Skip(step.Room).Concat(population.Rooms.Take(step.Room)).Select(room => Slot.Of(new RoomId(room.Id)));
        IReadOnlyList<short> shards = await cluster.ShardsOfSlots();
        int from = shards[slots.First()];
        await cluster.MoveSlots(from, 1 - from, [.. slots.Where(slot => shards[slot] == from).Distinct().Take(SlotsMax)]);
    }
}
