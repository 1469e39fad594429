using System.Text;
using System.Text.Json;
using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Hosting;
using Monstera.Server.Presence;
using Monstera.Server.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime.Hub;

/// <summary>
/// The calls of docs/protocol.md section 6, and what stands before each of them. A call runs on its connection's reading loop until it has to wait, and then beside it: so
/// drafts reach the write path in the order in which they came, without waiting for each other's commit.
/// </summary>
public sealed partial class HubCalls
{
    private const int MethodCharsMax = 32;

    /// <summary>Between two words about a storage that is away: every call of everybody fails then.</summary>
    private static readonly TimeSpan ComplainEvery = TimeSpan.FromSeconds(10);

    private readonly RoomWriter _writer;
    private readonly HubMeter _meter;
    private readonly ILogger<HubCalls> _log;
    private readonly Seldom _complaints;
    private readonly Dictionary<string, HubCall> _calls = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, HubCall>.AlternateLookup<ReadOnlySpan<char>> _byName;

    public HubCalls(
        RoomActions actions,
        RoomReads reads,
        RoomWriter writer,
        Resumption resumption,
        OpenRooms openRooms,
        Greeting greeting,
        ReadMarkers markers,
        IPresence presence,
        PresenceChoices choices,
        HubMeter meter,
        TimeProvider time,
        ILogger<HubCalls> log)
    {
        ArgumentNullException.ThrowIfNull(actions);
        ArgumentNullException.ThrowIfNull(reads);
        ArgumentNullException.ThrowIfNull(resumption);
        ArgumentNullException.ThrowIfNull(openRooms);
        ArgumentNullException.ThrowIfNull(greeting);
        ArgumentNullException.ThrowIfNull(markers);
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(choices);
        _writer = writer;
        _meter = meter;
        _log = log;
        _complaints = new Seldom(ComplainEvery, time);
        _byName = _calls.GetAlternateLookup<ReadOnlySpan<char>>();

        AddWrite<SendRequest>("Send", actions.DraftOf);
        AddWrite<EditRequest>("Edit", actions.DraftOf);
        AddWrite<DeleteRequest>("Delete", actions.DraftOf);
        AddWrite<ReactRequest>("React", actions.DraftOf);
        AddWrite<PinRequest>("Pin", actions.DraftOf);
        Add<HelloRequest>("Hello", async (me, request) => Answer(await greeting.Hello(me, request)), beforeHello: true);
        Add<RefreshRequest>("Refresh", async (me, request) => Answer(await greeting.Refresh(me, request)));
        Add<ResumeRequest>("Resume", async (me, request) => Answer(await resumption.Resume(me, request, CancellationToken.None)));
        Add<MarkReadRequest>("MarkRead", async (me, request) => Answer(await markers.MarkRead(me.Caller, request, me.Id, CancellationToken.None)));
        Add<RoomRequest>("Open", async (me, request) => Answer(await openRooms.Open(me, request.Room, CancellationToken.None)));
        Add<RoomRequest>("Close", (me, request) => Task.FromResult<object>(openRooms.Close(me, request.Room)));
        Add<RoomRequest>("Typing", (me, request) => Task.FromResult(Answer(openRooms.Type(me, request.Room))));
        Add<ActivityRequest>("SetActivity", (me, request) =>
        {
            presence.SetActivity(me.Caller.Tenant, me.Caller.User, me.Id, request.Active);
            return Task.FromResult<object>(new EmptyReply());
        });
        Add<PresenceRequest>("SetPresence", async (me, request) => Answer(await choices.Set(me.Caller, request)));
        Add<EmptyRequest>("Rooms", async (me, _) => Answer(await reads.MyRooms(me.Caller, after: null, RoomReads.PageDefault, CancellationToken.None)));
    }

    /// <summary>The methods there are.</summary>
    public IReadOnlyCollection<string> Methods => _calls.Keys;

