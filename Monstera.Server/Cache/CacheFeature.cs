using Monstera.Data.Directory;
using Monstera.Server.Storage;

namespace Monstera.Server.Cache;

/// <summary>What stands between the server and its directory.</summary>
public static class CacheFeature
{
    /// <summary>Everybody who asks for the directory gets the one that remembers. Goes after the storage.</summary>
    public static IServiceCollection AddDirectoryCache(this IServiceCollection services)
    {
        services.AddSingleton<CacheMeter>();
        services.AddSingleton<ISharedCache, NoSharedCache>();
        services.AddSingleton<IDirectory>(provider =>
            ActivatorUtilities.CreateInstance<CachedDirectory>(provider, provider.GetRequiredService<StoredDirectory>().Directory));
        return services;
    }
}
