using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Rooms;

/// <summary>A user's rooms as the user sees them, put together from the directory (which rooms, how far read) and the rooms themselves (the rest).</summary>
public sealed class RoomReads(IRoomStore rooms, IDirectory directory)
{
    public const int PageDefault = 50;

    /// <summary>A page of the user's rooms, by room id.</summary>
    public async Task<Result<PageView<RoomView>>> MyRooms(Caller caller, string? after, int limit, CancellationToken cancel)
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
        return new PageView<RoomView>(await View(caller, markers, cancel), page.Next);
    }

    /// <summary>One of the user's rooms.</summary>
    public async Task<Result<RoomView>> MyRoom(Caller caller, RoomId room, CancellationToken cancel)
    {
        UserRoom? entry = await directory.FindRoom(caller.Tenant, caller.User, room, cancel);

        // The index may be a moment behind the room itself; the room decides who is a member.
        IReadOnlyList<RoomView> views = await View(caller, [new ReadMarker(room, entry?.ReadSeq ?? 0)], cancel);
        return views.Count == 1 ? views[0] : Error.NotFound("room");
    }

    private async Task<IReadOnlyList<RoomView>> View(Caller caller, IReadOnlyList<ReadMarker> markers, CancellationToken cancel)
    {
        if (markers.Count == 0)
        {
            return [];
        }

        IReadOnlyList<RoomSummary> summaries = await rooms.Summarize(caller.Tenant, caller.User, markers, cancel);
        UserId[] others = [.. summaries.Where(summary => summary.With is not null).Select(summary => summary.With!.Value).Distinct()];
        Dictionary<UserId, User> people = others.Length == 0
            ? []
            : (await directory.FindUsers(caller.Tenant, others, cancel)).ToDictionary(user => user.Id);
        return [.. summaries.Select(summary => ViewOf(summary, people))];
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
