using Monstera.Data;
using Monstera.Data.Growth;
using Monstera.Server.Hosting;
using Monstera.Server.Nodes;
using Monstera.Server.Rooms;
using Monstera.Server.Storage;

namespace Monstera.Server.Growth;

/// <summary>
/// Looks every few seconds at what this node is doing and notes it in the storage by the hour, for the advisor; once a day it puts the hours of all nodes together and forgets old ones.
/// A node writes one row every five minutes. Whatever fails here, nothing else notices.
/// </summary>
internal sealed partial class GrowthSampler(
    IGrowthLog history, Node node, RoomWriter writer, NodeGauges gauges, LatencyListener latencies, DataSizes sizes, TimeProvider time, ILogger<GrowthSampler> log) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WriteEvery = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastWriteWithin = TimeSpan.FromSeconds(2);

    private readonly Seldom _warning = new(TimeSpan.FromHours(1), time);
    private NodeHour _hour = null!;
    private long _sends;
    private long _sendsBefore;
    private TimeSpan _processorBefore;
    private long _minuteBegan;
    private long? _wroteAt;
    private DateTimeOffset? _foldedOn;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        writer.Committed += Count;
        (_processorBefore, _minuteBegan) = (Environment.CpuUsage.TotalTime, time.GetTimestamp());
        using PeriodicTimer timer = new(LookEvery, time);
        try
        {
            _hour = await Begin(stoppingToken);
            do
            {
                await Look(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
        finally
        {
            writer.Committed -= Count;
        }

        using CancellationTokenSource late = new(LastWriteWithin, time);
        if (_hour is not null)
        {
            await Write(late.Token);
        }
    }

    private void Count(CommittedBatch batch)
    {
        long events = 0;
        foreach (CommittedEvents room in batch.Rooms)
        {
            events += room.Events.Count;
        }

        Interlocked.Add(ref _sends, events);
    }

    private async Task Look(CancellationToken cancel)
    {
        if (GrowthHistory.HourOf(time.GetUtcNow()) != _hour.At)
        {
            await Write(cancel);
            latencies.Writes.Clear();
            latencies.Deliveries.Clear();
            _hour = new NodeHour(GrowthHistory.HourOf(time.GetUtcNow()), before: null);
        }

        _hour.Look(gauges.Connections(), gauges.Users(), writer.QueueShare, Environment.WorkingSet, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        TimeSpan took = time.GetElapsedTime(_minuteBegan);
        if (took >= Minute)
        {
            (long sends, TimeSpan processor) = (Interlocked.Read(ref _sends), Environment.CpuUsage.TotalTime);
            _hour.Minute(sends - _sendsBefore, processor - _processorBefore, took);
            (_sendsBefore, _processorBefore, _minuteBegan) = (sends, processor, time.GetTimestamp());
        }

        if (_wroteAt is not { } at || time.GetElapsedTime(at) >= WriteEvery)
        {
            await Write(cancel);
        }
    }

    /// <summary>A node that is started anew within the hour goes on with what it had noted.</summary>
    private async Task<NodeHour> Begin(CancellationToken cancel)
    {
        DateTimeOffset hour = GrowthHistory.HourOf(time.GetUtcNow());
        GrowthSample? before = null;
        await Try(async () => before = (await history.Read(GrowthSpan.Hour, hour, cancel)).LastOrDefault(row => row.Node == node.Name)?.Sample);
        return new NodeHour(hour, before);
    }

    private async Task Write(CancellationToken cancel)
    {
        _wroteAt = time.GetTimestamp();
        await Try(async () =>
        {
            _hour.Store(await sizes.Measure(cancel));
            await history.Write([new GrowthRow(GrowthSpan.Hour, node.Name, _hour.At, _hour.Sample(latencies))], cancel);
            DateTimeOffset today = GrowthHistory.DayOf(time.GetUtcNow());
            if (_foldedOn != today)
            {
                await Fold(today, cancel);
                _foldedOn = today;
            }
        });
    }

    /// <summary>
    /// 1. makes days of the hours, of those days of which no hour is forgotten yet (every node makes the same ones, and again the next day, when the last hour of the slowest node is there too);
    /// 2. forgets.
    /// </summary>
    private async Task Fold(DateTimeOffset today, CancellationToken cancel)
    {
        // 1.
        DateTimeOffset whole = today - GrowthHistory.HoursKeptFor;
        IReadOnlyList<GrowthRow> hours = await history.Read(GrowthSpan.Hour, whole, cancel);
        await history.Write([.. GrowthHistory.FromHours(hours).Where(day => day.At < today).Select(day => new GrowthRow(GrowthSpan.Day, "", day.At, day.Sample))], cancel);

        // 2.
        await history.Remove(GrowthSpan.Hour, whole, cancel);
        await history.Remove(GrowthSpan.Day, today - GrowthHistory.DaysKeptFor, cancel);
    }

    private async Task Try(Func<Task> use)
    {
        try
        {
            await use();
            _warning.Reset();
        }
        catch (Exception e) when (e is StorageUnavailableException or IOException)
        {
            if (_warning.IsTime())
            {
                LogNotNoted(log, e);
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops; the next start goes on with what was noted.
        }
    }

    [LoggerMessage(2500, LogLevel.Warning, "How busy this node is could not be noted for the growth advisor; it is tried again every five minutes.")]
    private static partial void LogNotNoted(ILogger logger, Exception exception);
}