    /// <summary>Runs one call. Its answer comes now or later; the session has counted it and is told when it has been answered.</summary>
    internal void Run(HubSession session, in HubMessage message, ReadOnlySpan<byte> json)
    {
        long begun = _meter.Now;
        ChatConnection me = session.Connection;
        ReadOnlySpan<byte> argument = json[message.Argument];
        HubCall? call = Find(json[message.Target]);

        // 1. Signed out: nothing more.
        Error? refusal = me.IsEnded
            ? new Error(ErrorCode.Unauthenticated, "This connection was signed out.")

            // 2. Not faster than allowed; errors count too.
            : Limited(me, call is { IsWrite: true })

            // 3. There is such a method, and Hello comes first.
            ?? (call is null ? new Error(ErrorCode.UnknownMethod, "The hub has no such method.") : null)
            ?? (!me.SaidHello && !call!.BeforeHello ? new Error(ErrorCode.HelloRequired, "Say Hello first.") : null)

            // 4. One argument.
            ?? (argument.IsEmpty ? Error.Invalid("A call takes exactly one argument, an object, as the protocol has it.") : null);

        byte[] invocationId = json[message.InvocationId].ToArray();
        if (refusal is not null)
        {
            _meter.Answered(call?.Method, begun, refusal);
            session.Answer(invocationId, new ErrorReply(refusal));
            return;
        }

        // 5. The call. What it did not expect is a coded error too, and the connection lives.
        try
        {
            call!.Run(session, invocationId, argument, begun);
        }
        catch (Exception e)
        {
            Error error = ErrorOf(e);
            _meter.Answered(call!.Method, begun, error);
            session.Answer(invocationId, new ErrorReply(error));
        }
    }

    private Error? Limited(ChatConnection me, bool isWrite)
    {
        Error? error = me.Limiter.TryTake(isWrite);
        if (error is not null)
        {
            _meter.Limited(isWrite);
        }

        return error;
    }

    private HubCall? Find(ReadOnlySpan<byte> target)
    {
        Span<char> name = stackalloc char[MethodCharsMax];
        return target.Length <= MethodCharsMax && _byName.TryGetValue(name[..Encoding.UTF8.GetChars(target, name)], out HubCall? call) ? call : null;
    }

    private static object Answer<T>(Result<T> result) => result.Error is { } error ? new ErrorReply(error) : result.Value!;

    private void AddWrite<T>(string method, Func<Caller, T, Result<Draft>> draftOf)
        where T : class => _calls.Add(method, new HubCall(method, IsWrite: true, BeforeHello: false, (session, invocationId, argument, begun) =>
        {
            Result<Draft> draft = draftOf(session.Connection.Caller, Read<T>(argument));
            if ((draft.Error ?? _writer.Write(new HubDraft(session, invocationId, draft.Value!, _meter, method, begun))) is { } error)
            {
                _meter.Answered(method, begun, error);
                session.Answer(invocationId, new ErrorReply(error));
            }
        }));

    private void Add<T>(string method, Func<ChatConnection, T, Task<object>> call, bool beforeHello = false)
        where T : class => _calls.Add(method, new HubCall(method, IsWrite: false, beforeHello, (session, invocationId, argument, begun) =>
            _ = AnswerWhenDone(session, invocationId, method, begun, call(session.Connection, Read<T>(argument)))));

    private async Task AnswerWhenDone(HubSession session, byte[] invocationId, string method, long begun, Task<object> call)
    {
        object answer;
        try
        {
            answer = await call;
        }
        catch (Exception e)
        {
            answer = new ErrorReply(ErrorOf(e));
        }

        _meter.Answered(method, begun, (answer as ErrorReply)?.Error);
        session.Answer(invocationId, answer);
    }

    private static T Read<T>(ReadOnlySpan<byte> argument)
        where T : class => JsonSerializer.Deserialize<T>(argument, WireJson.Options) ?? throw new JsonException("null", "$", null, null);

    private Error ErrorOf(Exception e)
    {
        switch (e)
        {
            // The path names the field; the exception's own message may hold parts of what was sent.
            case JsonException json:
                return Error.Invalid($"{json.Path ?? "$"}: missing, of the wrong type, or malformed.");
            case StorageUnavailableException:
                if (_complaints.IsTime())
                {
                    LogUnavailable(e);
                }

                return Error.Unavailable();
            default:
                LogFailed(e);
                return new Error(ErrorCode.Internal, "The server failed; this is a bug.", 1_000);
        }
    }

    [LoggerMessage(1201, LogLevel.Error, "The storage did not answer calls; said every ten seconds at most")]
    private partial void LogUnavailable(Exception e);

    [LoggerMessage(1202, LogLevel.Error, "A call failed")]
    private partial void LogFailed(Exception e);

    private delegate void RunCall(HubSession session, byte[] invocationId, ReadOnlySpan<byte> argument, long begun);

    private sealed record HubCall(string Method, bool IsWrite, bool BeforeHello, RunCall Run);
}

/// <summary>The answer to a call that was refused or failed.</summary>
public sealed record ErrorReply(Error Error);
