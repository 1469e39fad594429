namespace Monstera.Tests.Faults.Suite;

/// <summary>
/// Faults without end, in rounds of which each has every kind once: alone in the first, third, fifth … round, two at once in those between. The same seed and size give the same faults in the same order with
/// the same victims; which kinds there are changes no victims.
/// </summary>
internal sealed class Schedule(int seed, int nodes, int members, int rooms, TimeSpan holdMin, TimeSpan holdMax)
{
    /// <summary>One in so many reads slowly.</summary>
    private const int SlowShare = 10;

    /// <summary>Two of one group would be the same twice, or undo each other; and the command that moves slots fails when the databases do, and is run again by whoever runs it.</summary>
    private static readonly FaultKind[][] Groups =
    [
        [FaultKind.KillNode, FaultKind.StopNode, FaultKind.KillAllNodes, FaultKind.FreezeNode],
        [FaultKind.KillRedis, FaultKind.FreezeRedis, FaultKind.FlushRedis, FaultKind.FailOverRedis, FaultKind.CutRedis, FaultKind.SilenceRedis],
        [FaultKind.RestartDirectory, FaultKind.RestartShard, FaultKind.CutDatabase, FaultKind.SilenceDatabase, FaultKind.MoveSlots],
        [FaultKind.SlowReaders, FaultKind.ReconnectStorm],
    ];

    /// <summary>No other kinds than these; empty: all.</summary>
    public IReadOnlyList<FaultKind> Only { get; init; } = [];

    public static int GroupOf(FaultKind kind) => Array.FindIndex(Groups, group => group.Contains(kind));

    public IEnumerable<FaultStep> Steps()
    {
        Random random = new(seed);
        int number = 0;
        for (int round = 1; ; round++)
        {
            List<FaultStep> steps = Round(random);
            while (steps.Count > 0)
            {
                FaultStep step = steps[0];
                steps.RemoveAt(0);
                int other = round % 2 == 1 ? -1 : steps.FindIndex(one => GroupOf(one.Kind) != GroupOf(step.Kind));
                FaultStep? also = other < 0 ? null : steps[other];
                if (also is not null)
                {
                    steps.RemoveAt(other);
                }

                yield return step with { Number = ++number, Also = also };
            }
        }
    }

    private List<FaultStep> Round(Random random)
    {
        List<FaultStep> steps = [];
        FaultKind[] kinds = Enum.GetValues<FaultKind>();
        random.Shuffle(kinds);
        foreach (FaultKind kind in kinds)
        {
            // All are drawn for each kind, so that no step depends on what those before it were.
            int node = random.Next(nodes);
            Database database = (Database)random.Next(Enum.GetValues<Database>().Length);
            int[] everybody = [.. Enumerable.Range(0, members)];
            random.Shuffle(everybody);
            int room = random.Next(rooms);
            TimeSpan hold = holdMin + ((holdMax - holdMin) * random.NextDouble());
            steps.Add(new FaultStep(0, kind, node, database, everybody.Take(Math.Max(1, members / SlowShare)).ToHashSet(), room, hold));
        }

        return Only.Count == 0 ? steps : steps.FindAll(step => Only.Contains(step.Kind));
    }
}
