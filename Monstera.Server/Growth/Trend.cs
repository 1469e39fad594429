namespace Monstera.Server.Growth;

/// <summary>How fast something grows a day.</summary>
/// <param name="PerDay">The likely slope.</param>
/// <param name="Low">With 90 % confidence it is between this</param>
/// <param name="High">and this.</param>
public sealed record Trend(double PerDay, double Low, double High)
{
    /// <summary>So many standard deviations have 90 % between them.</summary>
    private const double Deviations = 1.645;

    private const int Week = 7;

    /// <summary>
    /// The seasonal slope of Sen and Kendall: the median of the slopes between any two same days of the week, with its confidence interval. A week has quiet days, which a fit over all days would
    /// take for a fall; one day that was mad changes no median.
    /// </summary>
    /// <param name="points">Day numbers, each once, with values.</param>
    /// <returns>Null: no two of them are the same day of the week.</returns>
    public static Trend? Fit(IReadOnlyList<(int Day, double Value)> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        List<double> slopes = [];
        double variance = 0;
        foreach (IGrouping<int, (int Day, double Value)> season in points.GroupBy(point => ((point.Day % Week) + Week) % Week))
        {
            (int Day, double Value)[] same = [.. season.OrderBy(point => point.Day)];
            for (int later = 1; later < same.Length; later++)
            {
                for (int earlier = 0; earlier < later; earlier++)
                {
                    slopes.Add((same[later].Value - same[earlier].Value) / (same[later].Day - same[earlier].Day));
                }
            }

            variance += same.Length * (same.Length - 1.0) * ((2 * same.Length) + 5) / 18;
        }

        if (slopes.Count == 0)
        {
            return null;
        }

        slopes.Sort();
        double spread = Deviations * Math.Sqrt(variance);
        double low = At(slopes, ((slopes.Count - spread) / 2) - 0.5);
        double high = At(slopes, ((slopes.Count + spread) / 2) - 0.5);
        return new Trend(At(slopes, (slopes.Count - 1) / 2.0), low, high);
    }

    /// <summary>Between the two values next to it; at the ends the end.</summary>
    private static double At(List<double> sorted, double index)
    {
        double inside = Math.Clamp(index, 0, sorted.Count - 1);
        int below = (int)Math.Floor(inside);
        int above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (inside - below));
    }
}
