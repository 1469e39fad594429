using System.Globalization;

namespace Monstera.Server.Growth;

/// <summary>What must be so in <c>growth.json</c> beyond its form.</summary>
internal static class GrowthFileRules
{
    private const int PhasesCount = 4;
    private const int InstancesMax = 50;
    private const int StepsMax = 30;
    private const int TextCharsMax = 1_000;
    private const int MeasurementsMax = 50;

    private static readonly LimitKind[] Shares = [LimitKind.Queue, LimitKind.Processors, LimitKind.Memory, LimitKind.Disk];

    /// <returns>Sentences; none: all is well.</returns>
    public static IReadOnlyList<string> FindFaults(GrowthBook book)
    {
        List<string> faults = [];
        CheckHistory(book.History, faults);
        CheckPrices(book.Prices, faults);
        CheckCosts(book.UnitCosts, faults);
        CheckMeasurements(book.Measurements, faults);
        CheckPhases(book, faults);
        foreach ((string name, Checklist list) in new[] { ("node", book.Remedies.Node), ("shard", book.Remedies.Shard), ("disk", book.Remedies.Disk), ("lessNodes", book.Remedies.LessNodes) })
        {
            CheckSteps($"remedies.{name}", list, faults);
        }

        return faults;
    }

    private static void CheckHistory(HistoryRules history, List<string> faults)
    {
        InRange("history.daysMin", history.DaysMin, 14, 90, faults);
        InRange("history.daysOfTrend", history.DaysOfTrend, history.DaysMin, 365, faults);
        InRange("history.daysOfLevel", history.DaysOfLevel, 1, 90, faults);
        InRange("history.daysAhead", history.DaysAhead, 1, 730, faults);
        InRange("history.warnShare", history.WarnShare, 0.1, 1, faults);
        InRange("history.shrinkDays", history.ShrinkDays, 7, 365, faults);
        InRange("history.shrinkShare", history.ShrinkShare, 0.05, 0.9, faults);
    }

    private static void CheckPrices(Prices prices, List<string> faults)
    {
        CheckText("prices.currency", prices.Currency, faults);
        InRange("prices.diskPerGiBMonth", prices.DiskPerGiBMonth, 0, 1e6, faults);
        InRange("prices.instances (how many)", prices.Instances.Count, 1, InstancesMax, faults);
        foreach (Instance instance in prices.Instances)
        {
            CheckText("prices.instances.name", instance.Name, faults);
            InRange($"prices.instances '{instance.Name}' processors", instance.Processors, 1, 4_096, faults);
            InRange($"prices.instances '{instance.Name}' memoryGiB", instance.MemoryGiB, 0.25, 65_536, faults);
            InRange($"prices.instances '{instance.Name}' perMonth", instance.PerMonth, 0, 1e9, faults);
        }

        foreach (IGrouping<string, Instance> same in prices.Instances.GroupBy(instance => instance.Name, StringComparer.Ordinal).Where(same => same.Count() > 1))
        {
            faults.Add($"prices.instances has '{same.Key}' twice.");
        }
    }

    private static void CheckCosts(UnitCosts costs, List<string> faults)
    {
        foreach ((string name, StorageCosts storage) in new[] { ("sqlite", costs.Sqlite), ("postgres", costs.Postgres) })
        {
            InRange($"unitCosts.{name}.processorUsPerSend", storage.ProcessorUsPerSend, 0.01, 1e6, faults);
            InRange($"unitCosts.{name}.processorUsPerBatch", storage.ProcessorUsPerBatch, 0, 1e6, faults);
            InRange($"unitCosts.{name}.batchMs", storage.BatchMs, 0, 1e4, faults);
            InRange($"unitCosts.{name}.rowsPerSecond", storage.RowsPerSecond, 1, 1e9, faults);
        }

        InRange("unitCosts.processorUsPerFrame", costs.ProcessorUsPerFrame, 0.001, 1e6, faults);
        InRange("unitCosts.processorUsPerDelivery", costs.ProcessorUsPerDelivery, 0, 1e6, faults);
        InRange("unitCosts.processorUsPerConnectionSecond", costs.ProcessorUsPerConnectionSecond, 0, 1e6, faults);
        InRange("unitCosts.processorUsPerEventBetweenNodes", costs.ProcessorUsPerEventBetweenNodes, 0, 1e6, faults);
        InRange("unitCosts.redisUsPerBatch", costs.RedisUsPerBatch, 0, 1e6, faults);
        InRange("unitCosts.memoryMiBOfNode", costs.MemoryMiBOfNode, 1, 1e6, faults);
        InRange("unitCosts.memoryKiBPerConnection", costs.MemoryKiBPerConnection, 0.1, 1e6, faults);
        InRange("unitCosts.diskBytesPerMessage", costs.DiskBytesPerMessage, 1, 1e9, faults);
    }

