using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Feeds;
using Monstera.Server.Hosting;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>
/// Closes the gap between a client's cursors and the logs, and makes the connection live from there on. Complete, or with a cursor to go on from, or a reset: never silently partial.
/// </summary>
public sealed partial class Resumption(IRoomStore store, RoomFeeds feeds, TimeProvider time, ILogger<Resumption> log)
{
    public const int RoomsMax = 100;
    public const int EventsPerRoomMax = 500;
    public const int SubscriptionsMax = 2_000;
    private const int BytesMax = RoomReadings.BytesMax;

    /// <summary>For a room that takes longer the others' answers do not wait.</summary>
    private static readonly TimeSpan RoomPatience = TimeSpan.FromSeconds(3);

    private readonly RoomReadings _readings = new(store);
    private readonly Seldom _complaints = Seldom.OfCalls(time);

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
                bytesLeft -= answers[i].Events?.Bytes ?? 0;
            }
            catch (Exception e) when (e is StorageUnavailableException or TimeoutException)
            {
                if (_complaints.IsTime())
                {
                    LogUnavailable(log, e, rooms[i].Room);
                }

                isAway = e is TimeoutException or StorageUnavailableException { IsAway: true };
                answers[i] = new ResumedRoom(rooms[i].Room, Error: Error.Unavailable());
            }
        }
    }

    private async Task<ResumedRoom> ResumeOne(ChatConnection connection, ResumeRoom room, int bytesLeft, CancellationToken cancel)
    {
        (TenantId tenant, UserId user) = (connection.Caller.Tenant, connection.Caller.User);

        // 1. The feed first: from now on it holds what is committed, so nothing can fall between the log and the subscription.
        using RoomFeeds.FeedLease lease = feeds.Acquire(tenant, room.Room);

        // 2. Where the log stands, and membership at the same instant; together with others who resume here now.
        RoomQuestion question = new(user, lease.Feed, room.Seq, bytesLeft);
        RoomReading reading = await _readings.Read(tenant, room.Room, question).WaitAsync(RoomPatience, time, cancel);
        if (Refusal(room, user, reading) is { } refusal)
        {
            return refusal;
        }

        // 3. The events in between. Who is too far behind for the tail and for the others reads alone.
        EventList? events = EventsOf(reading, question);
        if (events is null)
        {
            reading = await _readings.ReadLog(tenant, room.Room, question).WaitAsync(RoomPatience, time, cancel);
            if (Refusal(room, user, reading) is { } late)
            {
                return late;
            }

            events = EventsOf(reading, question) ?? EventList.Empty;
        }

        RoomStanding standing = reading.Standing!;
        long next = room.Seq is { } seq ? seq + events.Count : standing.Head;
        if (next < standing.Head)
        {
            return new ResumedRoom(room.Room, ResumeStatus.More, standing.Epoch, standing.Head, next, events);
        }

        // 4. Live from here.
        bool isWhole = reading.Events is [.., var last] && last.Seq == standing.Head;
        lease.Feed.Start(standing.Epoch, standing.Head, isWhole ? reading.Events : null);
        connection.Subscribe(lease.Feed, standing.Epoch, standing.Head);
        return new ResumedRoom(room.Room, ResumeStatus.Complete, standing.Epoch, standing.Head, standing.Head, events);
    }

    /// <summary>No member, or a cursor of another log.</summary>
    private static ResumedRoom? Refusal(ResumeRoom room, UserId user, RoomReading reading)
    {
        if (reading.Standing is not { } standing || !standing.Members.Contains(user))
        {
            return new ResumedRoom(room.Room, Error: Error.NotFound("room"));
        }

        return room.Seq > standing.Head || (room.Epoch is { } epoch && epoch != standing.Epoch)
            ? new ResumedRoom(room.Room, ResumeStatus.Reset, standing.Epoch, standing.Head)
            : null;
    }

    /// <summary>The events between the cursor and the head, as many as fit. Null: they are neither in the tail nor among those that were read.</summary>
    private static EventList? EventsOf(RoomReading reading, RoomQuestion question)
    {
        RoomStanding standing = reading.Standing!;
        if (question.After is not { } after || after >= standing.Head || question.BytesMax <= 0)
        {
            // Nothing is missing, or it is not this room's turn.
            return EventList.Empty;
        }

        if (question.Feed.ReadTail(standing.Epoch, after, standing.Head, EventsPerRoomMax, question.BytesMax) is { } json)
        {
            return new EventList(json);
        }

        if (reading.Events.Count == 0 || reading.Events[0].Seq > after + 1 || reading.Events[^1].Seq <= after)
        {
            return null;
        }

        List<RoomEvent> events = [];
        int bytes = 0;
        for (int i = (int)(after + 1 - reading.Events[0].Seq); i < reading.Events.Count && events.Count < EventsPerRoomMax; i++)
        {
            bytes += EventList.SizeOf(reading.Events[i]);
            if (bytes > question.BytesMax && events.Count > 0)
            {
                break;
            }

            events.Add(reading.Events[i]);
        }

        return new EventList(events);
    }

    [LoggerMessage(1204, LogLevel.Warning, "Room {Room} could not be resumed: the storage does not answer")]
    private static partial void LogUnavailable(ILogger logger, Exception exception, RoomId room);
}
