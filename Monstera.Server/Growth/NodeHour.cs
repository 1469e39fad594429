using Monstera.Data.Growth;
using Monstera.Server.Storage;

namespace Monstera.Server.Growth;

/// <summary>Gathers what this node is doing in an hour. Not safe for threads.</summary>
/// <param name="at">When it began.</param>
/// <param name="before">What this node had noted of the same hour before it was started anew.</param>
internal sealed class NodeHour(DateTimeOffset at, GrowthSample? before)
{
    private readonly GrowthSample? _before = before;
    private GrowthSample _sample = new() { Processors = Environment.ProcessorCount };

    public DateTimeOffset At { get; } = at;

    /// <summary>What is so at this moment.</summary>
    public void Look(int connections, int users, double queueShare, long memoryBytes, long memoryMaxBytes) => _sample = _sample with
    {
        Connections = Math.Max(_sample.Connections, connections),
        ConnectionsOfBusiest = Math.Max(_sample.Connections, connections),
        Users = Math.Max(_sample.Users, users),
        QueueShare = Math.Max(_sample.QueueShare, queueShare),
        MemoryBytes = Math.Max(_sample.MemoryBytes, memoryBytes),
        MemoryShare = memoryMaxBytes <= 0 ? _sample.MemoryShare : Math.Max(_sample.MemoryShare, Math.Min(1, (double)memoryBytes / memoryMaxBytes)),
    };

    /// <summary>A minute is over.</summary>
    public void Minute(long sends, TimeSpan processorTime, TimeSpan took)
    {
        double processors = processorTime / took;
        _sample = _sample with
        {
            Sends = _sample.Sends + sends,
            SendsPerSecond = Math.Max(_sample.SendsPerSecond, sends / took.TotalSeconds),
            ProcessorsUsed = Math.Max(_sample.ProcessorsUsed, processors),
            ProcessorShare = Math.Max(_sample.ProcessorShare, Math.Min(1, processors / _sample.Processors)),
        };
    }

    public void Store(DataSize size) => _sample = _sample with
    {
        DataBytes = size.DataBytes,
        LargestDatabaseBytes = size.LargestDatabaseBytes,
        DiskFreeBytes = size.DiskFreeBytes,
        DiskBytes = size.DiskBytes,
    };

    public GrowthSample Sample(LatencyListener latencies)
    {
        GrowthSample present = _sample with { WriteP95Ms = latencies.Writes.Percentile(95), DeliveryP95Ms = latencies.Deliveries.Percentile(95) };
        return _before is null ? present : GrowthHistory.FollowedBy(_before, present);
    }
}
