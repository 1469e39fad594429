using Monstera.Data.Growth;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;

namespace Monstera.Tests.Growth;

/// <summary>Histories that nobody lived through.</summary>
internal static class MadeUp
{
    /// <summary>A Saturday.</summary>
    public static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 20, 0, TimeSpan.Zero);

    public static readonly InstallationSetup Sqlite = new(StorageProvider.Sqlite, BackplaneProvider.Memory, 1, 0);
    public static readonly InstallationSetup Postgres = new(StorageProvider.Postgres, BackplaneProvider.Redis, 1, 0);
    public static readonly InstallationSetup Shards = new(StorageProvider.Postgres, BackplaneProvider.Redis, 2, 0);
    public static readonly InstallationSetup Replicas = new(StorageProvider.Postgres, BackplaneProvider.Redis, 2, 2);

    /// <summary>The one that is shipped.</summary>
    public static GrowthBook Book { get; } = GrowthFile.Read(new GrowthOptions());

    /// <summary>For servers of tests: the disk of the machine they run on may be as full as it likes, but for its last bytes.</summary>
    public static (string, string) AnyDisk => ("Growth:File", AnyDiskFile.Value);

    private static readonly Lazy<string> AnyDiskFile = new(() =>
    {
        string file = Path.Combine(AppContext.BaseDirectory, "growth-any-disk.json");
        File.WriteAllText(file, File.ReadAllText(Path.Combine(AppContext.BaseDirectory, GrowthFile.Name)).Replace("\"disk\": 0.8", "\"disk\": 1", StringComparison.Ordinal));
        return file;
    });

    /// <summary>Days up to yesterday.</summary>
    /// <param name="sample">Given how many days ago it was, from <paramref name="count"/> to 1.</param>
    public static List<GrowthRow> Days(int count, Func<int, GrowthSample> sample) =>
        [.. Enumerable.Range(1, count).Reverse().Select(ago => new GrowthRow(GrowthSpan.Day, "", GrowthHistory.DayOf(Now).AddDays(-ago), sample(ago)))];

    /// <summary>This hour of so many nodes.</summary>
    public static List<GrowthRow> Hours(int nodes, GrowthSample sample) =>
        [.. Enumerable.Range(1, nodes).Select(node => new GrowthRow(GrowthSpan.Hour, $"node {node}", GrowthHistory.HourOf(Now), sample))];

    public static GrowthReport Report(InstallationSetup setup, List<GrowthRow> days, int nodes = 1, GrowthSample? now = null) =>
        Advisor.Report(Book, setup, Hours(nodes, now ?? new GrowthSample { Connections = 1 }), days, Now);

    public static LimitReport Of(this GrowthReport report, LimitKind limit) => report.Limits.Single(one => one.Limit == limit);
}
