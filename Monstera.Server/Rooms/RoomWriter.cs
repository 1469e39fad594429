using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Server.Configuration;
using Monstera.Server.Delivery;
using Monstera.Server.Errors;

namespace Monstera.Server.Rooms;

/// <summary>
/// The one write path: group commit. One loop takes whatever drafts have piled up while the last transaction ran, commits them in one transaction, hands the
/// committed events on, and answers. There is no timer: an idle server adds no delay, a busy one gets large batches.
/// </summary>
/// <remarks>
/// Answers come only after the commit. Drafts are committed in the order in which <see cref="Write(Draft)"/> was called. When the queue is full a draft is refused with
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
    /// Raised after each commit that has something to tell: handlers must be quick and must not throw, and one of them calls <see cref="CommittedBatch.Answer"/>. Without a handler the
    /// drafts are answered right away.
    /// </summary>
    public event Action<CommittedBatch>? Committed;

    /// <summary>Commits the draft. The task ends when it is durable, or refused.</summary>
    public Task<Result<AppendOutcome>> Write(Draft draft)
    {
        AwaitedDraft pending = new(draft);
        return Write(pending) is { } error ? Task.FromResult<Result<AppendOutcome>>(error) : pending.Task;
    }

    /// <summary>Commits the draft and then completes it.</summary>
    /// <returns>Null when it was taken; otherwise nothing of it is stored and it is never completed.</returns>
    public Error? Write(PendingDraft pending) =>
        _queue.Writer.TryWrite(pending) ? null : new Error(ErrorCode.Overloaded, "Too many writes are waiting; nothing was stored.", OverloadedRetryMs);

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

            // 3. Hand the committed events and the answers on.
            CommittedBatch committed = new([.. batch], outcomes, _memberships, partition: 0);
            if (Committed is { } handlers)
            {
                handlers(committed);
            }
            else
            {
                committed.Answer(flush: null);
            }
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

    private static void AnswerAll(List<PendingDraft> batch, Error error)
    {
        foreach (PendingDraft pending in batch)
        {
            pending.Complete(error, flush: null);
        }
    }

    /// <summary>Times are kept to the millisecond, so that what is answered now equals what is read later.</summary>
    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds());

    [LoggerMessage(1001, LogLevel.Error, "The storage did not take a batch of {Drafts} writes; their senders are told to try again")]
    private partial void LogUnavailable(Exception e, int drafts);

    [LoggerMessage(1002, LogLevel.Critical, "The write path broke on a batch of {Drafts} writes")]
    private partial void LogBroken(Exception e, int drafts);

    /// <summary>A draft that a task waits for. Continuations never run on the delivering thread.</summary>
    private sealed class AwaitedDraft(Draft draft) : PendingDraft(draft)
    {
        private readonly TaskCompletionSource<Result<AppendOutcome>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Result<AppendOutcome>> Task => _completion.Task;

        public override void Complete(Result<AppendOutcome> result, FlushList? flush) => _completion.TrySetResult(result);
    }
}
