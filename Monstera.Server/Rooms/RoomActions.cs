using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;

namespace Monstera.Server.Rooms;

/// <summary>
/// Everything a user can do to a room, for the hub and for REST: checks what can be checked without the room (form, rate), makes the draft, and has it written. What
/// depends on the room's state is decided in the transaction, by <see cref="RoomRules"/>.
/// </summary>
public sealed class RoomActions(RoomWriter writer, WriteLimiter limiter, IRoomStore store, IDirectory directory, TimeProvider time)
{
    public const int FirstMembersMax = 100;

    public Task<Result<Ack>> Send(Caller caller, SendRequest request) => Write(DraftOf(caller, request));

    public Task<Result<Ack>> Edit(Caller caller, EditRequest request) => Write(DraftOf(caller, request));

    public Task<Result<Ack>> Delete(Caller caller, DeleteRequest request) => Write(DraftOf(caller, request));

    public Task<Result<Ack>> React(Caller caller, ReactRequest request) => Write(DraftOf(caller, request));

    public Task<Result<Ack>> Pin(Caller caller, PinRequest request) => Write(DraftOf(caller, request));

    // What the hub, which does not wait for each write by itself, hands to the writer.

    public Result<Draft> DraftOf(Caller caller, SendRequest request)
    {
        Result<string> text = TextRules.Message(request.Text);
        return (text.Error ?? limiter.TryTake(caller)) is { } error
            ? error
            : new SendMessage(text.Value!, request.ReplyTo) { Tenant = caller.Tenant, Room = request.Room, Sender = caller.User, ClientId = request.ClientId };
    }

    public Result<Draft> DraftOf(Caller caller, EditRequest request)
    {
        Result<string> text = TextRules.Message(request.Text);
        return (text.Error ?? limiter.TryTake(caller)) is { } error
            ? error
            : new EditMessage(request.Seq, text.Value!) { Tenant = caller.Tenant, Room = request.Room, Sender = caller.User, ClientId = request.ClientId };
    }

    public Result<Draft> DraftOf(Caller caller, DeleteRequest request) =>
        limiter.TryTake(caller) is { } error
            ? error
            : new DeleteMessage(request.Seq) { Tenant = caller.Tenant, Room = request.Room, Sender = caller.User, ClientId = request.ClientId };

    public Result<Draft> DraftOf(Caller caller, ReactRequest request)
    {
        Result<string> emoji = TextRules.Emoji(request.Emoji);
        return (emoji.Error ?? limiter.TryTake(caller)) is { } error
            ? error
            : new React(request.Seq, emoji.Value!, request.On) { Tenant = caller.Tenant, Room = request.Room, Sender = caller.User, ClientId = request.ClientId };
    }

    public Result<Draft> DraftOf(Caller caller, PinRequest request) =>
        limiter.TryTake(caller) is { } error
            ? error
            : new Pin(request.Seq, request.On) { Tenant = caller.Tenant, Room = request.Room, Sender = caller.User, ClientId = request.ClientId };

    /// <summary>Makes a public or private room; asked again with the same client id, answers with the room that there is.</summary>
    public async Task<Result<RoomId>> Create(Caller caller, CreateRoomRequest request)
    {
        if (request.Kind is not (RoomKind.Public or RoomKind.Private))
        {
            return Error.Invalid("kind: public or private; direct rooms are made with a user.");
        }

        Result<string> name = TextRules.RoomName(request.Name);
        Result<string> topic = TextRules.Topic(request.Topic ?? "");
        if ((name.Error ?? topic.Error) is { } error)
        {
            return error;
        }

        IReadOnlyList<UserId> members = [.. (request.Members ?? []).Distinct()];
        if (await CheckUsers(caller.Tenant, members) is { } unknown)
        {
            return unknown;
        }

        RoomId room = request.ClientId is { } clientId
            ? DerivedIds.RoomOfRequest(caller.Tenant, caller.User, clientId)
            : RoomId.New(time.GetUtcNow());
        CreateRoom draft = new(request.Kind, name.Value, topic.Value!.Length == 0 ? null : topic.Value, members)
        {
            Tenant = caller.Tenant, Room = room, Sender = caller.User, ClientId = request.ClientId,
        };
        Result<Ack> ack = await Write(caller, draft);
        return ack.Error is { } refused ? refused : room;
    }

    /// <summary>The direct room with <paramref name="other"/>, made when there is none.</summary>
    public async Task<Result<RoomId>> OpenDirect(Caller caller, UserId other)
    {
        if (await CheckUsers(caller.Tenant, [other]) is { } unknown)
        {
            return unknown;
        }

        RoomId room = DerivedIds.DirectRoom(caller.Tenant, caller.User, other);
        if (await store.FindMember(caller.Tenant, room, caller.User, CancellationToken.None) is not null)
        {
            return room;
        }

        CreateRoom draft = new(RoomKind.Direct, null, null, [other]) { Tenant = caller.Tenant, Room = room, Sender = caller.User };
        Result<Ack> ack = await Write(caller, draft);
        return ack.Error is { } refused ? refused : room;
    }

