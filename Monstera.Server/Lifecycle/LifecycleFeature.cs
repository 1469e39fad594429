namespace Monstera.Server.Lifecycle;

/// <summary>How the process enters the service of an installation that went on without it, and leaves it again.</summary>
public static class LifecycleFeature
{
    public static IServiceCollection AddLifecycle(this IServiceCollection services) =>
        services.AddSingleton<Drain>().AddSingleton<IHostLifetime, StopSignals>().AddHostedService<WarmUp>();
}
