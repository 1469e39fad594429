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
            bool goesOn = step.Number <= settings.StepsMin || (settings.Length is { } length && TimeProvider.System.GetElapsedTime(begun) < length);
            if (!goesOn)
            {
                return true;
            }

            long stepBegun = Now();
            FaultOutcome outcome = await (step.Also is null ? Do(step) : DoBoth(step, step.Also));
            report.Add(outcome with { Took = TimeProvider.System.GetElapsedTime(stepBegun) });
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

    /// <summary>
    /// Nothing is written any more: reads everything back, and holds it against what everybody lived. The last words are written while a node is cut off from Redis, so that nothing comes after
    /// them that would show the other nodes what they missed.
    /// </summary>
    public async Task Check()
    {
        Link redis = cluster.Nodes[0].Redis;
        redis.Cut();
        try
        {
            await population.Settle(Patience);
        }
        finally
        {
            redis.Pass();
        }

        // Who has not got everything by then never will, in no room.
        TimeSpan patience = Patience;
        foreach (PopulationRoom room in population.Rooms)
        {
            foreach (string violation in Checker.Check(await population.ReadHistory(room, patience)))
            {
                report.Break(violation);
                patience = TimeSpan.Zero;
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
        TimeSpan injecting = TimeProvider.System.GetElapsedTime(from);
        TimeSpan healing = TimeSpan.Zero;
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
            healing = await Heal(rule, step);
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
            healing = await Heal(rule, step);
        }

        return new FaultOutcome(step, lasting, recovery, longestWait) { Injecting = injecting, Healing = healing };
    }

    private async Task<TimeSpan> Heal(FaultRule rule, FaultStep step)
    {
        long begun = Now();
        await rule.Heal(cluster, population, step);
        return TimeProvider.System.GetElapsedTime(begun);
    }

    /// <summary>The second happens while the first lasts. Both are mended, and everybody recovers: counted from when the later one is over.</summary>
    private async Task<FaultOutcome> DoBoth(FaultStep step, FaultStep also)
    {
        population.Tally.TakeLongestWait();
        (FaultStep first, FaultStep second) = FaultRules.Of(step.Kind).Lasts ? (step, also) : (also, step);
        (FaultStep waiting, FaultStep other) = FaultRules.Of(first.Kind).NeedsDatabases ? (first, second) : (second, first);
        Task one = Live(other, LeadOf(other), Task.CompletedTask);
        await Task.WhenAll(one, Live(waiting, LeadOf(waiting), NeedsTheOtherHealed(waiting, other) ? one : Task.CompletedTask));
        long from = Now();
        population.BeginProbe(from);
        TimeSpan? recovery = await population.Recover(from, Patience);
        return new FaultOutcome(step, null, recovery, population.Tally.TakeLongestWait());

        TimeSpan LeadOf(FaultStep which) => which == first ? TimeSpan.Zero : first.Hold / 2;
    }

    /// <summary>A node that starts needs the databases that it stands on.</summary>
    private static bool NeedsTheOtherHealed(FaultStep step, FaultStep other) =>
        FaultRules.Of(step.Kind).NeedsDatabases
        && other.Kind is FaultKind.RestartDirectory or FaultKind.RestartShard or FaultKind.CutDatabase or FaultKind.SilenceDatabase;

    /// <summary>A fault from its beginning, which is that much later, to its end, which waits for something.</summary>
    private async Task Live(FaultStep step, TimeSpan lead, Task healable)
    {
        FaultRule rule = FaultRules.Of(step.Kind);
        await Task.Delay(lead, TimeProvider.System);
        await rule.Inject(cluster, population, step);
        await Task.Delay(rule.Lasts ? step.Hold : TimeSpan.Zero, TimeProvider.System);
        await healable;
        await rule.Heal(cluster, population, step);
    }

    private async Task<IReadOnlyList<PopulationRoom>> RoomsOfFirstShard()
    {
        IReadOnlyList<short> shards = await cluster.ShardsOfSlots();
        return [.. population.Rooms.Where(room => shards[Slot.Of(new RoomId(room.Id))] == 0)];
    }

    private static long Now() => TimeProvider.System.GetTimestamp();
}
