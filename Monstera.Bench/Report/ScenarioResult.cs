namespace Monstera.Bench.Report;

/// <summary>What was wanted of a figure: of its ratio to the reference, or of itself.</summary>
internal sealed record Target(bool OfRatio, bool AtLeast, double Goal)
{
    public static Target RatioAtLeast(double goal) => new(OfRatio: true, AtLeast: true, goal);

    public static Target RatioAtMost(double goal) => new(OfRatio: true, AtLeast: false, goal);

    public static Target AtMost(double goal) => new(OfRatio: false, AtLeast: false, goal);

    /// <param name="margin">1 for the goal itself; 2 for one that may be missed by half.</param>
    public bool IsMet(double value, double? ratio, double margin)
    {
        double? measured = OfRatio ? ratio : value;
        return measured is { } number && (AtLeast ? number >= Goal / margin : number <= Goal * margin);
    }
}

/// <summary>A line of a scenario's table.</summary>
internal sealed record Row(string Figure, string Title, string Unit, Target? Target = null);

/// <summary>A line with its figures.</summary>
internal sealed record Measured(Row Row, double Value, double? Reference)
{
    public double? Ratio => Reference is { } reference && reference != 0 ? Value / reference : null;

    /// <summary>Null: nothing was wanted of it.</summary>
    public bool? IsMet(double margin) => Row.Target?.IsMet(Value, Ratio, margin);
}

/// <summary>
/// What came of a scenario. That it is there at all says that the run was correct. A figure of which something was wanted is there even when it could not be measured,
/// as NaN, and is then missed.
/// </summary>
internal sealed record ScenarioResult(string Name, string Title, string ValueName, string ReferenceName, IReadOnlyList<Measured> Measures)
{
    public static ScenarioResult Of(
        string name, string title, string valueName, string referenceName, IReadOnlyList<Row> rows, Figures values, Figures references) =>
        new(
            name,
            title,
            valueName,
            referenceName,
            [.. rows
                .Where(row => row.Target is not null || IsThere(values, row.Figure))
                .Select(row => new Measured(row, values.GetValueOrDefault(row.Figure, double.NaN), IsThere(references, row.Figure) ? references[row.Figure] : null))]);

    private static bool IsThere(Figures figures, string name) => figures.TryGetValue(name, out double value) && !double.IsNaN(value);
}
