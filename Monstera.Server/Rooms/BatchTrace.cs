using System.Diagnostics;
using System.Globalization;
using Monstera.Data.Rooms;
using Monstera.Server.Tracing;

namespace Monstera.Server.Rooms;

/// <summary>
/// A batch that has traced drafts. Its span lies in the trace of the first of them, with links to all of them, and each of their calls has a link back: so from any call one finds the
/// commit that took it, and from the commit all calls that shared it.
/// </summary>
internal sealed class BatchTrace : IDisposable
{
    /// <summary>What OpenTelemetry keeps of a span's links. The calls of a larger batch still have theirs to it.</summary>
    private const int LinksMax = 128;

    private readonly Activity _batch;
    private string? _error;

    private BatchTrace(Activity batch) => (_batch, Parent) = (batch, new TraceParent(batch.Context));

    /// <summary>For what comes of the batch.</summary>
    public TraceParent Parent { get; }

    /// <returns>Null: none of the drafts is traced.</returns>
    public static BatchTrace? Begin(List<PendingDraft> drafts, int partition, TimeProvider time)
    {
        foreach (PendingDraft draft in drafts)
        {
            if (draft.Call is { } first)
            {
                return Begin(first, drafts, partition, time);
            }
        }

        return null;
    }

    private static BatchTrace? Begin(Activity first, List<PendingDraft> drafts, int partition, TimeProvider time)
    {
        List<PendingDraft> traced = [.. drafts.Where(draft => draft.Call is not null)];
        long now = time.GetTimestamp();
        DateTimeOffset nowIs = time.GetUtcNow();
        foreach (PendingDraft draft in traced)
        {
            TimeSpan waited = time.GetElapsedTime(draft.QueuedAt, now);
            Activity? queue = Spans.Begin("write queue", ActivityKind.Internal, draft.Call!.Context, since: nowIs - waited);
            queue?.SetEndTime(nowIs.UtcDateTime);
            Spans.End(queue);
        }

        Activity? batch = Spans.Begin("write batch", ActivityKind.Internal, first.Context, traced.Take(LinksMax).Select(draft => new ActivityLink(draft.Call!.Context)));
        if (batch is null)
        {
            return null;
        }

        batch.SetTag("monstera.drafts", drafts.Count).SetTag("monstera.shard", partition.ToString(CultureInfo.InvariantCulture));
        foreach (PendingDraft draft in traced)
        {
            draft.Call!.AddLink(new ActivityLink(batch.Context));
        }

        return new BatchTrace(batch);
    }

    /// <summary>The transaction, and under its span what it asks of the storage.</summary>
    public async Task<IReadOnlyList<AppendOutcome>> Commit(IRoomStore store, IReadOnlyList<Draft> drafts, DateTimeOffset now)
    {
        using Activity? commit = Spans.Source.StartActivity(ActivityKind.Internal, _batch.Context, name: "write commit");
        try
        {
            return await store.Append(drafts, now, CancellationToken.None);
        }
        catch (Exception e)
        {
            _error = e.GetType().Name;
            commit?.SetTag("error.type", _error).SetStatus(ActivityStatusCode.Error);
            throw;
        }
    }

    public void Dispose() => Spans.End(_batch, _error);
}
