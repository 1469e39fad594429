using System.Text;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Feeds;
using Monstera.Server.Realtime.Hub;

namespace Monstera.Server.Realtime;

/// <summary>
/// Closes the gap between a client's cursors and the logs, and makes the connection live from there on. Complete, or with a cursor to go on from, or a reset: never silently partial.
/// </summary>
public sealed class Resumption(IRoomStore store, RoomFeeds feeds)
{
    public const int RoomsMax = 100;
    public const int EventsPerRoomMax = 500;
    public const int SubscriptionsMax = 2_000;
    private const int BytesMax = 262_144;
    private const int EventBytes = 128;

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

        List<ResumedRoom> answers = new(request.Rooms.Count);
        int bytesLeft = BytesMax;
        foreach (ResumeRoom room in request.Rooms)
        {
            if (room.Seq is < 0 || (room.Seq is null && room.Epoch is not null))
            {
                return Error.Invalid("rooms: seq is 0 or more; epoch comes with a seq.");
            }

            ResumedRoom answer = await ResumeOne(connection, room, bytesLeft, cancel);
            bytesLeft -= SizeOf(answer.Events);
            answers.Add(answer);
        }

        return new ResumeReply(answers);
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
            cancel);
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
}
