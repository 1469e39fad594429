using Monstera.Data.Growth;

namespace Monstera.Server.Growth;

/// <summary>How limits are read off a day.</summary>
internal static class LimitReader
{
    /// <summary>What stands at nothing until it stands at too much has no line that could be drawn on.</summary>
    public static bool GrowsEvenly(LimitKind limit) => limit is not (LimitKind.Queue or LimitKind.Latency);

    /// <param name="shards">Databases of rooms.</param>
    /// <returns>Null: it was not measured.</returns>
    public static double? Read(LimitKind limit, GrowthSample day, int shards) => limit switch
    {
        LimitKind.Users => day.Users,
        LimitKind.Connections => day.ConnectionsOfBusiest,
        LimitKind.Sends => day.SendsPerSecond / Math.Max(1, shards),
        LimitKind.Queue => day.QueueShare,
        LimitKind.Processors => day.ProcessorShare,
        LimitKind.Memory => day.MemoryShare,
        LimitKind.Disk => day is { DiskBytes: { } size and > 0, DiskFreeBytes: { } free } ? 1 - Math.Clamp((double)free / size, 0, 1) : null,
        LimitKind.Database => day.LargestDatabaseBytes / (double)(1L << 30),

        // Each of the two p95 together: not less than the p95 of both.
        LimitKind.Latency => day.WriteP95Ms is null && day.DeliveryP95Ms is null ? null : (day.WriteP95Ms ?? 0) + (day.DeliveryP95Ms ?? 0),
        _ => throw new ArgumentOutOfRangeException(nameof(limit)),
    };
}
