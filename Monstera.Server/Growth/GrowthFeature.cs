using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Hosting;

namespace Monstera.Server.Growth;

/// <summary>Where this installation stands, what it will run into, and what to do about it.</summary>
internal static class GrowthFeature
{
    /// <param name="connections">Live connections of this node.</param>
    /// <param name="users">People who have one at least.</param>
    public static IServiceCollection AddGrowth(this IServiceCollection services, Func<IServiceProvider, int> connections, Func<IServiceProvider, int> users)
    {
        services.AddSingleton<IValidateOptions<MonsteraOptions>, GrowthOptionsValidator>();
        services.AddSingleton(provider => GrowthFile.Read(provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Growth));
        services.AddSingleton(provider => InstallationSetup.Of(provider.GetRequiredService<IOptions<MonsteraOptions>>().Value, provider.GetRequiredService<ConnectionStrings>()));
        services.AddSingleton(provider => new NodeGauges(() => connections(provider), () => users(provider)));
        services.AddSingleton<LatencyListener>();
        services.AddSingleton<GrowthReports>();
        services.AddHosted<GrowthSampler>();
        return services;
    }
}
