using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Hosting;

namespace Monstera.Server.Limits;

/// <summary>Rates, and how nodes share them.</summary>
public static class LimitsFeature
{
    public static IServiceCollection AddLimits(this IServiceCollection services)
    {
        services.AddSingleton<ICommonBuckets>(provider => provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Backplane == BackplaneProvider.Redis
            ? ActivatorUtilities.CreateInstance<RedisCommonBuckets>(provider)
            : new NoCommonBuckets());
        services.AddHosted<NodesLimits>();
        services.AddSingleton<LimitsMeter>();
        return services;
    }
}
