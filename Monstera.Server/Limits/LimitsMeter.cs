using System.Diagnostics.Metrics;

namespace Monstera.Server.Limits;

/// <summary>How often somebody was told to slow down.</summary>
public sealed class LimitsMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Limits";

    private readonly Counter<long> _limited;

    public LimitsMeter(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _limited = meters.Create(Name).CreateCounter<long>(
            "rate_limited", "{call}", "Calls and connections that were refused because of a limit: write_connection, call, write_user, write_tenant, sign_in, upgrade, address, user_connections.");
    }

    internal void Count(string limit) => _limited.Add(1, new KeyValuePair<string, object?>("limit", limit));
}
