using Monstera.Server.Configuration;

namespace Monstera.Server.Growth;

/// <summary>How many people, and what they are assumed to do.</summary>
/// <param name="OnlineShare">Of the people, connected at the busiest time.</param>
/// <param name="DevicesPerUser">Connections of each who is connected.</param>
/// <param name="BusiestHourShare">Of a day's messages, those of its busiest hour.</param>
/// <param name="Burst">The busiest minute of that hour over its mean.</param>
/// <param name="DaysKept">How long messages are kept.</param>
public sealed record CapacityWish(
    long Users, long Rooms, double RoomsPerUser, double MessagesPerUserDay, double OnlineShare, double DevicesPerUser, double BusiestHourShare, double Burst, int DaysKept)
{
    public double UsersAtOnce => Users * OnlineShare;

    public double Connections => UsersAtOnce * DevicesPerUser;

    public double SendsPerSecond => Users * MessagesPerUserDay * BusiestHourShare / 3_600 * Burst;

    /// <summary>Connections that a message goes to: the members of a mean room who are there.</summary>
    public double Audience => Math.Min(Connections, Math.Max(1, Users * Math.Min(RoomsPerUser, Rooms) / Rooms * OnlineShare * DevicesPerUser));

    public double DeliveriesPerSecond => SendsPerSecond * Audience;

    public double Messages => Users * MessagesPerUserDay * DaysKept;
}

/// <summary>What happens at once.</summary>
/// <param name="Rooms">That are written into, evenly.</param>
internal readonly record struct CapacityLoad(int Nodes, int Shards, double Rooms, double Connections, double SendsPerSecond, double DeliveriesPerSecond)
{
    public static CapacityLoad Of(CapacityWish wish, int nodes, int shards) => new(nodes, shards, wish.Rooms, wish.Connections, wish.SendsPerSecond, wish.DeliveriesPerSecond);
}

/// <summary>What it takes at the busiest time.</summary>
/// <param name="Node">The instance of a node; so are the others.</param>
/// <param name="Processors">In use, of all nodes together.</param>
/// <param name="MemoryMiBPerNode">Resident.</param>
/// <param name="RedisProcessors">In use, of all Redis servers together.</param>
/// <param name="DiskGiB">Of the messages, in all databases, without standbys.</param>
public sealed record CapacityPlan(
    int Phase, StorageProvider Storage, string Node, int Nodes, string? Database, int Shards, int Standbys, string? Redis, int RedisServers, string? Balancer, int Balancers,
    double Connections, double SendsPerSecond, double DeliveriesPerSecond, double Processors, double MemoryMiBPerNode, double RedisProcessors, double DiskGiB, double PerMonth,
    string Currency);

/// <param name="Error">Of the model: 0.1 is a tenth too much, -0.1 a tenth too little.</param>
/// <param name="MemoryError">Null: not measured.</param>
public sealed record ModelCheck(string Name, double Processors, double ProcessorsMeasured, double Error, double? MemoryMiB, double? MemoryMiBMeasured, double? MemoryError);

/// <summary>A small model of what an installation takes: measured costs of single things, times how often they happen. docs/growth.md says what it leaves out.</summary>
internal static class CapacityModel
{
    private const double BytesPerGiB = 1L << 30;
    private const double UsPerSecond = 1e6;

    /// <summary>The first phase that holds it, with as many nodes and shards as it takes there.</summary>
    public static CapacityPlan Predict(GrowthBook book, CapacityWish wish)
    {
        foreach (Phase phase in book.Phases)
        {
            if (Fit(book, phase, wish) is { } plan)
            {
                return plan;
            }
        }

        throw new InvalidOperationException("The last phase holds anything.");
    }

    /// <summary>The model beside what was measured.</summary>
    public static IReadOnlyList<ModelCheck> Check(GrowthBook book) =>
    [
        .. book.Measurements.Select(measured =>
        {
            StorageProvider storage = measured.Storage == "sqlite" ? StorageProvider.Sqlite : StorageProvider.Postgres;
            double processors = Processors(
                book.UnitCosts, storage, new CapacityLoad(measured.Nodes, measured.Shards, measured.Rooms, measured.Connections, measured.SendsPerSecond, measured.DeliveriesPerSecond));
            double memory = measured.Nodes * MemoryMiB(book.UnitCosts, measured.Connections / measured.Nodes);
            return new ModelCheck(
                measured.Name, processors, measured.Processors, (processors / measured.Processors) - 1, measured.MemoryMiB is null ? null : memory, measured.MemoryMiB,
                (memory / measured.MemoryMiB) - 1);
        }),
    ];

