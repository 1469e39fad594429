using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Rooms;

/// <summary>What is said in a room over REST: docs/protocol.md section 10.</summary>
internal static class MessagesApi
{
    private const int EventsMax = 500;
    private const int EventBytesMax = 262_144;

    /// <param name="room">The group <c>/api/rooms/{room}</c>.</param>
    public static void Map(RouteGroupBuilder room)
    {
        RouteGroupBuilder messages = room.MapGroup("").WithTags("Messages");
        messages.MapGet("/messages", ReadMessages).WithName("ReadMessages")
            .WithSummary("A page of the timeline: before, after or around a seq, or the newest.");
        messages.MapPost("/messages", PostMessage).WithName("PostMessage").WithSummary("Sends a message. With the same clientId again: the first answer.");
        messages.MapGet("/messages/{seq}", ReadMessage).WithName("ReadMessage").WithSummary("A message in its present state.");
        messages.MapPatch("/messages/{seq}", ChangeMessage).WithName("ChangeMessage").WithSummary("Replaces the text of one's own message.");
        messages.MapDelete("/messages/{seq}", DeleteMessage).WithName("DeleteMessage").WithSummary("Deletes a message and erases its text.");
        messages.MapPut("/messages/{seq}/reactions/{emoji}", PutReaction).WithName("PutReaction").WithSummary("Reacts to a message.");
        messages.MapDelete("/messages/{seq}/reactions/{emoji}", DeleteReaction).WithName("DeleteReaction").WithSummary("Takes one's reaction back.");
        messages.MapPut("/messages/{seq}/pin", PutPin).WithName("PutPin").WithSummary("Pins a message.");
        messages.MapDelete("/messages/{seq}/pin", DeletePin).WithName("DeletePin").WithSummary("Takes the pin off a message.");
        messages.MapGet("/pins", ReadPins).WithName("ReadPins").WithSummary("The pinned messages, latest pin first.");
        messages.MapGet("/events", ReadEvents).WithName("ReadEvents").WithSummary("The log after a cursor, as Resume answers, without subscribing.");
        messages.MapPut("/read", PutRead).WithName("PutRead").WithSummary("Moves the caller's read marker forward.");
    }

