namespace Monstera.Server.Growth;

/// <summary>What machines cost a month.</summary>
internal static class Bill
{
    /// <param name="nodes">At least those of the phase are counted.</param>
    /// <param name="shards">As for nodes.</param>
    /// <param name="dataBytes">Stored; a standby stores it again.</param>
    public static double PerMonth(GrowthBook book, Phase phase, int nodes, int shards, double dataBytes)
    {
        Machines machines = phase.Machines;
        Prices prices = book.Prices;
        int databases = machines.Database is null ? 0 : Math.Max(shards, machines.Shards) * (1 + machines.Standbys);
        double copies = machines.Database is null ? 1 : 1 + machines.Standbys;
        return (Math.Max(nodes, machines.Nodes) * Price(machines.Node))
            + (databases * Price(machines.Database))
            + (machines.RedisServers * Price(machines.Redis))
            + (machines.Balancers * Price(machines.Balancer))
            + (dataBytes / (1L << 30) * copies * prices.DiskPerGiBMonth);

        double Price(string? instance) => instance is null ? 0 : prices.InstanceOf(instance).PerMonth;
    }
}