    /// <summary>In use, of all nodes together.</summary>
    public static double Processors(UnitCosts costs, StorageProvider storage, CapacityLoad load)
    {
        StorageCosts own = storage == StorageProvider.Sqlite ? costs.Sqlite : costs.Postgres;
        double batchSeconds = own.BatchMs / 1_000;

        // Each node has a writer for each shard. While one commits, what comes gathers: it is the next batch, and what is in it of one room is one frame to each member.
        double writers = (double)load.Nodes * load.Shards;
        double batches = load.SendsPerSecond / (1 + (load.SendsPerSecond / writers * batchSeconds));
        double frames = load.DeliveriesPerSecond / (1 + (load.SendsPerSecond / load.Rooms / load.Nodes * batchSeconds));

        // Measured between two nodes: half for telling, half for hearing. Each further node hears it too.
        double between = load.Nodes > 1 ? load.SendsPerSecond * costs.ProcessorUsPerEventBetweenNodes / 2 * load.Nodes : 0;
        return ((load.SendsPerSecond * own.ProcessorUsPerSend) + (batches * own.ProcessorUsPerBatch) + (frames * costs.ProcessorUsPerFrame)
            + (load.DeliveriesPerSecond * costs.ProcessorUsPerDelivery) + (load.Connections * costs.ProcessorUsPerConnectionSecond) + between) / UsPerSecond;
    }

    /// <summary>Of one node.</summary>
    public static double MemoryMiB(UnitCosts costs, double connections) => costs.MemoryMiBOfNode + (connections * costs.MemoryKiBPerConnection / 1024);

    /// <returns>Null: this phase does not hold it.</returns>
    private static CapacityPlan? Fit(GrowthBook book, Phase phase, CapacityWish wish)
    {
        Machines machines = phase.Machines;
        bool isLast = phase.Number == book.Phases.Count;
        StorageProvider storage = machines.Database is null ? StorageProvider.Sqlite : StorageProvider.Postgres;
        StorageCosts own = storage == StorageProvider.Sqlite ? book.UnitCosts.Sqlite : book.UnitCosts.Postgres;
        double gib = wish.Messages * book.UnitCosts.DiskBytesPerMessage / BytesPerGiB;
        double processorShare = phase.Limits.GetValueOrDefault(LimitKind.Processors, 1);

        int shards = Most(
            machines.Shards, wish.SendsPerSecond / phase.Limits.GetValueOrDefault(LimitKind.Sends, double.MaxValue), wish.SendsPerSecond / (own.RowsPerSecond * processorShare),
            gib / phase.Limits.GetValueOrDefault(LimitKind.Database, double.MaxValue));
        int nodes = NodesFor(book, phase, storage, wish, shards, processorShare);
        bool holds = (phase.Number > 2 || shards == 1) && (phase.Number > 1 || nodes == 1) && !(wish.UsersAtOnce > phase.Limits.GetValueOrDefault(LimitKind.Users, double.MaxValue));
        if (!holds && !isLast)
        {
            return null;
        }

        double redis = nodes > 1 ? wish.SendsPerSecond * book.UnitCosts.RedisUsPerBatch / UsPerSecond : 0;
        int redisServers = machines.Redis is null ? 0 : Most(machines.RedisServers, redis / processorShare);
        double perMonth = Bill.PerMonth(book, phase, nodes, shards, gib * BytesPerGiB)
            + (machines.Redis is null ? 0 : (redisServers - machines.RedisServers) * book.Prices.InstanceOf(machines.Redis).PerMonth);
        return new CapacityPlan(
            phase.Number, storage, machines.Node, nodes, machines.Database, shards, machines.Standbys, machines.Redis, redisServers, machines.Balancer, machines.Balancers,
            wish.Connections, wish.SendsPerSecond, wish.DeliveriesPerSecond, Processors(book.UnitCosts, storage, CapacityLoad.Of(wish, nodes, shards)),
            MemoryMiB(book.UnitCosts, wish.Connections / nodes), redis, gib, perMonth, book.Prices.Currency);
    }

    /// <summary>Each further node makes a little work of its own, so the number is approached from below. The room that the limits leave is what takes over from a node that dies.</summary>
    private static int NodesFor(GrowthBook book, Phase phase, StorageProvider storage, CapacityWish wish, int shards, double processorShare)
    {
        Instance node = book.Prices.InstanceOf(phase.Machines.Node);
        double memoryMiB = node.MemoryGiB * 1024 * phase.Limits.GetValueOrDefault(LimitKind.Memory, 1);
        double memoryForConnections = Math.Max(1, memoryMiB - book.UnitCosts.MemoryMiBOfNode);
        int nodes = Most(
            phase.Machines.Nodes, wish.Connections / phase.Limits.GetValueOrDefault(LimitKind.Connections, double.MaxValue),
            wish.Connections * book.UnitCosts.MemoryKiBPerConnection / 1024 / memoryForConnections);
        for (int round = 0; round < RoundsMax; round++)
        {
            double processors = Processors(book.UnitCosts, storage, CapacityLoad.Of(wish, nodes, shards));
            int wanted = Most(nodes, processors / (node.Processors * processorShare));
            if (wanted == nodes)
            {
                break;
            }

            nodes = wanted;
        }

        return nodes;
    }

    /// <summary>At ten million connections what each node hears grows with the nodes, and no number of them would do with rooms for everybody: it ends somewhere.</summary>
    private const int RoundsMax = 100;

    private const int MachinesMax = 1_000_000;

    private static int Most(int atLeast, params ReadOnlySpan<double> wanted)
    {
        double most = atLeast;
        foreach (double one in wanted)
        {
            most = Math.Max(most, Math.Ceiling(one));
        }

        return (int)Math.Min(most, MachinesMax);
    }
}
