using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Backplane;

/// <summary>What joins the nodes. One kind never stands in for the other.</summary>
public static class BackplaneFeature
{
    public static IServiceCollection AddBackplane(this IServiceCollection services) => services
        .AddSingleton<MemoryBackplaneWire>()
        .AddSingleton<BackplaneMeter>()
        .AddSingleton<IBackplane>(provider => provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Backplane == BackplaneProvider.Redis
            ? ActivatorUtilities.CreateInstance<RedisBackplane>(provider)
            : new MemoryBackplane(provider.GetRequiredService<MemoryBackplaneWire>()));
}
