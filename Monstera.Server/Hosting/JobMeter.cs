using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Monstera.Server.Metrics;

namespace Monstera.Server.Hosting;

/// <summary>What the server does again and again by itself: how often, how it ended, how long it took, and when it last went well. The names of jobs are few and fixed.</summary>
public sealed class JobMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Jobs";

    private static readonly KeyValuePair<string, object?> Succeeded = new("outcome", "succeeded");
    private static readonly KeyValuePair<string, object?> Failed = new("outcome", "failed");

    private readonly TimeProvider _time;
    private readonly Counter<long> _runs;
    private readonly Histogram<double> _durations;
    private readonly ConcurrentDictionary<string, double> _lastSuccess = new(StringComparer.Ordinal);

    public JobMeter(IMeterFactory meters, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _time = time;
        Meter meter = meters.Create(Name);
        _runs = meter.CreateCounter<long>("job_runs", "{run}", "Runs of what the server does again and again, by job and outcome (succeeded, failed).");
        _durations = meter.CreateHistogram("job_duration_seconds", "s", "How long such runs take.", null, Buckets.OfJobs);
        meter.CreateObservableGauge(
            "job_last_success_timestamp_seconds",
            () => _lastSuccess.Select(one => new Measurement<double>(one.Value, new KeyValuePair<string, object?>("job", one.Key))),
            "s",
            "When such a run last succeeded, in seconds since 1970.");
    }

    /// <summary>When a run begins; for <see cref="Ended"/>.</summary>
    public long Begin() => _time.GetTimestamp();

    /// <param name="begun">From <see cref="Begin"/>.</param>
    public void Ended(string job, long begun, bool succeeded)
    {
        KeyValuePair<string, object?> label = new("job", job);
        _runs.Add(1, label, succeeded ? Succeeded : Failed);
        _durations.Record(_time.GetElapsedTime(begun).TotalSeconds, label);
        if (succeeded)
        {
            HasSucceeded(job, _time.GetUtcNow());
        }
    }

    /// <summary>A run that was made elsewhere, and is known by what it left.</summary>
    public void HasSucceeded(string job, DateTimeOffset at) => _lastSuccess[job] = at.ToUnixTimeMilliseconds() / 1_000.0;

    /// <summary>Runs a job once. What it throws goes on.</summary>
    public async Task Run(string job, Func<Task> run)
    {
        ArgumentNullException.ThrowIfNull(run);
        long begun = Begin();
        bool succeeded = false;
        try
        {
            await run();
            succeeded = true;
        }
        finally
        {
            Ended(job, begun, succeeded);
        }
    }
}
