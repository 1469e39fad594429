using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;

namespace Monstera.Server.Rooms;

/// <summary>A user's rooms as the user sees them, put together from the directory (which rooms, how far read) and the rooms themselves (the rest).</summary>
public sealed class RoomReads(IRoomStore rooms, IDirectory directory)
{
    public const int PageDefault = 50;

    /// <summary>A page of the user's rooms, by room id.</summary>
    public async Task<Result<RoomListView>> MyRooms(Caller caller, string? after, int limit, CancellationToken cancel)
    {
        if (limit is < 1 or > RoomLimits.PageMax)
        {
            return Error.Invalid($"limit: from 1 to {RoomLimits.PageMax}.");
        }

        Page<UserRoom> page;
        try
        {
            page = await directory.ReadRooms(caller.Tenant, caller.User, after, limit, cancel);
        }
        catch (FormatException)
        {
            return Error.Invalid("after: not a cursor of this list.");
        }

        IReadOnlyList<ReadMarker> markers = [.. page.Items.Select(room => new ReadMarker(room.Room, room.ReadSeq))];
        Gathered<RoomView> views = await View(caller, markers, cancel);
        return new RoomListView(views.Items, page.Next, views.Missing.Count == 0 ? null : views.Missing);
    }

    /// <summary>One of the user's rooms.</summary>
    public async Task<Result<RoomView>> MyRoom(Caller caller, RoomId room, CancellationToken cancel)
    {
        UserRoom? entry = await directory.FindRoom(caller.Tenant, caller.User, room, cancel);

        // The index may be a moment behind the room itself; the room decides who is a member.
        Gathered<RoomView> views = await View(caller, [new ReadMarker(room, entry?.ReadSeq ?? 0)], cancel);
        return views.Items.Count == 1 ? views.Items[0] : views.Missing.Count > 0 ? Error.Unavailable() : Error.NotFound("room");
    }

    private async Task<Gathered<RoomView>> View(Caller caller, IReadOnlyList<ReadMarker> markers, CancellationToken cancel)
    {
        if (markers.Count == 0)
        {
            return new Gathered<RoomView>([], []);
        }

        Gathered<RoomSummary> summaries = await rooms.Summarize(caller.Tenant, caller.User, markers, cancel);
        UserId[] others = [.. summaries.Items.Where(summary => summary.With is not null).Select(summary => summary.With!.Value).Distinct()];
        Dictionary<UserId, User> people = others.Length == 0
            ? []
            : (await directory.FindUsers(caller.Tenant, others, cancel)).ToDictionary(user => user.Id);
        return new Gathered<RoomView>([.. summaries.Items.Select(summary => ViewOf(summary, people))], summaries.Missing);
    }

    private static RoomView ViewOf(RoomSummary summary, Dictionary<UserId, User> people) => new(
        summary.Room.Id,
        summary.Room.Kind,
        summary.Room.Name,
        summary.Room.Topic,
        summary.Room.Epoch,
        summary.Room.Head,
        summary.Room.Members,
        summary.Member.Role,
        summary.ReadSeq,
        summary.Unread,
        summary.Member.JoinedAt,
        summary.With is { } with && people.TryGetValue(with, out User? user) ? UserView.Of(user) : null,
        summary.Last);
}
