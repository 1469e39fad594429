namespace Monstera.Server.Lifecycle;

/// <summary>How the process leaves the service of an installation that goes on without it.</summary>
public static class LifecycleFeature
{
    public static IServiceCollection AddLifecycle(this IServiceCollection services) =>
        services.AddSingleton<Drain>().AddSingleton<IHostLifetime, StopSignals>();
}
