using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Metrics;
using Monstera.Server.Nodes;

namespace Monstera.Server.Rooms;

/// <summary>The write path in figures. Rooms are named by their ids alone, and only the busiest.</summary>
public sealed class WriteMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Writes";

    /// <summary>Of a byte.</summary>
    private const int TypesMax = 256;

    private static readonly string[] Shards = [.. Enumerable.Range(0, ConnectionStrings.ShardsMax).Select(shard => shard.ToString(CultureInfo.InvariantCulture))];

    private static readonly Dictionary<EventType, KeyValuePair<string, object?>> Types =
        Enum.GetValues<EventType>().ToDictionary(type => type, type => new KeyValuePair<string, object?>("type", JsonNamingPolicy.SnakeCaseLower.ConvertName(type.ToString())));

    private readonly TimeProvider _time;
    private readonly Meter _meter;
    private readonly Counter<long> _events;
    private readonly Histogram<int> _batches;
    private readonly Histogram<double> _durations;
    private readonly BusiestRooms _rooms;

    public WriteMeter(IMeterFactory meters, Node node, IOptions<MonsteraOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(options);
        _time = time;
        _meter = meters.Create(Name);
        _rooms = new BusiestRooms(options.Value.Metrics.BusiestRooms, time);
        int queueMax = options.Value.Limits.WriteQueueMax;
        KeyValuePair<string, object?> server = new("server_id", node.Name);
        _meter.CreateObservableCounter("messages", () => _rooms.Read(server), "{message}", "Messages that this node has committed. The busiest rooms by id, the rest as other.");
        _events = _meter.CreateCounter<long>("events_committed", "{event}", "Events that this node has committed to rooms' logs, by type.");
        _batches = _meter.CreateHistogram("write_batch_size", "{draft}", "Drafts of a transaction.", null, Buckets.OfBatches);
        _durations = _meter.CreateHistogram("write_duration_seconds", "s", "From a draft's coming to the write path to its commit.", null, Buckets.OfQueries);
        _meter.CreateObservableGauge("write_queue_max", () => queueMax, "{draft}", "How many drafts may wait for a shard; further ones are refused.");
    }

    /// <summary>Shows how much waits in each lane.</summary>
    /// <param name="depths">Drafts that wait, by lane.</param>
    internal void Follow(Func<IReadOnlyList<int>> depths) => _meter.CreateObservableGauge(
        "write_queue_depth",
        () => depths().Select((depth, shard) => new Measurement<int>(depth, LabelOf(shard))),
        "{draft}",
        "Drafts that wait for the write path, those of slots that are being moved included.");

    /// <summary>A transaction was committed.</summary>
    internal void Count(IReadOnlyList<PendingDraft> drafts, IReadOnlyList<CommittedEvents> rooms, int shard)
    {
        _batches.Record(drafts.Count);
        KeyValuePair<string, object?> label = LabelOf(shard);
        long now = _time.GetTimestamp();
        foreach (PendingDraft draft in drafts)
        {
            _durations.Record(_time.GetElapsedTime(draft.QueuedAt, now).TotalSeconds, label);
        }

        CountEvents(rooms);
    }

    private void CountEvents(IReadOnlyList<CommittedEvents> rooms)
    {
        Span<int> byType = stackalloc int[TypesMax];
        byType.Clear();
        foreach (CommittedEvents room in rooms)
        {
            int messages = 0;
            foreach (RoomEvent e in room.Events)
            {
                messages += e.Type == EventType.MessageCreated ? 1 : 0;
                byType[(int)e.Type]++;
            }

            if (messages > 0)
            {
                _rooms.Count(room.Room, messages);
            }
        }

        foreach ((EventType type, KeyValuePair<string, object?> label) in Types)
        {
            if (byType[(int)type] > 0)
            {
                _events.Add(byType[(int)type], label);
            }
        }
    }

    private static KeyValuePair<string, object?> LabelOf(int shard) => new("shard", Shards[shard]);
}
