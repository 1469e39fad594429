using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Server.Configuration;

namespace Monstera.Server.Storage;

/// <summary>Which implementation stands behind the storage contracts. A provider never silently falls back to another.</summary>
public static class StorageFeature
{
    public static IServiceCollection AddStorage(this IServiceCollection services)
    {
        services.AddSingleton(provider => SqliteDatabase.Open(provider.GetRequiredService<IOptions<MonsteraOptions>>().Value.DataFolder));
        services.AddSingleton<IRoomStore>(provider => new SqliteRoomStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<IDirectory>(provider => new SqliteDirectory(provider.GetRequiredService<SqliteDatabase>()));
        return services;
    }
}
