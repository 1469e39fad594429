using System.Globalization;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;
using Spectre.Console;

namespace Monstera.Server.Commands;

/// <summary>The growth report for people at a terminal.</summary>
internal static class AdviceText
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public static void Write(GrowthReport report, int phases)
    {
        Console.WriteLine(string.Create(
            Culture,
            $"Phase {report.Phase} of {phases} ({report.People.En}): {(report.Storage == StorageProvider.Sqlite ? "SQLite" : $"PostgreSQL, {Count(report.Shards, "shard", "shards")}")}, {(report.Nodes == 0 ? "no node seen at work in the last two hours" : Count(report.Nodes, "node", "nodes"))}."));
        foreach (Lack lack in report.Lacks)
        {
            Console.WriteLine(lack == Lack.Backplane
                ? "This phase has a backplane, and this installation has none: a second node would not hear of the first (Monstera:Backplane)."
                : "This phase has more nodes: with those that were seen, one that dies leaves too few.");
        }

        Console.WriteLine(report.HasForecast
            ? $"History: {Count(report.HistoryDays, "day", "days")}."
            : $"History: {Count(report.HistoryDays, "day", "days")}. That is not enough yet for saying when a limit will be reached: {report.HistoryDaysWanted} whole days are.");
        WriteLimits(report.Limits);
        if (report.First is { } first)
        {
            Console.WriteLine(Sentence(report.Limits.First(limit => limit.Limit == first)));
        }

        Write(report.Advice, report);
        if (report.NextPhase is { } next && report.Advice.Kind != AdviceKind.NextPhase)
        {
            Console.WriteLine();
            Console.WriteLine(string.Create(Culture, $"When it is time, phase {next.Phase} comes next, for {Price(next)}. Its checklist:"));
            WriteSteps(next);
        }
    }

    private static void WriteLimits(IReadOnlyList<LimitReport> limits)
    {
        string[] head = ["limit", "stands at", "holds", "share", "a day", "reached on", "between"];
        List<string[]> rows = [.. limits.Select(limit => new[]
        {
            GrowthNames.Of(limit.Limit), limit.Value is { } value ? Number(limit.Limit, value) : "not measured", Number(limit.Limit, limit.Max),
            limit.Share is { } share ? share.ToString("P0", Culture) : "",
            limit.PerDay is { } perDay ? (perDay > 0 ? "+" : "") + Number(limit.Limit, perDay, fine: true) : "",
            limit.ReachedOn?.ToString("yyyy-MM-dd", Culture) ?? "",
            limit.Earliest is { } earliest ? $"{earliest.ToString("yyyy-MM-dd", Culture)} and {limit.Latest?.ToString("yyyy-MM-dd", Culture) ?? "never"}" : "",
        })];
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(string.Join('\t', head));
            rows.ForEach(row => Console.WriteLine(string.Join('\t', row)));
        }
        else
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumns(head);
            rows.ForEach(row => table.AddRow([.. row.Select(Markup.Escape)]));
            AnsiConsole.Write(table);
        }
    }

    private static string Sentence(LimitReport first) => first switch
    {
        { Share: >= 1 } => $"Over its limit: {GrowthNames.Of(first.Limit)}.",
        { ReachedOn: { } on } => string.Create(Culture, $"At the present growth the first limit to be reached is {GrowthNames.Of(first.Limit)}, on {on:yyyy-MM-dd}."),
        _ => string.Create(Culture, $"What stands highest is {GrowthNames.Of(first.Limit)}, at {first.Share:P0} of what this phase holds."),
    };

    private static void Write(Advice advice, GrowthReport report)
    {
        Console.WriteLine();
        Console.WriteLine(string.Create(Culture, $"{Title(advice)} Now {Money(advice.PerMonthNow, advice)} a month by the table of prices{(advice.Kind == AdviceKind.Stay ? "" : $", then {Price(advice)}")}."));
        WriteSteps(advice);
        if (report.Nodes == 0)
        {
            Console.WriteLine("No server has noted anything lately: this is what was known when one last did.");
        }
    }

    private static string Title(Advice advice) => advice.Kind switch
    {
        AdviceKind.Stay => "Nothing is to be done.",
        AdviceKind.NextPhase => $"Go to phase {advice.Phase}.",
        AdviceKind.AddNode => "Add a node.",
        AdviceKind.AddShard => "Add a shard.",
        AdviceKind.LargerDisk => "Give it a larger disk.",
        AdviceKind.PreviousPhase => $"Phase {advice.Phase} would do.",
        _ => "One node less would do.",
    };

    private static void WriteSteps(Advice advice)
    {
        if (advice.Command is not null)
        {
            Console.WriteLine($"  {advice.Command}");
        }

        for (int i = 0; i < advice.Steps.Count; i++)
        {
            Console.WriteLine(string.Create(Culture, $"  {i + 1}. {advice.Steps[i].En}"));
        }
    }

    private static string Price(Advice advice)
    {
        double difference = advice.PerMonthThen - advice.PerMonthNow;
        return $"{Money(advice.PerMonthThen, advice)} ({(difference < 0 ? "saves" : "costs")} {Money(Math.Abs(difference), advice)}{(difference < 0 ? "" : " more")})";
    }

    private static string Money(double amount, Advice advice) => string.Create(Culture, $"{amount:#,0} {advice.Currency}");

    private static string Number(LimitKind limit, double value, bool fine = false) => limit switch
    {
        LimitKind.Queue or LimitKind.Processors or LimitKind.Memory or LimitKind.Disk => value.ToString(fine ? "P2" : "P0", Culture),
        LimitKind.Database => string.Create(Culture, $"{value:#,0.###} GiB"),
        LimitKind.Latency => string.Create(Culture, $"{value:#,0.#} ms"),
        LimitKind.Sends => string.Create(Culture, $"{value:#,0.##}/s"),
        _ => value.ToString(fine ? "#,0.##" : "#,0", Culture),
    };

    private static string Count(int count, string one, string many) => string.Create(Culture, $"{count:#,0} {(count == 1 ? one : many)}");
}
