using Microsoft.Extensions.Options;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Delivery;
using Monstera.Server.Errors;

namespace Monstera.Server.Rooms;

/// <summary>
/// The one write path: group commit. For each partition of the store one loop (<see cref="WriteLane"/>) takes whatever drafts have piled up while its last transaction ran, commits them
/// in one transaction, hands the committed events on, and answers. There is no timer: an idle server adds no delay, a busy one gets large batches.
/// </summary>
/// <remarks>
/// Answers come only after the commit. Drafts of a room are committed in the order in which <see cref="Write(Draft)"/> was called. When a queue is full a draft is refused with
/// <see cref="ErrorCode.Overloaded"/> and nothing of it is stored; when the storage fails, all drafts of the batch are answered
/// <see cref="ErrorCode.Unavailable"/>, which means that the outcome is unknown and the same draft may be given again.
/// </remarks>
public sealed partial class RoomWriter : BackgroundService
{
    private const int OverloadedRetryMs = 500;

    private readonly MembershipIndex _memberships;
    private readonly TimeProvider _time;
    private readonly ILogger<RoomWriter> _log;
    private readonly WriteMeter? _meter;

    public RoomWriter(IRoomStore store, MembershipIndex memberships, IOptions<MonsteraOptions> options, TimeProvider time, ILogger<RoomWriter> log, WriteMeter? meter = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        Store = store;
        _memberships = memberships;
        _time = time;
        _log = log;
        LimitOptions limits = options.Value.Limits;
        Lanes = [.. Enumerable.Range(0, store.Partitions).Select(i => new WriteLane(this, i, limits.WriteQueueMax, limits.WriteBatchMax, time))];
        Routes = Lanes.Count == 1 ? null : new WriteRoutes(store);
        _meter = meter;
        meter?.Follow(Waiting);
    }

    /// <summary>
    /// Raised after each commit that has something to tell, by several lanes at once, but for a room by one: handlers must be quick and must not throw, and one of them calls
    /// <see cref="CommittedBatch.Answer"/>. Without a handler the drafts are answered right away.
    /// </summary>
    public event Action<CommittedBatch>? Committed;

    internal IRoomStore Store { get; }

    /// <summary>Over the queues of all lanes and the routes to them: to which lane a draft goes, and that it is there, is one step. Never held over a call of the store.</summary>
    internal Lock Gate { get; } = new();

    internal IReadOnlyList<WriteLane> Lanes { get; }

    /// <summary>Null: there is one lane.</summary>
    internal WriteRoutes? Routes { get; }

    /// <summary>From 0 to 1: how full the fullest queue is at this moment.</summary>
    public double QueueShare
    {
        get
        {
            lock (Gate)
            {
                return Lanes.Max(lane => lane.QueueShare);
            }
        }
    }

    /// <summary>Commits the draft. The task ends when it is durable, or refused.</summary>
    public Task<Result<AppendOutcome>> Write(Draft draft)
    {
        AwaitedDraft pending = new(draft);
        return Write(pending) is { } error ? Task.FromResult<Result<AppendOutcome>>(error) : pending.Task;
    }

    /// <summary>Commits the draft and then completes it.</summary>
    /// <returns>Null when it was taken; otherwise nothing of it is stored and it is never completed.</returns>
    public Error? Write(PendingDraft pending)
    {
        ArgumentNullException.ThrowIfNull(pending);
        pending.QueuedAt = _meter?.Now ?? 0;
        bool taken;
        if (Routes is null)
        {
            lock (Gate)
            {
                taken = Lanes[0].TryEnqueue(pending);
            }
        }
        else
        {
            short slot = Slot.Of(pending.Draft.Room);
            lock (Gate)
            {
                taken = Lanes[Routes.LaneOf(pending.Draft, slot)].TryEnqueue(pending);
                if (taken)
                {
                    Routes.Enter(slot);
                }
            }
        }

        return taken ? null : new Error(ErrorCode.Overloaded, "Too many writes are waiting; nothing was stored.", OverloadedRetryMs);
    }

    public override void Dispose()
    {
        foreach (WriteLane lane in Lanes)
        {
            lane.Dispose();
        }

        base.Dispose();
    }

    /// <summary>What is queued is still committed.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        Close();
        await base.StopAsync(cancellationToken);
        if (ExecuteTask is { IsCanceled: true })
        {
            // Stopped before the loops had begun: then they never do.
            await Task.WhenAll(Lanes.Select(lane => lane.Run()));
        }
    }

    /// <summary>A lane's loop ends when its queue is closed and empty.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using CancellationTokenRegistration stop = stoppingToken.Register(Close);
        await Task.WhenAll(Lanes.Select(lane => Task.Run(lane.Run, CancellationToken.None)));
    }

    private List<int> Waiting()
    {
        lock (Gate)
        {
            return [.. Lanes.Select(lane => lane.Waiting)];
        }
    }

    private void Close()
    {
        foreach (WriteLane lane in Lanes)
        {
            lane.Close();
        }
    }

    /// <summary>Commits a batch of one partition in one transaction, and hands the committed events and the answers on.</summary>
    internal async ValueTask CommitAll(List<PendingDraft> batch, int partition)
    {
        Draft[] drafts = new Draft[batch.Count];
        for (int i = 0; i < drafts.Length; i++)
        {
            drafts[i] = batch[i].Draft;
        }

        IReadOnlyList<AppendOutcome> outcomes = await Store.Append(drafts, Now(), CancellationToken.None);
        CommittedBatch committed = new([.. batch], outcomes, _memberships, partition, _time.GetTimestamp());
        _meter?.Count(batch, committed.Rooms, partition);
        if (Committed is { } handlers)
        {
            handlers(committed);
        }
        else
        {
            committed.Answer(flush: null);
        }
    }

    internal static void AnswerAll(List<PendingDraft> batch, Error error)
    {
        foreach (PendingDraft pending in batch)
        {
            pending.Complete(error, flush: null);
        }
    }

    /// <summary>Times are kept to the millisecond, so that what is answered now equals what is read later.</summary>
    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds());

    [LoggerMessage(1001, LogLevel.Error, "Partition {Partition} of the storage did not take a batch of {Drafts} writes; their senders are told to try again")]
    internal partial void LogUnavailable(Exception e, int drafts, int partition);

    [LoggerMessage(1002, LogLevel.Critical, "The write path broke on a batch of {Drafts} writes")]
    internal partial void LogBroken(Exception e, int drafts);

    [LoggerMessage(1004, LogLevel.Warning, "{Drafts} writes waited too long for slots that are being moved, or that no configured shard has; their senders are told to try again")]
    internal partial void LogParkedTooLong(int drafts);

    /// <summary>A draft that a task waits for. Continuations never run on the delivering thread.</summary>
    private sealed class AwaitedDraft(Draft draft) : PendingDraft(draft)
    {
        private readonly TaskCompletionSource<Result<AppendOutcome>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Result<AppendOutcome>> Task => _completion.Task;

        public override void Complete(Result<AppendOutcome> result, FlushList? flush) => _completion.TrySetResult(result);
    }
}
