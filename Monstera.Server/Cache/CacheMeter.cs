using System.Diagnostics.Metrics;

namespace Monstera.Server.Cache;

/// <summary>How often the directory's answers were remembered, by kind of what was asked for.</summary>
public sealed class CacheMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Cache";

    private readonly Counter<long> _hits;
    private readonly Counter<long> _misses;

    public CacheMeter(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        Meter meter = meters.Create(Name);
        _hits = meter.CreateCounter<long>("cache_hits", description: "Look-ups that were answered without the directory, by kind and by where the answer was: memory, redis.");
        _misses = meter.CreateCounter<long>("cache_misses", description: "Look-ups for which the directory was asked, by kind.");
    }

    internal void Hit(string kind) => _hits.Add(1, new KeyValuePair<string, object?>("kind", kind), new KeyValuePair<string, object?>("place", "memory"));

    internal void SharedHit(string kind) => _hits.Add(1, new KeyValuePair<string, object?>("kind", kind), new KeyValuePair<string, object?>("place", "redis"));

    internal void Miss(string kind) => _misses.Add(1, new KeyValuePair<string, object?>("kind", kind));
}
