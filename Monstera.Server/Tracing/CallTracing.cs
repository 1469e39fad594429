using System.Diagnostics;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Tracing;

/// <summary>Chooses which calls of the hub are traced. The choice comes before anything is made for a span, so that a call that is not chosen costs a random number.</summary>
public sealed class CallTracing
{
    /// <summary>Begins the names of calls' spans, which are roots of their traces.</summary>
    internal const string NamePrefix = "hub ";

    private readonly double _ratio;

    public CallTracing(IOptions<MonsteraOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        TracingOptions tracing = options.Value.Tracing;
        _ratio = tracing.Endpoint.Length == 0 ? 0 : tracing.SampleRatio;
    }

    internal bool Chooses() => _ratio > 0 && Spans.Source.HasListeners() && Random.Shared.NextDouble() < _ratio;

    /// <summary>Begins the span of a call that was chosen, and makes it the current activity.</summary>
    /// <param name="method">Null: there is none of that name.</param>
    internal static Activity? Begin(string? method)
    {
        Activity.Current = null;
        Activity? span = Spans.Source.StartActivity(NamePrefix + (method ?? "unknown"), ActivityKind.Server);
        span?.SetTag("rpc.system", "signalr").SetTag("rpc.method", method ?? "unknown");
        return span;
    }
}
