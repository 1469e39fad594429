using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;

namespace Monstera.Server.Rooms;

/// <summary>Events that were committed to one room's log: consecutive, ascending.</summary>
public sealed record CommittedEvents(TenantId Tenant, RoomId Room, long Epoch, IReadOnlyList<RoomEvent> Events);

/// <summary>
/// The one write path: group commit. One loop takes whatever drafts have piled up while the last transaction ran, commits them in one transaction, hands the
/// committed events on, and answers. There is no timer: an idle server adds no delay, a busy one gets large batches.
/// </summary>
/// <remarks>
/// Answers come only after the commit. Drafts are committed in the order in which <see cref="Write"/> was called. When the queue is full a draft is refused with
/// <see cref="ErrorCode.Overloaded"/> and nothing of it is stored; when the storage fails, all drafts of the batch are answered
/// <see cref="ErrorCode.Unavailable"/>, which means that the outcome is unknown and the same draft may be given again.
/// </remarks>
public sealed partial class RoomWriter : BackgroundService
{
    private const int OverloadedRetryMs = 500;

    private readonly IRoomStore _store;
    private readonly MembershipIndex _memberships;
    private readonly TimeProvider _time;
    private readonly ILogger<RoomWriter> _log;
    private readonly Channel<PendingDraft> _queue;
    private readonly int _batchMax;

    public RoomWriter(IRoomStore store, MembershipIndex memberships, IOptions<MonsteraOptions> options, TimeProvider time, ILogger<RoomWriter> log)
    {
        ArgumentNullException.ThrowIfNull(options);
        _store = store;
        _memberships = memberships;
        _time = time;
        _log = log;
        _batchMax = options.Value.Limits.WriteBatchMax;
        _queue = Channel.CreateBounded<PendingDraft>(
            new BoundedChannelOptions(options.Value.Limits.WriteQueueMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    }

    /// <summary>
    /// Raised after each commit, before its drafts are answered, for each room of the batch, in order of seq within a room. Handlers must be quick and must not throw.
    /// </summary>
    public event Action<CommittedEvents>? Committed;

    /// <summary>Commits the draft. The task ends when it is durable, or refused.</summary>
    public Task<Result<AppendOutcome>> Write(Draft draft)
    {
        PendingDraft pending = new(draft);
        return _queue.Writer.TryWrite(pending)
            ? pending.Task
            : Task.FromResult<Result<AppendOutcome>>(
                new Error(ErrorCode.Overloaded, "Too many writes are waiting; nothing was stored.", OverloadedRetryMs));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        List<PendingDraft> batch = new(_batchMax);

        // When the server stops, what is queued is still committed: the loop ends when the queue is closed and empty.
        await using CancellationTokenRegistration stop = stoppingToken.Register(() => _queue.Writer.TryComplete());
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            // 1. Take whatever has piled up.
            while (batch.Count < _batchMax && _queue.Reader.TryRead(out PendingDraft? pending))
            {
                batch.Add(pending);
            }

            await CommitBatch(batch);
            batch.Clear();
        }
    }

    private async Task CommitBatch(List<PendingDraft> batch)
    {
        try
        {
            // 2. Commit it in one transaction.
            Draft[] drafts = new Draft[batch.Count];
            for (int i = 0; i < drafts.Length; i++)
            {
                drafts[i] = batch[i].Draft;
            }

            IReadOnlyList<AppendOutcome> outcomes = await _store.Append(drafts, Now(), CancellationToken.None);

            // 3. Hand the committed events on, room by room.
            Announce(batch, outcomes);

            // 4. Answer. Who changed a membership hears of it when the list of rooms shows it too.
            Answer(batch, outcomes);
        }
        catch (StorageUnavailableException e)
        {
            LogUnavailable(e, batch.Count);
            AnswerAll(batch, Error.Unavailable());
        }
        catch (Exception e)
        {
            // A bug must not end the loop: everybody would wait for ever.
            LogBroken(e, batch.Count);
            AnswerAll(batch, new Error(ErrorCode.Internal, "The write path broke. Whether it was stored is unknown.", 1_000));
        }
    }

    private void Announce(List<PendingDraft> batch, IReadOnlyList<AppendOutcome> outcomes)
    {
        if (Committed is not { } committed)
        {
            return;
        }

        Dictionary<RoomId, (TenantId Tenant, long Epoch, List<RoomEvent> Events)> rooms = [];
        for (int i = 0; i < outcomes.Count; i++)
        {
            AppendOutcome outcome = outcomes[i];
            if (outcome.Events.Count == 0)
            {
                continue;
            }

            Draft draft = batch[i].Draft;
            if (!rooms.TryGetValue(draft.Room, out (TenantId Tenant, long Epoch, List<RoomEvent> Events) room))
            {
                room = (draft.Tenant, outcome.Epoch, []);
                rooms.Add(draft.Room, room);
            }

            room.Events.AddRange(outcome.Events);
        }

        foreach ((RoomId id, (TenantId tenant, long epoch, List<RoomEvent> events)) in rooms)
        {
            committed(new CommittedEvents(tenant, id, epoch, events));
        }
    }

    private void Answer(List<PendingDraft> batch, IReadOnlyList<AppendOutcome> outcomes)
    {
        List<(PendingDraft Pending, AppendOutcome Outcome)>? membershipChanges = null;
        for (int i = 0; i < outcomes.Count; i++)
        {
            AppendOutcome outcome = outcomes[i];
            if (outcome.Refusal is { } refusal)
            {
                batch[i].Answer(Error.From(refusal));
            }
            else if (ChangesMembership(batch[i].Draft))
            {
                (membershipChanges ??= []).Add((batch[i], outcome));
            }
            else
            {
                batch[i].Answer(outcome);
            }
        }

        if (membershipChanges is not null)
        {
            _ = AnswerWhenIndexed(membershipChanges);
        }
    }

    /// <summary>Runs beside the loop: the directory's transaction must not hold up the next batch.</summary>
    private async Task AnswerWhenIndexed(List<(PendingDraft Pending, AppendOutcome Outcome)> changes)
    {
        await _memberships.CatchUp();
        foreach ((PendingDraft pending, AppendOutcome outcome) in changes)
        {
            pending.Answer(outcome);
        }
    }

    private static bool ChangesMembership(Draft draft) =>
        draft is CreateRoom or JoinRoom or AddMember or RemoveMember or AdmitMember;

    private static void AnswerAll(List<PendingDraft> batch, Error error)
    {
        foreach (PendingDraft pending in batch)
        {
            pending.Answer(error);
        }
    }

    /// <summary>Times are kept to the millisecond, so that what is answered now equals what is read later.</summary>
    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds());

    [LoggerMessage(1001, LogLevel.Error, "The storage did not take a batch of {Drafts} writes; their senders are told to try again")]
    private partial void LogUnavailable(Exception e, int drafts);

    [LoggerMessage(1002, LogLevel.Critical, "The write path broke on a batch of {Drafts} writes")]
    private partial void LogBroken(Exception e, int drafts);

    /// <summary>A draft and whoever waits for it. Continuations never run on the writer's loop.</summary>
    private sealed class PendingDraft(Draft draft) : TaskCompletionSource<Result<AppendOutcome>>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Draft Draft { get; } = draft;

        public void Answer(Result<AppendOutcome> result) => TrySetResult(result);
    }
}
