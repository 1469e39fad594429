using System.Globalization;
using System.Text;

namespace Monstera.Tests.Faults.Suite;

/// <summary>One fault as it went.</summary>
/// <param name="Lasting">Until everybody else had a message through while it lasted; null: not asked.</param>
/// <param name="Recovery">Until everybody had a message through; null: not within the patience.</param>
/// <param name="LongestWait">The longest that a write waited for its acknowledgement, from the fault to the recovery.</param>
internal sealed record FaultOutcome(FaultStep Step, TimeSpan? Lasting, TimeSpan? Recovery, TimeSpan LongestWait)
{
    /// <summary>From the beginning until the next one could be done, and how much of that it took to do it and to undo it.</summary>
    public TimeSpan Took { get; init; }

    public TimeSpan Injecting { get; init; }

    public TimeSpan Healing { get; init; }
}

/// <summary>What was done, what it cost, and what was not as promised. For people.</summary>
internal sealed class FaultReport(FaultSettings settings)
{
    private readonly long _begun = TimeProvider.System.GetTimestamp();
    private readonly List<FaultOutcome> _outcomes = [];
    private readonly List<string> _notes = [];
    private readonly List<string> _violations = [];

    public IReadOnlyList<string> Violations => _violations;

    public void Add(FaultOutcome outcome)
    {
        _outcomes.Add(outcome);
        FaultRule rule = FaultRules.Of(outcome.Step.Kind);
        TimeSpan most = rule.RecoveryMax;
        if (outcome.Step.Also is { } also)
        {
            // Where one fault leaves half of them somebody to connect to, two may leave nobody.
            TimeSpan other = FaultRules.Of(also.Kind).RecoveryMax;
            most = (most > other ? most : other) + settings.BackoffMax;
        }
        else if (rule.LeavesNobody)
        {
            most += settings.BackoffMax;
        }

        if (outcome.Recovery > most)
        {
            Break(string.Create(CultureInfo.InvariantCulture, $"{outcome.Step}: everybody had recovered after {outcome.Recovery.Value.TotalSeconds:N1} s only"));
        }
    }

    public void Note(string note) => _notes.Add(note);

    public void Break(string violation) => _violations.Add(violation);

    /// <summary>The whole of it, as it is now; written to the file too, so that a long run can be watched.</summary>
    public string Write(Tally tally)
    {
        TimeSpan elapsed = TimeProvider.System.GetElapsedTime(_begun);
        StringBuilder text = new();
        Line(text, $"Faults: seed {settings.Seed}, {FaultSettings.Nodes} nodes, {Cluster.Shards} shards, {settings.Members} clients, {elapsed.TotalSeconds:N0} s");
        Line(text, $"{tally.Acknowledged:N0} messages acknowledged ({tally.Acknowledged / elapsed.TotalSeconds:N0}/s), {tally.Delivered:N0} deliveries, {tally.Repeats:N0} repeats dropped, {tally.Gaps:N0} gaps, {tally.Refusals:N0} told to try again, {tally.Connections:N0} connections, {tally.Attempts:N0} attempts in vain");
        Line(text, $"");
        Line(text, $"{"fault",-18}{"times",6}{"worst recovery",16}{"while it lasted",17}{"longest wait",14}");
        foreach (IGrouping<string, FaultOutcome> kind in _outcomes.GroupBy(outcome => outcome.Step.Also is null ? outcome.Step.Kind.ToString() : "two at once").OrderBy(kind => kind.Key, StringComparer.Ordinal))
        {
            Line(text, $"{kind.Key,-18}{kind.Count(),6}{Worst(kind.Select(o => o.Recovery ?? TimeSpan.MaxValue)),16}{Worst(kind.Where(o => o.Lasting is not null).Select(o => o.Lasting!.Value)),17}{Worst(kind.Select(o => o.LongestWait)),14}");
        }

        Line(text, $"");
        foreach (FaultOutcome o in _outcomes)
        {
            Line(text, $"{o.Step}: {Worst([o.Recovery ?? TimeSpan.MaxValue])} ({Worst([o.Took])} in all, {Worst([o.Injecting])} to do it, {Worst([o.Healing])} to undo it)");
        }

        _notes.ForEach(note => Line(text, $"{note}"));
        string[] violations = [.. _violations, .. tally.Violations];
        Line(text, $"{(violations.Length == 0 ? "Everything is as promised." : $"NOT AS PROMISED ({violations.Length}):")}");
        Array.ForEach(violations, violation => Line(text, $"  {violation}"));
        if (settings.ReportFile is not null)
        {
            File.WriteAllText(settings.ReportFile, text.ToString());
        }

        return text.ToString();
    }

    private static string Worst(IEnumerable<TimeSpan> times)
    {
        TimeSpan? worst = times.Cast<TimeSpan?>().Max();
        return worst is null ? "–" : worst == TimeSpan.MaxValue ? "never" : string.Create(CultureInfo.InvariantCulture, $"{worst.Value.TotalSeconds:N2} s");
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
