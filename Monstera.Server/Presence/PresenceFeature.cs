namespace Monstera.Server.Presence;

/// <summary>Who is here.</summary>
public static class PresenceFeature
{
    public static IServiceCollection AddMemoryPresence(this IServiceCollection services) => services.AddSingleton<IPresence, MemoryPresence>();
}
