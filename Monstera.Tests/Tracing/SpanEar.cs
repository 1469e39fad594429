using System.Collections.Concurrent;
using System.Diagnostics;
using Monstera.Server.Tracing;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Tracing;

/// <summary>Hears the server's own spans in this process, of which all are traced from now on, and keeps them.</summary>
internal sealed class SpanEar : IDisposable
{
    /// <summary>Tests of one collection run one after another: who listens in a process listens to all of it.</summary>
    public const string Alone = "spans of this process";

    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityListener _listener;

    public SpanEar()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Spans.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                _ended.Enqueue(span);
                Changed.Pulse();
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public Signal Changed { get; } = new();

    /// <summary>A parent that stands for what happened elsewhere; each has a trace of its own.</summary>
    public static TraceParent Parent(bool isRemote = false) =>
        new(new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded, traceState: null, isRemote));

    /// <summary>Those that have ended.</summary>
    public Activity[] Of(ActivityTraceId trace) => [.. _ended.Where(span => span.TraceId == trace)];

    /// <summary>The span of that name in the trace, when it has ended.</summary>
    public async Task<Activity> The(string name, ActivityTraceId trace)
    {
        await Changed.Until(() => Of(trace).Any(span => span.OperationName == name), name);
        return Assert.Single(Of(trace), span => span.OperationName == name);
    }

    public void Dispose() => _listener.Dispose();
}
