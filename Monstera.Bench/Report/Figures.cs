namespace Monstera.Bench.Report;

/// <summary>What one run of one side measured, by name.</summary>
internal sealed class Figures : Dictionary<string, double>
{
    public Figures()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>The median of each figure over several runs: one disturbed run changes nothing.</summary>
    public static Figures Median(IReadOnlyList<Figures> runs)
    {
        Figures medians = [];
        foreach (string name in runs.SelectMany(run => run.Keys).Distinct(StringComparer.Ordinal))
        {
            double[] values = [.. runs.Where(run => run.ContainsKey(name)).Select(run => run[name]).Order()];
            int middle = values.Length / 2;
            medians[name] = values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
        }

        return medians;
    }
}

/// <summary>The names of figures.</summary>
internal static class Figure
{
    public const string DeliveriesPerSecond = "deliveriesPerSecond";
    public const string SendsPerSecond = "sendsPerSecond";
    public const string CpuUsPerDelivery = "cpuUsPerDelivery";
    public const string CpuUsPerSend = "cpuUsPerSend";
    public const string CpuShare = "cpuPercent";
    public const string AllocatedKbPerSend = "allocatedKbPerSend";
    public const string Gen0PerSecond = "gen0PerSecond";
    public const string GcPauseShare = "gcPausePercent";
    public const string ResidentMb = "residentMb";
    public const string ResidentPeakMb = "residentPeakMb";
    public const string P50Ms = "p50Ms";
    public const string P99Ms = "p99Ms";
    public const string P999Ms = "p999Ms";
    public const string LastP50Ms = "lastMemberP50Ms";
    public const string LastP99Ms = "lastMemberP99Ms";
    public const string Gaps = "gaps";
    public const string Cuts = "cuts";
    public const string EventsBehind = "eventsBehind";
    public const string Messages = "messages";
    public const string ClientCpuShare = "clientCpuPercent";
    public const string ConnectionsPerSecond = "connectionsPerSecond";
    public const string CpuUsPerConnection = "cpuUsPerConnection";
    public const string ConnectP99Ms = "connectP99Ms";
    public const string ResidentKbPerConnection = "residentKbPerConnection";
    public const string ScrapeMs = "scrapeMs";
    public const string ScrapeCpuShare = "scrapeCpuPercentOfASecond";
    public const string Seconds = "seconds";
}
