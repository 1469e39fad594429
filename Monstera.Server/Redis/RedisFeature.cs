using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Storage;

namespace Monstera.Server.Redis;

/// <summary>What nodes share beside the databases, if Redis was chosen.</summary>
public static class RedisFeature
{
    /// <summary>Nothing connects before somebody asks for the client.</summary>
    public static IServiceCollection AddRedis(this IServiceCollection services) => services.AddSingleton(provider =>
    {
        RedisOptions options = provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Redis;
        string text = provider.GetRequiredService<ConnectionStrings>().Redis ?? throw new InvalidOperationException($"{ConnectionStrings.RedisKey} is not set.");
        return new RedisClient(
            RedisSettings.Read(text),
            options.Prefix is { Length: > 0 } prefix ? prefix : PrefixOf(provider.GetRequiredService<InstallationId>()),
            options,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RedisClient>>()).Start();
    });

    /// <summary>Two installations may share a Redis: each has its own names.</summary>
    private static string PrefixOf(InstallationId installation) => $"monstera-{installation.Value:N}";
}
