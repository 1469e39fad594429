using System.Text;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Feeds;
using Monstera.Server.Realtime.Hub;

namespace Monstera.Server.Realtime;

/// <summary>
/// Closes the gap between a client's cursors and the logs, and makes the connection live from there on. Complete, or with a cursor to go on from, or a reset: never silently partial.
/// </summary>
public sealed partial class Resumption(IRoomStore store, RoomFeeds feeds, TimeProvider time, ILogger<Resumption> log)
{
    public const int RoomsMax = 100;
    public const int EventsPerRoomMax = 500;
    public const int SubscriptionsMax = 2_000;
    private const int BytesMax = 262_144;
    private const int EventBytes = 128;

    /// <summary>For a room that takes longer the others' answers do not wait.</summary>
    private static readonly TimeSpan RoomPatience = TimeSpan.FromSeconds(3);

    public async Task<Result<ResumeReply>> Resume(ChatConnection connection, ResumeRequest request, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(request);
        if (request.Rooms.Count > RoomsMax)
        {
            return Error.Invalid($"rooms: at most {RoomsMax}.");
        }

        if (connection.SubscriptionCount + request.Rooms.Count(room => !connection.IsSubscribed(room.Room)) > SubscriptionsMax)
        {
            return Error.Invalid($"rooms: at most {SubscriptionsMax} on a connection.");
        }

        if (request.Rooms.Any(room => room.Seq is < 0 || (room.Seq is null && room.Epoch is not null)))
        {
            return Error.Invalid("rooms: seq is 0 or more; epoch comes with a seq.");
        }

        // The partitions' rooms side by side, each partition with its share of the answer; of a partition one after another.
        ResumedRoom[] answers = new ResumedRoom[request.Rooms.Count];
        IGrouping<int, int>[] partitions = [.. Enumerable.Range(0, answers.Length).GroupBy(i => store.PartitionOf(request.Rooms[i].Room))];
        await Task.WhenAll(partitions.Select(rooms => ResumeSome(connection, request.Rooms, rooms, BytesMax / partitions.Length, answers, cancel)));
        return new ResumeReply(answers);
    }

    /// <summary>Once a room could not be read, the rest of its partition is not tried: each would have to wait as long.</summary>
    private async Task ResumeSome(
        ChatConnection connection, IReadOnlyList<ResumeRoom> rooms, IEnumerable<int> some, int bytesLeft, ResumedRoom[] answers, CancellationToken cancel)
    {
        bool isAway = false;
        foreach (int i in some)
        {
            try
            {
                answers[i] = isAway ? new ResumedRoom(rooms[i].Room, Error: Error.Unavailable()) : await ResumeOne(connection, rooms[i], bytesLeft, cancel);
                bytesLeft -= SizeOf(answers[i].Events);
            }
            catch (Exception e) when (e is StorageUnavailableException or TimeoutException)
            {
                LogUnavailable(log, e, rooms[i].Room);
                isAway = e is TimeoutException or StorageUnavailableException { IsAway: true };
                answers[i] = new ResumedRoom(rooms[i].Room, Error: Error.Unavailable());
            }
        }
    }

    private async Task<ResumedRoom> ResumeOne(ChatConnection connection, ResumeRoom room, int bytesLeft, CancellationToken cancel)
    {
        // 1. The feed first: from now on it holds what is committed, so nothing can fall between the log and the subscription.
        using RoomFeeds.FeedLease lease = feeds.Acquire(connection.Caller.Tenant, room.Room);

        // 2. Read the log after the cursor; membership is checked at the same instant. No cursor: only where the log stands.
        bool turn = bytesLeft > 0;
        LogPage? page = await store.ReadAfter(
            connection.Caller.Tenant,
            room.Room,
            connection.Caller.User,
            room.Seq ?? long.MaxValue - 1,
            turn ? EventsPerRoomMax : 1,
            turn ? bytesLeft : 1,
            cancel).AsTask().WaitAsync(RoomPatience, time, cancel);
        if (page is null)
        {
            return new ResumedRoom(room.Room, Error: Error.NotFound("room"));
        }

        // 3. A cursor of another log.
        if (room.Seq > page.Head || (room.Epoch is { } epoch && epoch != page.Epoch))
        {
            return new ResumedRoom(room.Room, ResumeStatus.Reset, page.Epoch, page.Head);
        }

        long next = room.Seq is null ? page.Head : page.Events.Count > 0 ? page.Events[^1].Seq : room.Seq.Value;
        if (next < page.Head)
        {
            return turn
                ? new ResumedRoom(room.Room, ResumeStatus.More, page.Epoch, page.Head, next, page.Events)
                : new ResumedRoom(room.Room, ResumeStatus.More, page.Epoch, page.Head, room.Seq, []);
        }

        // 4. Live from here.
        lease.Feed.Start(page.Epoch, page.Head);
        connection.Subscribe(lease.Feed, page.Epoch, page.Head);
        return new ResumedRoom(room.Room, ResumeStatus.Complete, page.Epoch, page.Head, page.Head, page.Events);
    }

    private static int SizeOf(IReadOnlyList<RoomEvent>? events)
    {
        int size = 0;
        foreach (RoomEvent e in events ?? [])
        {
            size += EventBytes + (e.Text is null ? 0 : Encoding.UTF8.GetByteCount(e.Text));
        }

        return size;
    }

    [LoggerMessage(1204, LogLevel.Warning, "Room {Room} could not be resumed: the storage does not answer")]
    private static partial void LogUnavailable(ILogger logger, Exception exception, RoomId room);
}
