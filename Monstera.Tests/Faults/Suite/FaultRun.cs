using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Faults.Suite;

/// <summary>Does one fault after another to a cluster that is used all the time, and waits each time until everybody has recovered.</summary>
internal sealed class FaultRun(Cluster cluster, Population population, FaultReport report, FaultSettings settings)
{
    /// <summary>Nothing recovers after that, if it has not until then.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly HashSet<int> Nobody = [];

    /// <returns>False: somebody did not recover, and it makes no sense to go on.</returns>
    public async Task<bool> All(Schedule schedule)
    {
        long begun = TimeProvider.System.GetTimestamp();
        long first = Now();
        population.BeginProbe(first);
        if (await population.Recover(first, Patience) is null)
        {
            report.Break($"not everybody had a message through before the first fault\n{population.DescribeStuck()}");
            return false;
        }

        foreach (FaultStep step in schedule.Steps())
        {
            bool goesOn = step.Number <= Enum.GetValues<FaultKind>().Length || (settings.Length is { } length && TimeProvider.System.GetElapsedTime(begun) < length);
            if (!goesOn)
            {
                return true;
            }

            if (settings.Only is { } only && step.Kind != only)
            {
                continue;
            }

            FaultOutcome outcome = await (step.Also is null ? Do(step) : DoBoth(step, step.Also));
            report.Add(outcome);
            report.Write(population.Tally);
            if (outcome.Recovery is null)
            {
                report.Break($"{step}: not everybody recovered within {Patience.TotalSeconds} s\n{population.DescribeStuck()}");
                return false;
            }

            await Task.Delay(settings.Rest, TimeProvider.System);
        }

        return true;
    }

    /// <summary>Nothing is written any more: reads everything back, and holds it against what everybody lived.</summary>
    public async Task Check()
    {
        await population.Settle(Patience);
        foreach (PopulationRoom room in population.Rooms)
        {
            foreach (string violation in Checker.Check(await population.ReadHistory(room, Patience)))
            {
                report.Break(violation);
            }
        }
    }

    /// <summary>Everybody is here; then some go, and the others are told.</summary>
    public async Task CheckPresence(IReadOnlySet<int> leaving)
    {
        (TimeSpan? all, string? wrong) = await PresenceCheck.Run(population, Nobody, Patience);
        if (wrong is null)
        {
            await Task.WhenAll(leaving.Select(member => population.Members[member].Stop()));
            (TimeSpan? some, wrong) = await PresenceCheck.Run(population, leaving, Patience);
            report.Note(FormattableString.Invariant($"presence was right {all?.TotalSeconds:N1} s after the last fault, and {some?.TotalSeconds:N1} s after {leaving.Count} had left"));
        }

        if (wrong is not null)
        {
            report.Break($"presence at rest: {wrong}");
        }
    }

    /// <summary>1. It happens. 2. Everybody else goes on, where that is promised. 3. It is mended. 4. Everybody recovers; where help is elsewhere, before it is mended.</summary>
    private async Task<FaultOutcome> Do(FaultStep step)
    {
        FaultRule rule = FaultRules.Of(step.Kind);
        IReadOnlyList<PopulationRoom> spared = rule.Spared == Spared.FirstShard ? await RoomsOfFirstShard() : population.Rooms;
        population.Tally.TakeLongestWait();
        long from = Now();
        population.BeginProbe(from);
        await rule.Inject(cluster, population, step);
        TimeSpan? lasting = null;
        if (rule.Spared != Spared.Nobody)
        {
            lasting = await population.Recover(from, Patience, rule.Spared == Spared.OtherMembers ? step.Members : Nobody, spared);
            if (lasting is null)
            {
                report.Break($"{step}: the others did not go on while it lasted\n{population.DescribeStuck()}");
            }
        }

        if (rule.From == RecoveryFrom.Healed)
        {
            TimeSpan left = step.Hold - TimeProvider.System.GetElapsedTime(from);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, TimeProvider.System);
            await rule.Heal(cluster, population, step);
        }

        if (rule.From != RecoveryFrom.Injecting)
        {
            from = Now();
            population.BeginProbe(from);
        }

        TimeSpan? recovery = await population.Recover(from, Patience);
        TimeSpan longestWait = population.Tally.TakeLongestWait();
        if (rule.From != RecoveryFrom.Healed)
        {
            await rule.Heal(cluster, population, step);
        }

        return new FaultOutcome(step, lasting, recovery, longestWait);
    }

    /// <summary>Both happen, both are mended, everybody recovers.</summary>
    private async Task<FaultOutcome> DoBoth(FaultStep first, FaultStep second)
    {
        population.Tally.TakeLongestWait();
        await FaultRules.Of(first.Kind).Inject(cluster, population, first);
        await FaultRules.Of(second.Kind).Inject(cluster, population, second);
        await Task.Delay(first.Hold, TimeProvider.System);

        // A node that starts needs what it stands on.
        foreach (FaultStep step in new[] { first, second }.OrderBy(step => Schedule.IsOfNodes(step.Kind)))
        {
            await FaultRules.Of(step.Kind).Heal(cluster, population, step);
        }

        long from = Now();
        population.BeginProbe(from);
        TimeSpan? recovery = await population.Recover(from, Patience);
        return new FaultOutcome(first, null, recovery, population.Tally.TakeLongestWait());
    }

    private async Task<IReadOnlyList<PopulationRoom>> RoomsOfFirstShard()
    {
        IReadOnlyList<short> shards = await cluster.ShardsOfSlots();
        return [.. population.Rooms.Where(room => shards[Slot.Of(new RoomId(room.Id))] == 0)];
    }

    private static long Now() => TimeProvider.System.GetTimestamp();
}
