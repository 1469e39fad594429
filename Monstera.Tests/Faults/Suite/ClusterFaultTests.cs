using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults.Suite;

/// <summary>Nothing else runs beside it: what it measures is how soon everybody recovers.</summary>
[CollectionDefinition(nameof(ClusterFaultTests), DisableParallelization = true)]
public sealed class ClusterFaultCollection;

/// <summary>
/// A cluster under load, of which everything fails that can fail. CONTRIBUTING.md says how it is run for longer. The promises are those of docs/protocol.md section 1 and of <see cref="Checker"/>.
/// </summary>
[Collection(nameof(ClusterFaultTests))]
public sealed class ClusterFaultTests
{
    [Fact]
    public async Task Whatever_fails_all_recover_and_nothing_acknowledged_is_lost_doubled_or_reordered()
    {
        Requires.Unix("Signals");
        FaultSettings settings = FaultSettings.FromEnvironment();
        long begun = TimeProvider.System.GetTimestamp();
        await using Cluster cluster = await Cluster.Start(FaultSettings.Nodes);
        TimeSpan started = TimeProvider.System.GetElapsedTime(begun);
        await using Population population = await Population.Start(settings.Members, new MemberRules(cluster.Entrance, settings.PauseMax, settings.BackoffMax, settings.Seed));
        FaultReport report = new(settings);
        TimeSpan entered = TimeProvider.System.GetElapsedTime(begun) - started;
        report.Note(FormattableString.Invariant($"{started.TotalSeconds:N1} s to start the cluster, {entered.TotalSeconds:N1} s until everybody was in"));
        FaultRun run = new(cluster, population, report, settings);
        try
        {
            Schedule schedule = new(settings.Seed, FaultSettings.Nodes, settings.Members, population.Rooms.Count, settings.HoldMin, settings.HoldMax) { Only = settings.Only };
            if (await run.All(schedule))
            {
                await run.Check();
                await run.CheckPresence(schedule.Steps().First().Members);
            }
        }
        catch (Exception e)
        {
            report.Break(e.ToString());
        }

        string text = report.Write(population.Tally);
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        if (settings.ReportFile is { } file)
        {
            await Task.WhenAll(cluster.Nodes.Select(node => File.WriteAllTextAsync($"{file}.node{node.Index}", node.Output)));
        }

        if (report.Violations.Count > 0 || population.Tally.Violations.Count > 0)
        {
            Assert.Fail($"{text}\n{string.Join("\n\n", cluster.Nodes.Select(node => $"node {node.Index} said at last:\n{string.Join('\n', node.Output.Split('\n').TakeLast(40))}"))}");
        }

        Assert.True(settings.Only.Count > 0 || population.Tally.Connections > settings.Members * 2, "The members hardly noticed: nothing was proven.");
    }
}
