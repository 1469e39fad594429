using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Rooms;

/// <summary>Rooms and their members over REST: docs/protocol.md section 10.</summary>
public static class RoomsApi
{
    /// <param name="api">The group of <see cref="RestFeature.MapApi"/>.</param>
    public static void MapRooms(this RouteGroupBuilder api)
    {
        RouteGroupBuilder rooms = api.MapGroup("/rooms").WithTags("Rooms");
        rooms.MapGet("", ReadRooms).WithName("ReadRooms").WithSummary("The caller's rooms.");
        rooms.MapPost("", CreateRoom).WithName("CreateRoom")
            .WithSummary("Makes a public or private room. With the same clientId again: the room that was made.");
        rooms.MapPost("/direct", OpenDirect).WithName("OpenDirect").WithSummary("The direct room with a user, made when there was none.");
        rooms.MapGet("/directory", ReadDirectory).WithName("ReadDirectory").WithSummary("The workspace's public rooms by name.");
        rooms.MapGet("/{room}", ReadRoom).WithName("ReadRoom").WithSummary("One of the caller's rooms.");
        rooms.MapPatch("/{room}", ChangeRoom).WithName("ChangeRoom").WithSummary("Changes the name or the topic. Moderators and owners.");
        rooms.MapPost("/{room}/join", Join).WithName("JoinRoom").WithSummary("Joins a public room.");
        rooms.MapPost("/{room}/leave", Leave).WithName("LeaveRoom").WithSummary("Leaves the room.");
        rooms.MapGet("/{room}/members", ReadMembers).WithName("ReadMembers").WithSummary("Members by user id.");
        rooms.MapPut("/{room}/members/{user}", PutMember).WithName("PutMember").WithSummary("Adds a member, or changes a member's role.");
        rooms.MapDelete("/{room}/members/{user}", RemoveMember).WithName("RemoveMember").WithSummary("Ends a membership.");
        MessagesApi.Map(api.MapGroup("/rooms/{room}"));
    }

    private static async Task<Results<Ok<RoomListView>, ErrorResult>> ReadRooms(
        string? after, int? limit, Caller caller, RoomReads reads, CancellationToken cancel)
    {
        Result<int> count = ListQuery.Limit(limit);
        return count.Error is { } invalid
            ? new ErrorResult(invalid)
            : OkOr(await reads.MyRooms(caller, after, count.Value, cancel));
    }

    private static async Task<Results<Created<RoomView>, ErrorResult>> CreateRoom(
        JsonBody<CreateRoomRequest> body, Caller caller, RoomActions actions, RoomReads reads, CancellationToken cancel)
    {
        Result<RoomId> made = await actions.Create(caller, body.Value);
        if (made.Error is { } refused)
        {
            return new ErrorResult(refused);
        }

        Result<RoomView> room = await reads.MyRoom(caller, made.Value, cancel);
        return room.Error is { } error ? new ErrorResult(error) : TypedResults.Created($"/api/rooms/{made.Value}", room.Value);
    }

    private static async Task<Results<Ok<RoomView>, ErrorResult>> OpenDirect(
        JsonBody<OpenDirectRequest> body, Caller caller, RoomActions actions, RoomReads reads, CancellationToken cancel)
    {
        Result<RoomId> opened = await actions.OpenDirect(caller, body.Value.User);
        return opened.Error is { } refused ? new ErrorResult(refused) : OkOr(await reads.MyRoom(caller, opened.Value, cancel));
    }

    private static async Task<Results<Ok<RoomDirectoryView>, ErrorResult>> ReadDirectory(
        string? query, string? after, int? limit, Caller caller, IRoomStore store, CancellationToken cancel)
    {
        Result<int> count = ListQuery.Limit(limit);
        if (count.Error is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        string? part = string.IsNullOrWhiteSpace(query) ? null : query.Trim();
        Result<PublicRoomPage> page = await ListQuery.Read(
            after, part, () => store.ReadPublicRooms(caller.Tenant, caller.User, part, after, count.Value, cancel));
        return page.Error is { } refused
            ? new ErrorResult(refused)
            : TypedResults.Ok(new RoomDirectoryView(page.Value!.Items, page.Value.Next, page.Value.Incomplete ? true : null));
    }

    private static async Task<Results<Ok<RoomView>, ErrorResult>> ReadRoom(RoomId room, Caller caller, RoomReads reads, CancellationToken cancel) =>
        OkOr(await reads.MyRoom(caller, room, cancel));

    private static async Task<Results<Ok<RoomView>, ErrorResult>> ChangeRoom(
        RoomId room, JsonBody<ChangeRoomRequest> body, Caller caller, RoomActions actions, RoomReads reads, CancellationToken cancel)
    {
        if (body.Value is { Name: null, Topic: null })
        {
            return new ErrorResult(Error.Invalid("name, topic: at least one of them."));
        }

        Result<Ack> changed = await actions.Update(caller, room, body.Value.Name, body.Value.Topic);
        return changed.Error is { } refused ? new ErrorResult(refused) : OkOr(await reads.MyRoom(caller, room, cancel));
    }

    private static async Task<Results<Ok<RoomView>, ErrorResult>> Join(
        RoomId room, Caller caller, RoomActions actions, RoomReads reads, CancellationToken cancel)
    {
        Result<Ack> joined = await actions.Join(caller, room);
        return joined.Error is { } refused ? new ErrorResult(refused) : OkOr(await reads.MyRoom(caller, room, cancel));
    }

    private static async Task<Results<NoContent, ErrorResult>> Leave(RoomId room, Caller caller, RoomActions actions) =>
        NoContentOr(await actions.Leave(caller, room));

    private static async Task<Results<Ok<PageView<MemberView>>, ErrorResult>> ReadMembers(
        RoomId room, string? after, int? limit, Caller caller, IRoomStore store, CancellationToken cancel)
    {
        Result<int> count = ListQuery.Limit(limit);
        if (count.Error is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        Result<Page<RoomMember>?> page = await ListQuery.Read(
            after, null, () => store.ReadMembers(caller.Tenant, room, caller.User, after, count.Value, cancel));
        if (page.Error is { } refused)
        {
            return new ErrorResult(refused);
        }

        return page.Value is { } members
            ? TypedResults.Ok(new PageView<MemberView>([.. members.Items.Select(one => new MemberView(one.User, one.Role, one.JoinedSeq))], members.Next))
            : new ErrorResult(Error.NotFound("room"));
    }

    private static async Task<Results<NoContent, ErrorResult>> PutMember(
        RoomId room, UserId user, JsonBody<PutMemberRequest> body, Caller caller, RoomActions actions) =>
        NoContentOr(await actions.PutMember(caller, room, user, body.Value.Role));

    private static async Task<Results<NoContent, ErrorResult>> RemoveMember(RoomId room, UserId user, Caller caller, RoomActions actions) =>
        NoContentOr(await actions.RemoveMember(caller, room, user));

    private static Results<Ok<T>, ErrorResult> OkOr<T>(Result<T> result) =>
        result.Error is { } error ? new ErrorResult(error) : TypedResults.Ok(result.Value);

    private static Results<NoContent, ErrorResult> NoContentOr(Result<Ack> result) =>
        result.Error is { } error ? new ErrorResult(error) : TypedResults.NoContent();
}
