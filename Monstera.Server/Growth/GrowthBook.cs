namespace Monstera.Server.Growth;

/// <summary>Something that grows until it is in the way. docs/growth.md says how each is measured.</summary>
public enum LimitKind
{
    /// <summary>People connected at once.</summary>
    Users,

    /// <summary>Of the busiest node.</summary>
    Connections,

    /// <summary>Events committed a second for each database.</summary>
    Sends,

    /// <summary>From 0 to 1: how full the queue before a database was.</summary>
    Queue,

    /// <summary>From 0 to 1 of a node's processors.</summary>
    Processors,

    /// <summary>From 0 to 1 of a node's memory.</summary>
    Memory,

    /// <summary>From 0 to 1 of the data folder's disk.</summary>
    Disk,

    /// <summary>GiB of the largest database.</summary>
    Database,

    /// <summary>Milliseconds, p95.</summary>
    Latency,
}

/// <summary>What is to be done about a limit.</summary>
public enum Remedy
{
    Phase,
    Node,
    Shard,
    Disk,
}

/// <summary>What the advisor and the capacity model go by: the file <c>growth.json</c>, read and checked by <see cref="GrowthFile"/>.</summary>
public sealed record GrowthBook(
    HistoryRules History, IReadOnlyList<Phase> Phases, Remedies Remedies, Prices Prices, UnitCosts UnitCosts, IReadOnlyList<Measurement> Measurements)
{
    public Phase PhaseOf(int number) => Phases[number - 1];
}

/// <param name="DaysMin">Fewer days of history: no forecast.</param>
/// <param name="DaysOfTrend">How far a forecast looks back.</param>
/// <param name="DaysOfLevel">A limit stands at the busiest of so many days.</param>
/// <param name="DaysAhead">What will be reached within so many days is to be seen to now.</param>
/// <param name="WarnShare">So is what stands at this share.</param>
/// <param name="ShrinkDays">The busiest of so many days decides whether less would do.</param>
/// <param name="ShrinkShare">It must stay under this share of what less would hold.</param>
public sealed record HistoryRules(int DaysMin, int DaysOfTrend, int DaysOfLevel, int DaysAhead, double WarnShare, int ShrinkDays, double ShrinkShare);

/// <summary>A text of the file, in the languages of the client.</summary>
public sealed record Wording(string En, string Ja);

/// <param name="Enter">How to come here from the phase before; null for the first.</param>
/// <param name="Return">How to come here from the phase after; null for the last.</param>
public sealed record Phase(
    int Number, Wording People, IReadOnlyDictionary<LimitKind, double> Limits, IReadOnlyDictionary<LimitKind, Remedy> Remedies, Machines Machines,
    Checklist? Enter = null, Checklist? Return = null);

/// <param name="Command">May have <c>{shard}</c> in it, the number of the next shard. Null: there is none.</param>
public sealed record Checklist(IReadOnlyList<Wording> Steps, string? Command = null);

public sealed record Remedies(Checklist Node, Checklist Shard, Checklist Disk, Checklist LessNodes);

/// <summary>What a phase runs on, at least; names are of <see cref="Prices.Instances"/>.</summary>
/// <param name="Database">Null: the data are on the node's own disk.</param>
/// <param name="Standbys">For each shard.</param>
public sealed record Machines(
    string Node, int Nodes, int Shards, string? Database = null, int Standbys = 0, string? Redis = null, int RedisServers = 0, string? Balancer = null, int Balancers = 0);

public sealed record Prices(string Currency, IReadOnlyList<Instance> Instances, double DiskPerGiBMonth)
{
    public Instance InstanceOf(string name) => Instances.First(instance => instance.Name == name);
}

public sealed record Instance(string Name, int Processors, double MemoryGiB, double PerMonth);

/// <summary>What single things cost, measured. Microseconds are of one processor.</summary>
/// <param name="ProcessorUsPerFrame">Of the node, for one write to one connection: events that are committed together in a room go in one.</param>
/// <param name="ProcessorUsPerDelivery">Of the node, for each event in a frame.</param>
/// <param name="ProcessorUsPerEventBetweenNodes">Of two nodes together, for an event that goes from one to the other over the backplane.</param>
/// <param name="RedisUsPerBatch">Of the Redis server.</param>
/// <param name="DiskBytesPerMessage">In the database, with indexes and what else a message leaves there.</param>
public sealed record UnitCosts(
    StorageCosts Sqlite, StorageCosts Postgres, double ProcessorUsPerFrame, double ProcessorUsPerDelivery, double ProcessorUsPerConnectionSecond,
    double ProcessorUsPerEventBetweenNodes, double RedisUsPerBatch, double MemoryMiBOfNode, double MemoryKiBPerConnection, double DiskBytesPerMessage);

/// <param name="ProcessorUsPerSend">Of the node, for each event of a batch, from the socket to the acknowledgement.</param>
/// <param name="ProcessorUsPerBatch">Of the node, for a transaction of the write path and all that wakes up for it.</param>
/// <param name="BatchMs">How long such a transaction takes: what comes meanwhile is the next batch.</param>
/// <param name="RowsPerSecond">Events that one database takes in a second with all that it does meanwhile.</param>
public sealed record StorageCosts(double ProcessorUsPerSend, double ProcessorUsPerBatch, double BatchMs, double RowsPerSecond);

/// <summary>What a whole configuration was measured to take, for the model to be compared with.</summary>
/// <param name="Storage"><c>sqlite</c> or <c>postgres</c>.</param>
/// <param name="Rooms">That were written into, evenly.</param>
/// <param name="Processors">In use, of all nodes together.</param>
/// <param name="MemoryMiB">Resident, of all nodes together. Null: not measured.</param>
public sealed record Measurement(
    string Name, string Storage, int Nodes, int Shards, double Rooms, double Connections, double SendsPerSecond, double DeliveriesPerSecond, double Processors, double? MemoryMiB = null);
