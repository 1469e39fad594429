using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Monstera.Server.Tracing;

/// <summary>
/// Decides about traces that nobody else has begun. Calls of the hub were chosen before; requests are chosen here; and what asks the storage without a call or a request (loops of the
/// server itself, and calls that were not chosen) is not traced.
/// </summary>
internal sealed class RootSampler(double ratio) : Sampler
{
    private readonly TraceIdRatioBasedSampler _requests = new(ratio);

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => samplingParameters.Kind switch
    {
        ActivityKind.Client => new SamplingResult(SamplingDecision.Drop),
        ActivityKind.Server when samplingParameters.Name.StartsWith(CallTracing.NamePrefix, StringComparison.Ordinal) => new SamplingResult(SamplingDecision.RecordAndSample),
        _ => _requests.ShouldSample(samplingParameters),
    };
}
