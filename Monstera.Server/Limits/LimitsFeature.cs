using Monstera.Server.Hosting;

namespace Monstera.Server.Limits;

/// <summary>Rates, and how nodes share them.</summary>
public static class LimitsFeature
{
    public static IServiceCollection AddLimits(this IServiceCollection services)
    {
        services.AddSingleton<ICommonBuckets, NoCommonBuckets>();
        services.AddHosted<NodesLimits>();
        return services;
    }
}