    private static void CheckMeasurements(IReadOnlyList<Measurement> measurements, List<string> faults)
    {
        InRange("measurements (how many)", measurements.Count, 0, MeasurementsMax, faults);
        foreach (Measurement measured in measurements)
        {
            CheckText("measurements.name", measured.Name, faults);
            if (measured.Storage is not ("sqlite" or "postgres"))
            {
                faults.Add($"measurements '{measured.Name}': storage is 'sqlite' or 'postgres', not '{measured.Storage}'.");
            }

            InRange($"measurements '{measured.Name}' nodes", measured.Nodes, 1, 10_000, faults);
            InRange($"measurements '{measured.Name}' shards", measured.Shards, 1, Configuration.ConnectionStrings.ShardsMax, faults);
            InRange($"measurements '{measured.Name}' rooms", measured.Rooms, 1, 1e9, faults);
            InRange($"measurements '{measured.Name}' connections", measured.Connections, 0, 1e8, faults);
            InRange($"measurements '{measured.Name}' sendsPerSecond", measured.SendsPerSecond, 0, 1e9, faults);
            InRange($"measurements '{measured.Name}' deliveriesPerSecond", measured.DeliveriesPerSecond, 0, 1e12, faults);
            InRange($"measurements '{measured.Name}' processors", measured.Processors, 1e-6, 1e6, faults);
            InRange($"measurements '{measured.Name}' memoryMiB", measured.MemoryMiB ?? 1, 1, 1e9, faults);
        }
    }

    private static void CheckPhases(GrowthBook book, List<string> faults)
    {
        if (!book.Phases.Select(phase => phase.Number).SequenceEqual(Enumerable.Range(1, PhasesCount)))
        {
            faults.Add($"phases are numbered from 1 to {PhasesCount}, in order.");
        }

        foreach (Phase phase in book.Phases)
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"phases[{phase.Number}]");
            CheckText($"{place}.people", phase.People, faults);
            foreach ((LimitKind limit, double value) in phase.Limits)
            {
                InRange($"{place}.limits.{GrowthNames.Of(limit)}", value, 1e-3, Shares.Contains(limit) ? 1 : 1e12, faults);
                if (!phase.Remedies.TryGetValue(limit, out Remedy remedy))
                {
                    faults.Add($"{place}.remedies does not say what to do about {GrowthNames.Of(limit)}.");
                }
                else if (remedy == Remedy.Phase && phase.Number == PhasesCount)
                {
                    faults.Add($"{place}.remedies.{GrowthNames.Of(limit)} is 'phase', and there is none after it.");
                }
            }

            CheckMachines(place, phase.Machines, book.Prices, faults);
            CheckWay($"{place}.enter", phase.Enter, isWanted: phase.Number > 1, faults);
            CheckWay($"{place}.return", phase.Return, isWanted: phase.Number < PhasesCount, faults);
        }
    }

    private static void CheckMachines(string place, Machines machines, Prices prices, List<string> faults)
    {
        foreach ((string part, string? name) in new[] { ("node", machines.Node), ("database", machines.Database), ("redis", machines.Redis), ("balancer", machines.Balancer) })
        {
            if (name is not null && prices.Instances.All(instance => instance.Name != name))
            {
                faults.Add($"{place}.machines.{part} is '{name}', which prices.instances does not have.");
            }
        }

        InRange($"{place}.machines.nodes", machines.Nodes, 1, 1_000, faults);
        InRange($"{place}.machines.shards", machines.Shards, 1, Configuration.ConnectionStrings.ShardsMax, faults);
        InRange($"{place}.machines.standbys", machines.Standbys, 0, 10, faults);
        InRange($"{place}.machines.redisServers", machines.RedisServers, 0, 1_000, faults);
        InRange($"{place}.machines.balancers", machines.Balancers, 0, 1_000, faults);
    }

    private static void CheckWay(string place, Checklist? way, bool isWanted, List<string> faults)
    {
        if (way is null && isWanted)
        {
            faults.Add($"{place} is missing.");
        }
        else if (way is not null)
        {
            CheckSteps(place, way, faults);
        }
    }

    private static void CheckSteps(string place, Checklist list, List<string> faults)
    {
        InRange($"{place}.steps (how many)", list.Steps.Count, 1, StepsMax, faults);
        foreach (Wording step in list.Steps)
        {
            CheckText($"{place}.steps", step, faults);
        }

        if (list.Command is not null)
        {
            CheckText($"{place}.command", list.Command, faults);
        }
    }

    private static void CheckText(string place, Wording text, List<string> faults)
    {
        CheckText($"{place}.en", text.En, faults);
        CheckText($"{place}.ja", text.Ja, faults);
    }

    private static void CheckText(string place, string text, List<string> faults)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > TextCharsMax)
        {
            faults.Add($"{place} is a text of 1 to {TextCharsMax} characters.");
        }
    }

    private static void InRange(string place, double value, double min, double max, List<string> faults)
    {
        if (!(value >= min && value <= max))
        {
            faults.Add(string.Create(CultureInfo.InvariantCulture, $"{place} is {value}: it is from {min} to {max}."));
        }
    }
}
