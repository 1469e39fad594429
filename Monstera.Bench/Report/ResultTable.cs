using System.Globalization;
using Spectre.Console;

namespace Monstera.Bench.Report;

/// <summary>A scenario's figures for people.</summary>
internal static class ResultTable
{
    public static Table Of(ScenarioResult result)
    {
        Table table = new Table().RoundedBorder().Title($"[bold]{Markup.Escape(result.Name)}[/]  {Markup.Escape(result.Title)}");
        table.AddColumn("");
        foreach (string title in (string[])[result.ValueName, result.ReferenceName, "ratio", "target", "met"])
        {
            table.AddColumn(new TableColumn(Markup.Escape(title)).RightAligned());
        }

        foreach (Measured measured in result.Measures)
        {
            table.AddRow(
                Markup.Escape(measured.Row.Unit.Length == 0 ? measured.Row.Title : $"{measured.Row.Title} ({measured.Row.Unit})"),
                Number(measured.Value),
                measured.Reference is { } reference ? Number(reference) : "–",
                measured.Ratio is { } ratio && double.IsFinite(ratio) ? ratio.ToString("0.00", CultureInfo.InvariantCulture) : "–",
                Wanted(measured.Row.Target),
                measured.IsMet(margin: 1) switch { true => "[green]yes[/]", false => "[red]no[/]", null => "" });
        }

        return table;
    }

    private static string Wanted(Target? target) => target is null
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"{(target.AtLeast ? "≥" : "≤")} {target.Goal}{(target.OfRatio ? " ×" : "")}");

    private static string Number(double value) => Math.Abs(value) switch
    {
        double.NaN => "–",
        >= 1_000 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}
