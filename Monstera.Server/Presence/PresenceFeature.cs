using Monstera.Server.Hosting;

namespace Monstera.Server.Presence;

/// <summary>Who is here.</summary>
public static class PresenceFeature
{
    public static IServiceCollection AddPresence(this IServiceCollection services) =>
        services.AddSingleton<IPresence, MemoryPresence>().AddSingleton<PresenceChoices>();

    /// <summary>Over several nodes, in place of that of a single one; <see cref="IPresenceTables"/> are added beside it.</summary>
    public static IServiceCollection AddNodePresence(this IServiceCollection services)
    {
        services.AddHosted<NodePresence>();
        return services.AddSingleton<IPresence>(provider => provider.GetRequiredService<NodePresence>());
    }
}