    private static async Task<Results<Ok<TimelinePage>, ErrorResult>> ReadMessages(
        RoomId room, long? before, long? after, long? around, int? limit, Caller caller, IRoomStore store, CancellationToken cancel)
    {
        Result<int> count = ListQuery.Limit(limit);
        Result<TimelineQuery> query = QueryOf(before, after, around);
        if ((count.Error ?? query.Error) is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        TimelinePage? page = await store.ReadTimeline(caller.Tenant, room, caller.User, query.Value!, count.Value, cancel);
        return page is null ? new ErrorResult(Error.NotFound("room")) : TypedResults.Ok(page);
    }

    private static Result<TimelineQuery> QueryOf(long? before, long? after, long? around) => (before, after, around) switch
    {
        (null, null, null) => new TimelineQuery.Newest(),
        (< 0, _, _) => Error.Invalid("before: below 0."),
        (_, < 0, _) => Error.Invalid("after: below 0."),
        (_, _, < 0) => Error.Invalid("around: below 0."),
        ({ } seq, null, null) => new TimelineQuery.Before(seq),
        (null, { } seq, null) => new TimelineQuery.After(seq),
        (null, null, { } seq) => new TimelineQuery.Around(seq),
        _ => Error.Invalid("before, after, around: at most one of them."),
    };

    private static async Task<Results<Ok<Ack>, ErrorResult>> PostMessage(
        RoomId room, JsonBody<PostMessageRequest> body, Caller caller, RoomActions actions) =>
        OkOr(await actions.Send(caller, new SendRequest(room, body.Value.ClientId, body.Value.Text, body.Value.ReplyTo)));

    private static async Task<Results<Ok<TimelineItem>, ErrorResult>> ReadMessage(
        RoomId room, long seq, Caller caller, IRoomStore store, CancellationToken cancel) =>
        await store.FindMessage(caller.Tenant, room, caller.User, seq, cancel) is { } message
            ? TypedResults.Ok(message)
            : new ErrorResult(Error.NotFound("message"));

    private static async Task<Results<Ok<Ack>, ErrorResult>> ChangeMessage(
        RoomId room, long seq, JsonBody<ChangeMessageRequest> body, Caller caller, RoomActions actions) =>
        OkOr(await actions.Edit(caller, new EditRequest(room, seq, body.Value.Text, body.Value.ClientId)));

    private static async Task<Results<Ok<Ack>, ErrorResult>> DeleteMessage(RoomId room, long seq, Caller caller, RoomActions actions) =>
        OkOr(await actions.Delete(caller, new DeleteRequest(room, seq)));

    private static async Task<Results<Ok<Ack>, ErrorResult>> PutReaction(
        RoomId room, long seq, string emoji, Caller caller, RoomActions actions, HttpContext context) =>
        OkOr(await actions.React(caller, new ReactRequest(room, seq, Exactly(emoji, context), On: true)));

    private static async Task<Results<Ok<Ack>, ErrorResult>> DeleteReaction(
        RoomId room, long seq, string emoji, Caller caller, RoomActions actions, HttpContext context) =>
        OkOr(await actions.React(caller, new ReactRequest(room, seq, Exactly(emoji, context), On: false)));

    private static async Task<Results<Ok<Ack>, ErrorResult>> PutPin(RoomId room, long seq, Caller caller, RoomActions actions) =>
        OkOr(await actions.Pin(caller, new PinRequest(room, seq, On: true)));

    private static async Task<Results<Ok<Ack>, ErrorResult>> DeletePin(RoomId room, long seq, Caller caller, RoomActions actions) =>
        OkOr(await actions.Pin(caller, new PinRequest(room, seq, On: false)));

    private static async Task<Results<Ok<PageView<TimelineItem>>, ErrorResult>> ReadPins(
        RoomId room, Caller caller, IRoomStore store, CancellationToken cancel) =>
        await store.ReadPins(caller.Tenant, room, caller.User, cancel) is { } pins
            ? TypedResults.Ok(new PageView<TimelineItem>(pins))
            : new ErrorResult(Error.NotFound("room"));

    private static async Task<Results<Ok<LogView>, ErrorResult>> ReadEvents(
        RoomId room, long? seq, long? epoch, int? limit, Caller caller, IRoomStore store, CancellationToken cancel)
    {
        Result<int> count = ListQuery.Limit(limit, EventsMax);
        if (count.Error is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        if (seq is < 0 || (seq is null && epoch is not null))
        {
            return new ErrorResult(Error.Invalid("seq: 0 or more; epoch comes with a seq."));
        }

        // Without a cursor only where the log stands is asked for, and nothing lies after the greatest seq.
        LogPage? page = await store.ReadAfter(caller.Tenant, room, caller.User, seq ?? long.MaxValue - 1, count.Value, EventBytesMax, cancel);
        return page is null ? new ErrorResult(Error.NotFound("room")) : TypedResults.Ok(View(room, seq, epoch, page));
    }

    private static LogView View(RoomId room, long? seq, long? epoch, LogPage page)
    {
        if (seq > page.Head || (epoch is not null && epoch != page.Epoch))
        {
            return new LogView(room, LogStatus.Reset, page.Epoch, page.Head);
        }

        long next = seq is null ? page.Head : page.Events.Count > 0 ? page.Events[^1].Seq : seq.Value;
        return new LogView(room, next < page.Head ? LogStatus.More : LogStatus.Complete, page.Epoch, page.Head, next, page.Events);
    }

    private static async Task<Results<Ok<ReadAck>, ErrorResult>> PutRead(
        RoomId room, JsonBody<PutReadRequest> body, Caller caller, ReadMarkers markers, CancellationToken cancel) =>
        OkOr(await markers.MarkRead(caller, new MarkReadRequest(room, body.Value.Seq), connection: null, cancel));

    /// <summary>
    /// The last part of the address as the client meant it. The framework leaves an encoded slash as it is, which would make another emoji of it.
    /// </summary>
    private static string Exactly(string emoji, HttpContext context)
    {
        string target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        string path = target.Split('?', 2)[0];
        int slash = path.LastIndexOf('/');
        return emoji.Contains('%', StringComparison.Ordinal) && slash >= 0 ? Uri.UnescapeDataString(path[(slash + 1)..]) : emoji;
    }

    private static Results<Ok<T>, ErrorResult> OkOr<T>(Result<T> result) =>
        result.Error is { } error ? new ErrorResult(error) : TypedResults.Ok(result.Value);
}
