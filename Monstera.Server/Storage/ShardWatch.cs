using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;

namespace Monstera.Server.Storage;

/// <summary>Follows the map of slots, so that a move is noticed before a call fails, and tells the operator which shards are away. Does nothing with other storage.</summary>
internal sealed partial class ShardWatch(IRoomStore rooms, TimeProvider time, ILogger<ShardWatch> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RemindEvery = TimeSpan.FromMinutes(1);

    private readonly HashSet<short> _unknown = [];
    private readonly Dictionary<int, long> _awayToldAt = [];
    private long _version;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (rooms is not ShardedRoomStore shards)
        {
            return;
        }

        _version = shards.MapVersion;
        using PeriodicTimer timer = new(Every, time);
        try
        {
            do
            {
                await FollowMap(shards);
                TellUnknown(shards);
                TellAway(shards);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task FollowMap(ShardedRoomStore shards)
    {
        try
        {
            await shards.RefreshMap();
        }
        catch (StorageUnavailableException e)
        {
            LogNoMap(log, e);
        }

        if (_version != shards.MapVersion)
        {
            _version = shards.MapVersion;
            LogNewMap(log, _version);
        }
    }

    private void TellUnknown(ShardedRoomStore shards)
    {
        foreach (short shard in shards.UnknownShards)
        {
            if (_unknown.Add(shard))
            {
                LogUnknown(log, shard);
            }
        }
    }

    private void TellAway(ShardedRoomStore shards)
    {
        for (int shard = 0; shard < shards.Partitions; shard++)
        {
            if (shards.FailureOf(shard) is not { } failure)
            {
                if (_awayToldAt.Remove(shard))
                {
                    LogBack(log, shard);
                }
            }
            else if (!_awayToldAt.TryGetValue(shard, out long at) || time.GetElapsedTime(at) >= RemindEvery)
            {
                _awayToldAt[shard] = time.GetTimestamp();
                LogAway(log, failure, shard);
            }
        }
    }

    [LoggerMessage(2060, LogLevel.Information, "Slots moved between shards: the map has version {Version}")]
    private static partial void LogNewMap(ILogger logger, long version);

    [LoggerMessage(2061, LogLevel.Warning, "The map of slots could not be read; the last one is used")]
    private static partial void LogNoMap(ILogger logger, Exception exception);

    [LoggerMessage(2062, LogLevel.Critical, "The map gives slots to shard {Shard}, which has no connection string here: its rooms are unavailable until ConnectionStrings:Shards has it")]
    private static partial void LogUnknown(ILogger logger, short shard);

    [LoggerMessage(2063, LogLevel.Error, "Shard {Shard} is away: its rooms are unavailable. It is tried again and again")]
    private static partial void LogAway(ILogger logger, Exception exception, int shard);

    [LoggerMessage(2064, LogLevel.Information, "Shard {Shard} is back")]
    private static partial void LogBack(ILogger logger, int shard);
}
