using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Presence;

/// <summary>Who is here.</summary>
public static class PresenceFeature
{
    /// <summary>Of this node alone, or of all that the backplane joins.</summary>
    public static IServiceCollection AddPresence(this IServiceCollection services)
    {
        services.AddSingleton<PresenceChoices>();
        services.AddSingleton<MemoryPresence>();
        services.AddSingleton<NodePresence>();
        services.AddSingleton<IPresenceTables, RedisPresenceTables>();
        services.AddSingleton<IPresence>(provider => provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Backplane switch
        {
            BackplaneProvider.Redis => provider.GetRequiredService<NodePresence>(),
            _ => provider.GetRequiredService<MemoryPresence>(),
        });
        services.AddHostedService<PresenceStart>();
        return services;
    }

    /// <summary>What is to run in the background only if it was chosen.</summary>
    private sealed class PresenceStart(IPresence presence) : IHostedService
    {
        private readonly IHostedService? _chosen = presence as IHostedService;

        public Task StartAsync(CancellationToken cancellationToken) => _chosen?.StartAsync(cancellationToken) ?? Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => _chosen?.StopAsync(cancellationToken) ?? Task.CompletedTask;
    }
}
