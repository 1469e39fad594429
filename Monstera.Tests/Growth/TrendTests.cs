using FsCheck;
using FsCheck.Fluent;
using Monstera.Server.Growth;

namespace Monstera.Tests.Growth;

public sealed class TrendTests
{
    private static readonly Gen<double> Slopes = Gen.Choose(-5_000, 5_000).Select(each => each / 100.0);

    [Fact]
    public void A_line_with_a_week_in_it_is_found_exactly_whatever_its_days_are_like()
    {
        Prop.ForAll(
            (from slope in Slopes
             from days in Gen.Choose(14, 120)
             from week in Gen.Choose(-500, 500).ArrayOf(7)
             from first in Gen.Choose(-1_000, 20_000)
             select (slope, days, week, first)).ToArbitrary(),
            line =>
            {
                Trend trend = Trend.Fit([.. Enumerable.Range(line.first, line.days).Select(day => (day, (line.slope * day) + line.week[((day % 7) + 7) % 7]))])!;
                return Math.Abs(trend.PerDay - line.slope) < 1e-6 && Math.Abs(trend.Low - line.slope) < 1e-6 && Math.Abs(trend.High - line.slope) < 1e-6;
            }).Check(Config.QuickThrowOnFailure);
    }

    [Fact]
    public void A_few_mad_days_do_not_turn_it()
    {
        Prop.ForAll(
            (from slope in Gen.Choose(50, 500).Select(each => each / 10.0)
             from mad in Gen.Choose(0, 59).ArrayOf(4)
             from height in Gen.Choose(-100_000, 100_000)
             select (slope, mad, height)).ToArbitrary(),
            line =>
            {
                Trend trend = Trend.Fit([.. Enumerable.Range(0, 60).Select(day => (day, (line.slope * day) + (line.mad.Contains(day) ? line.height : 0)))])!;
                return Math.Abs(trend.PerDay - line.slope) < 1e-6;
            }).Check(Config.QuickThrowOnFailure);
    }

    [Fact]
    public void The_interval_has_the_slope_in_it_and_noise_makes_it_wide()
    {
        // A noise that repeats and is not of the week.
        double[] noise = [3, -8, 1, 7, -2, -6, 5, 9, -4, -1, 2];
        (int, double)[] Points(double scale) => [.. Enumerable.Range(0, 42).Select(day => (day, (0.5 * day) + (scale * noise[day * 7 % noise.Length])))];
        Trend calm = Trend.Fit(Points(0.1))!;
        Trend wild = Trend.Fit(Points(3))!;
        Assert.InRange(0.5, calm.Low, calm.High);
        Assert.InRange(0.5, wild.Low, wild.High);
        Assert.True(wild.High - wild.Low > 5 * (calm.High - calm.Low), $"{calm} {wild}");
        Assert.True(wild.Low < 0, $"{wild}: it may as well not grow");
        Assert.True(calm.Low > 0, $"{calm}");
    }

    [Fact]
    public void Without_two_same_days_of_the_week_there_is_none()
    {
        Assert.Null(Trend.Fit([]));
        Assert.Null(Trend.Fit([.. Enumerable.Range(0, 7).Select(day => (day, 1.0))]));
        Assert.Equal(0.5, Trend.Fit([(0, 1), (7, 4.5)])!.PerDay, 6);
    }
}
