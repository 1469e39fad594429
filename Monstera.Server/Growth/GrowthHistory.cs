using Monstera.Data.Growth;

namespace Monstera.Server.Growth;

/// <summary>A day of the installation.</summary>
/// <param name="At">When it began, UTC.</param>
public sealed record GrowthDay(DateTimeOffset At, GrowthSample Sample);

/// <summary>What nodes noted by the hour, put together into days of the installation.</summary>
internal static class GrowthHistory
{
    /// <summary>Hours of nodes are kept so long; days of the installation are made of them before.</summary>
    public static readonly TimeSpan HoursKeptFor = TimeSpan.FromDays(15);

    public static readonly TimeSpan DaysKeptFor = TimeSpan.FromDays(400);

    /// <summary>Days from the oldest to today, which is not over. Where there are hours they count, otherwise the day that was made of them.</summary>
    public static IReadOnlyList<GrowthDay> Days(IReadOnlyList<GrowthRow> hours, IReadOnlyList<GrowthRow> days)
    {
        SortedDictionary<DateTimeOffset, GrowthSample> byDay = [];
        foreach (GrowthRow day in days)
        {
            byDay[DayOf(day.At)] = day.Sample;
        }

        foreach (GrowthDay day in FromHours(hours))
        {
            // A day of which some hours are forgotten already is better told by what was made of all of them.
            byDay[day.At] = byDay.TryGetValue(day.At, out GrowthSample? kept) ? Join(kept, day.Sample) : day.Sample;
        }

        return [.. byDay.Select(day => new GrowthDay(day.Key, day.Value))];
    }

    public static IEnumerable<GrowthDay> FromHours(IReadOnlyList<GrowthRow> hours) => hours
        .GroupBy(row => HourOf(row.At))
        .Select(hour => new GrowthDay(hour.Key, Together([.. hour.Select(row => row.Sample)])))
        .GroupBy(hour => DayOf(hour.At))
        .Select(day => new GrowthDay(day.Key, day.OrderBy(hour => hour.At).Select(hour => hour.Sample).Aggregate(FollowedBy)));

    /// <summary>Nodes that noted something in the two hours before.</summary>
    public static int NodesAt(IReadOnlyList<GrowthRow> hours, DateTimeOffset now) =>
        hours.Where(row => row.At > HourOf(now).AddHours(-2)).Select(row => row.Node).Distinct(StringComparer.Ordinal).Count();

    public static DateTimeOffset HourOf(DateTimeOffset time) => new(time.UtcDateTime.Date.AddHours(time.UtcDateTime.Hour), TimeSpan.Zero);

    public static DateTimeOffset DayOf(DateTimeOffset time) => new(time.UtcDateTime.Date, TimeSpan.Zero);

    /// <summary>Nodes in the same hour: what they have adds up, what is the worst is that of the worst. Their maxima need not have been at the same moment, so a sum is an upper bound.</summary>
    internal static GrowthSample Together(IReadOnlyList<GrowthSample> nodes) => new()
    {
        Nodes = nodes.Count,
        Connections = nodes.Sum(node => node.Connections),
        ConnectionsOfBusiest = nodes.Max(node => Math.Max(node.Connections, node.ConnectionsOfBusiest)),
        Users = nodes.Sum(node => node.Users),
        Sends = nodes.Sum(node => node.Sends),
        SendsPerSecond = nodes.Sum(node => node.SendsPerSecond),
        ProcessorsUsed = nodes.Sum(node => node.ProcessorsUsed),
        Processors = nodes.Sum(node => node.Processors),
        ProcessorShare = nodes.Max(node => node.ProcessorShare),
        MemoryBytes = nodes.Sum(node => node.MemoryBytes),
        MemoryShare = nodes.Max(node => node.MemoryShare),
        QueueShare = nodes.Max(node => node.QueueShare),
        WriteP95Ms = nodes.Max(node => node.WriteP95Ms),
        DeliveryP95Ms = nodes.Max(node => node.DeliveryP95Ms),
        DataBytes = nodes.Max(node => node.DataBytes),
        LargestDatabaseBytes = nodes.Max(node => node.LargestDatabaseBytes),
        DiskFreeBytes = nodes.Min(node => node.DiskFreeBytes),
        DiskBytes = nodes.MinBy(node => node.DiskFreeBytes ?? long.MaxValue)!.DiskBytes,
    };

    /// <summary>An hour after what was before it on the day: the busiest of each counts, and of what is stored the last.</summary>
    internal static GrowthSample FollowedBy(GrowthSample before, GrowthSample hour) => Join(before, hour) with { Sends = before.Sends + hour.Sends };

    private static GrowthSample Join(GrowthSample one, GrowthSample later) => new()
    {
        Nodes = later.Connections >= one.Connections ? later.Nodes : one.Nodes,
        Connections = Math.Max(one.Connections, later.Connections),
        ConnectionsOfBusiest = Math.Max(one.ConnectionsOfBusiest, later.ConnectionsOfBusiest),
        Users = Math.Max(one.Users, later.Users),
        Sends = Math.Max(one.Sends, later.Sends),
        SendsPerSecond = Math.Max(one.SendsPerSecond, later.SendsPerSecond),
        ProcessorsUsed = Math.Max(one.ProcessorsUsed, later.ProcessorsUsed),
        Processors = Math.Max(one.Processors, later.Processors),
        ProcessorShare = Math.Max(one.ProcessorShare, later.ProcessorShare),
        MemoryBytes = Math.Max(one.MemoryBytes, later.MemoryBytes),
        MemoryShare = Math.Max(one.MemoryShare, later.MemoryShare),
        QueueShare = Math.Max(one.QueueShare, later.QueueShare),
        WriteP95Ms = Max(one.WriteP95Ms, later.WriteP95Ms),
        DeliveryP95Ms = Max(one.DeliveryP95Ms, later.DeliveryP95Ms),
        DataBytes = later.DataBytes ?? one.DataBytes,
        LargestDatabaseBytes = later.LargestDatabaseBytes ?? one.LargestDatabaseBytes,
        DiskFreeBytes = later.DiskFreeBytes ?? one.DiskFreeBytes,
        DiskBytes = later.DiskBytes ?? one.DiskBytes,
    };

    private static double? Max(double? one, double? other) => one is { } a && other is { } b ? Math.Max(a, b) : one ?? other;
}