    public Task<Result<Ack>> Update(Caller caller, RoomId room, string? name, string? topic)
    {
        Result<string> cleanName = name is null ? default : TextRules.RoomName(name);
        Result<string> cleanTopic = topic is null ? default : TextRules.Topic(topic);
        return (cleanName.Error ?? cleanTopic.Error) is { } error
            ? Refuse(error)
            : Write(caller, new UpdateRoom(cleanName.Value, cleanTopic.Value) { Tenant = caller.Tenant, Room = room, Sender = caller.User });
    }

    public Task<Result<Ack>> Join(Caller caller, RoomId room) =>
        Write(caller, new JoinRoom { Tenant = caller.Tenant, Room = room, Sender = caller.User });

    public Task<Result<Ack>> Leave(Caller caller, RoomId room) => RemoveMember(caller, room, caller.User);

    /// <summary>Adds <paramref name="user"/> as a member, or changes the role of one. Without a role: a member stays what it is.</summary>
    public async Task<Result<Ack>> PutMember(Caller caller, RoomId room, UserId user, RoomRole? role)
    {
        if (await CheckUsers(caller.Tenant, [user]) is { } unknown)
        {
            return unknown;
        }

        bool isMember = await store.FindMember(caller.Tenant, room, user, CancellationToken.None) is not null;
        return isMember && role is { } changed
            ? await Write(caller, new ChangeRole(user, changed) { Tenant = caller.Tenant, Room = room, Sender = caller.User })
            : await Write(caller, new AddMember(user, role ?? RoomRole.Member) { Tenant = caller.Tenant, Room = room, Sender = caller.User });
    }

    public Task<Result<Ack>> RemoveMember(Caller caller, RoomId room, UserId user) =>
        Write(caller, new RemoveMember(user) { Tenant = caller.Tenant, Room = room, Sender = caller.User });

    /// <summary>On the word of a host product: see <see cref="AdmitMember"/>. Not limited in rate: the server asks, not the user.</summary>
    public async Task<Result<Ack>> Admit(TenantId tenant, RoomId room, UserId user, string name) =>
        AckOf(await writer.Write(new AdmitMember(name) { Tenant = tenant, Room = room, Sender = user }));

    /// <summary>The public room that a new workspace begins with. Not limited in rate.</summary>
    public async Task<Result<RoomId>> CreateFirst(TenantId tenant, UserId owner, string name)
    {
        RoomId room = RoomId.New(time.GetUtcNow());
        CreateRoom draft = new(RoomKind.Public, name, null, []) { Tenant = tenant, Room = room, Sender = owner };
        Result<AppendOutcome> outcome = await writer.Write(draft);
        return outcome.Error is { } error ? error : room;
    }

    /// <summary>A new account joins the room that all begin in. Not limited in rate.</summary>
    public async Task<Result<Ack>> JoinFirst(TenantId tenant, UserId user, RoomId room) =>
        AckOf(await writer.Write(new JoinRoom { Tenant = tenant, Room = room, Sender = user }));

    /// <summary>Moves the user's read marker forward, at most to the head, and counts what is left.</summary>
    public async Task<Result<ReadAck>> MarkRead(Caller caller, MarkReadRequest request, CancellationToken cancel)
    {
        if (request.Seq < 0)
        {
            return Error.Invalid("seq: below 0.");
        }

        if (limiter.TryTake(caller) is { } limited)
        {
            return limited;
        }

        if (await store.FindMember(caller.Tenant, request.Room, caller.User, cancel) is null)
        {
            return Error.NotFound("room");
        }

        Gathered<RoomHead> heads = await store.ReadHeads(caller.Tenant, [request.Room], cancel);
        if (heads.Missing.Count > 0)
        {
            return Error.Unavailable();
        }

        long head = heads.Items.Count == 0 ? 0 : heads.Items[0].Head;
        long seq = await directory.MarkRead(caller.Tenant, caller.User, request.Room, Math.Min(request.Seq, head), cancel);
        int? unread = await store.CountUnread(caller.Tenant, request.Room, caller.User, seq, cancel);
        return unread is { } count ? new ReadAck(seq, count) : Error.NotFound("room");
    }

    private async Task<Error?> CheckUsers(TenantId tenant, IReadOnlyList<UserId> users)
    {
        if (users.Count > FirstMembersMax)
        {
            return Error.Invalid($"members: at most {FirstMembersMax}.");
        }

        return users.Count == 0 || (await directory.FindUsers(tenant, users, CancellationToken.None)).Count == users.Count
            ? null
            : Error.NotFound("user");
    }

    private async Task<Result<Ack>> Write(Caller caller, Draft draft) =>
        limiter.TryTake(caller) is { } limited ? limited : AckOf(await writer.Write(draft));

    private async Task<Result<Ack>> Write(Result<Draft> draft) => draft.Error is { } error ? error : AckOf(await writer.Write(draft.Value!));

    private static Result<Ack> AckOf(Result<AppendOutcome> outcome) =>
        outcome.Error is { } error ? error : new Ack(outcome.Value!.Seq, outcome.Value.At);

    private static Task<Result<Ack>> Refuse(Error error) => Task.FromResult<Result<Ack>>(error);
}
