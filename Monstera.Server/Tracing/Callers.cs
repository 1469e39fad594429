using System.Diagnostics;

namespace Monstera.Server.Tracing;

/// <summary>
/// What is taken of what requests say of traces: from trusted callers the trace that they belong to (<c>traceparent</c>), and nothing from others: else anybody may choose what is traced, and
/// under which id. Words of callers (<c>tracestate</c>, <c>baggage</c>) are never taken; they would go on to the collector.
/// </summary>
internal sealed class Callers(bool areTrusted) : DistributedContextPropagator
{
    private static readonly DistributedContextPropagator W3C = CreateW3CPropagator();

    public override IReadOnlyCollection<string> Fields => [];

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        // Nothing is said to others.
    }

    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
    {
        (traceId, traceState) = (null, null);
        if (areTrusted)
        {
            W3C.ExtractTraceIdAndState(carrier, getter, out traceId, out _);
        }
    }

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
