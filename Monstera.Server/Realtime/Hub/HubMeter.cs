using System.Diagnostics.Metrics;
using Monstera.Server.Errors;
using Monstera.Server.Limits;
using Monstera.Server.Metrics;

namespace Monstera.Server.Realtime.Hub;

/// <summary>The hub's calls in figures: methods are those that there are, outcomes <c>ok</c> and the error codes.</summary>
public sealed class HubMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Hub";

    /// <summary>A method that there is not, whatever it was called.</summary>
    private const string Unknown = "unknown";

    private static readonly KeyValuePair<string, object?> Ok = new("outcome", "ok");
    private static readonly Dictionary<ErrorCode, KeyValuePair<string, object?>> Errors =
        Enum.GetValues<ErrorCode>().ToDictionary(code => code, code => new KeyValuePair<string, object?>("outcome", ErrorTable.NameOf(code)));

    private readonly TimeProvider _time;
    private readonly LimitsMeter _limits;
    private readonly Counter<long> _calls;
    private readonly Histogram<double> _durations;

    public HubMeter(IMeterFactory meters, LimitsMeter limits, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _time = time;
        _limits = limits;
        Meter meter = meters.Create(Name);
        _calls = meter.CreateCounter<long>("hub_calls", "{call}", "Calls of the hub, by method and outcome (ok, or the error's code).");
        _durations = meter.CreateHistogram("hub_call_duration_seconds", "s", "How long calls of the hub take until they are answered, by method.", null, Buckets.OfQueries);
    }

    internal long Now => _time.GetTimestamp();

    /// <param name="method">Null: there is none of that name.</param>
    /// <param name="begun">From <see cref="Now"/>.</param>
    internal void Answered(string? method, long begun, Error? error)
    {
        KeyValuePair<string, object?> label = new("method", method ?? Unknown);
        _calls.Add(1, label, error is null ? Ok : Errors[error.Code]);
        _durations.Record(_time.GetElapsedTime(begun).TotalSeconds, label);
    }

    internal void Limited(bool isWrite) => _limits.Count(isWrite ? "write_connection" : "call");
}
