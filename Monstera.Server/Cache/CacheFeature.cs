using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Server.Configuration;
using Monstera.Server.Storage;

namespace Monstera.Server.Cache;

/// <summary>What stands between the server and its directory.</summary>
public static class CacheFeature
{
    /// <summary>Everybody who asks for the directory gets the one that remembers. Goes after the storage.</summary>
    public static IServiceCollection AddDirectoryCache(this IServiceCollection services)
    {
        services.AddSingleton<CacheMeter>();
        services.AddSingleton<ISharedCache>(provider => provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.Backplane == BackplaneProvider.Redis
            ? ActivatorUtilities.CreateInstance<RedisSharedCache>(provider)
            : new NoSharedCache());
        services.AddSingleton<IDirectory>(provider =>
            ActivatorUtilities.CreateInstance<CachedDirectory>(provider, provider.GetRequiredService<StoredDirectory>().Directory));
        return services;
    }
}
