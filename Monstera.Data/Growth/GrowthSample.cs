using System.Text.Json;
using System.Text.Json.Serialization;

namespace Monstera.Data.Growth;

/// <summary>What one node was doing for an hour, or a whole installation for a day. Nothing in it is of a tenant: no ids, no names, only sums and maxima.</summary>
/// <remarks>Stored as JSON: another version's fields are passed over, and missing ones are 0 or null, so that old and new nodes may write side by side.</remarks>
public sealed record GrowthSample
{
    /// <summary>Longer ones are not stored: a sample has about 400.</summary>
    public const int JsonCharsMax = 4_096;

    /// <summary>Nodes that it is about: 1, or for a day those that ran in its busiest hour.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>Live connections, at most.</summary>
    public int Connections { get; init; }

    /// <summary>Of the node that had most of them; for a node the same as <see cref="Connections"/>.</summary>
    public int ConnectionsOfBusiest { get; init; }

    /// <summary>People with a live connection, at most. Who is connected to two nodes counts twice.</summary>
    public int Users { get; init; }

    /// <summary>Events committed.</summary>
    public long Sends { get; init; }

    /// <summary>Events committed a second, in the busiest minute.</summary>
    public double SendsPerSecond { get; init; }

    /// <summary>Processors in use in the busiest minute, and those that there are; of all nodes together.</summary>
    public double ProcessorsUsed { get; init; }

    public double Processors { get; init; }

    /// <summary>From 0 to 1, of the node whose share was largest.</summary>
    public double ProcessorShare { get; init; }

    /// <summary>Resident, at most; of all nodes together.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>From 0 to 1 of what a node may have, of the node whose share was largest.</summary>
    public double MemoryShare { get; init; }

    /// <summary>From 0 to 1: how full the fullest queue before a database was, at most.</summary>
    public double QueueShare { get; init; }

    /// <summary>Of all writes of the hour, from the queue to the answer; for several nodes or hours the worst. Null: not measured, or nobody wrote.</summary>
    public double? WriteP95Ms { get; init; }

    /// <summary>From the commit to the socket; otherwise as <see cref="WriteP95Ms"/>.</summary>
    public double? DeliveryP95Ms { get; init; }

    /// <summary>What the databases take on disk, at last. Null: not known.</summary>
    public long? DataBytes { get; init; }

    /// <summary>Of the largest database.</summary>
    public long? LargestDatabaseBytes { get; init; }

    /// <summary>Free on the disk of the data folder, at last. Null: the data are not on a disk of the node.</summary>
    public long? DiskFreeBytes { get; init; }

    public long? DiskBytes { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, GrowthJson.Default.GrowthSample);

    /// <returns>Null: it is none.</returns>
    public static GrowthSample? Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            return json.Length <= JsonCharsMax ? JsonSerializer.Deserialize(json, GrowthJson.Default.GrowthSample) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GrowthSample))]
internal sealed partial class GrowthJson : JsonSerializerContext;
