using System.Globalization;

namespace Monstera.Bench.Report;

/// <summary>What <c>--check</c> says.</summary>
internal static class Judgement
{
    /// <summary>A sentence for each target that was missed by more than <paramref name="margin"/>, a factor from 1 up.</summary>
    public static IReadOnlyList<string> Missed(ScenarioResult result, double margin) =>
        [.. result.Measures.Where(measured => measured.IsMet(margin) == false).Select(measured => Say(result.Name, measured, margin))];

    private static string Say(string scenario, Measured measured, double margin)
    {
        Target target = measured.Row.Target!;
        double? value = target.OfRatio ? measured.Ratio : measured.Value;
        string found = value is { } number && double.IsFinite(number) ? number.ToString("0.00", CultureInfo.InvariantCulture) : "not known";
        string what = target.OfRatio ? "the ratio" : "the value";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{scenario}: {what} of {measured.Row.Figure} is {found}; the target is {(target.AtLeast ? "at least" : "at most")} {target.Goal}, and more than {margin} × worse fails.");
    }
}
