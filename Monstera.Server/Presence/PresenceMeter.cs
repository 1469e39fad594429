using System.Diagnostics.Metrics;

namespace Monstera.Server.Presence;

/// <summary>Who is here, in numbers.</summary>
internal static class PresenceMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Presence";

    public static void Create(IMeterFactory meters, Func<int> online, Func<int> leases)
    {
        Meter meter = meters.Create(Name);
        meter.CreateObservableGauge("presence_users_online", online, "{user}", "Users who are not offline, on whatever node, as this node sees it.");
        meter.CreateObservableGauge("presence_leases", leases, "{node}", "Other nodes whose presence tables count here: all that are up, one less than the nodes that there are.");
    }
}
