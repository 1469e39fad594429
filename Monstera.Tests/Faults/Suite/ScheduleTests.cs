namespace Monstera.Tests.Faults.Suite;

/// <summary>A run can be repeated: what is done follows from the seed alone.</summary>
public sealed class ScheduleTests
{
    private static readonly int Kinds = Enum.GetValues<FaultKind>().Length;

    [Fact]
    public void The_same_seed_gives_the_same_faults_in_the_same_order_with_the_same_victims() =>
        Assert.Equal(Of(7).Select(Whole), Of(7).Select(Whole));

    [Fact]
    public void Another_seed_gives_others() => Assert.NotEqual(Of(7).Select(Whole), Of(8).Select(Whole));

    [Fact]
    public void Each_round_has_every_kind_once_alone_or_with_another_elsewhere()
    {
        FaultStep[] steps = [.. Of(7)];
        Assert.All(steps.Take(Kinds), step => Assert.Null(step.Also));
        FaultStep[] second = [.. steps.Skip(Kinds).TakeWhile((_, i) => steps.Skip(Kinds).Take(i).Sum(step => step.Also is null ? 1 : 2) < Kinds)];
        Assert.All(new[] { steps.Take(Kinds), second }, round => Assert.Equal(Enum.GetValues<FaultKind>(), Flat(round).Select(step => step.Kind).Order()));
        Assert.InRange(second.Count(step => step.Also is not null), 5, 8);
        Assert.All(steps, step => Assert.True(step.Also is null || Schedule.GroupOf(step.Kind) != Schedule.GroupOf(step.Also.Kind)));
        Assert.All(Enum.GetValues<FaultKind>(), kind => Assert.InRange(Schedule.GroupOf(kind), 0, 3));
        Assert.Equal(Enumerable.Range(1, steps.Length), steps.Select(step => step.Number));
    }

    [Fact]
    public void Of_two_kinds_each_comes_alone_and_then_both_at_once()
    {
        FaultKind[] only = [FaultKind.KillNode, FaultKind.RestartShard];
        FaultStep[] steps = [.. new Schedule(7, 3, 50, 20, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)) { Only = only }.Steps().Take(6)];
        Assert.Equal([false, false, true, false, false, true], steps.Select(step => step.Also is not null));
        Assert.All(new[] { steps[..2], steps[2..3], steps[3..5], steps[5..6] }, round => Assert.Equal(only.Order(), Flat(round).Select(step => step.Kind).Order()));
        FaultStep[] all = [.. Flat(Of(7)).Where(step => only.Contains(step.Kind)).Take(8)];
        Assert.Equal(all.Select(Victims), Flat(steps).Select(Victims));
    }

    [Fact]
    public void The_short_form_has_every_kind_alone_and_two_at_once()
    {
        FaultSettings settings = new(FaultSettings.SeedUnlessSaid, null, 200, [], null);
        FaultStep[] steps = [.. new Schedule(settings.Seed, 3, 200, 40, settings.HoldMin, settings.HoldMax).Steps().Take(settings.StepsMin)];
        Assert.Equal(Enum.GetValues<FaultKind>(), steps.Where(step => step.Also is null).Select(step => step.Kind).Order());
        Assert.All(steps.Skip(Kinds), step => Assert.NotNull(step.Also));
        Assert.True(steps.Length > Kinds);
    }

    [Fact]
    public void Everything_becomes_a_victim_sometime()
    {
        FaultStep[] steps = [.. Flat(Of(7))];
        Assert.Equal([0, 1, 2], steps.Select(step => step.Node).Distinct().Order());
        Assert.Equal(Enum.GetValues<Database>(), steps.Select(step => step.Database).Distinct().Order());
        Assert.Equal(Enumerable.Range(0, 20), steps.Select(step => step.Room).Distinct().Order());
        Assert.Equal(Enumerable.Range(0, 50), steps.SelectMany(step => step.Members).Distinct().Order());
        Assert.All(steps, step => Assert.InRange(step.Hold, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)));
    }

    private static IEnumerable<FaultStep> Of(int seed) => new Schedule(seed, 3, 50, 20, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)).Steps().Take(Kinds * 10);

    private static IEnumerable<FaultStep> Flat(IEnumerable<FaultStep> steps) => steps.SelectMany(step => step.Also is null ? new[] { step } : [step, step.Also]);

    private static string Victims(FaultStep step) => $"{step.Kind} {step.Node} {step.Database} {string.Join(' ', step.Members)} {step.Room} {step.Hold}";

    private static string Whole(FaultStep step) => $"{step} {step.Node} {step.Database} {string.Join(' ', step.Members)} {step.Room} {step.Hold}";
}
