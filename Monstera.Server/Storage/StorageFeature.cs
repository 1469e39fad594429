using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Server.Configuration;

namespace Monstera.Server.Storage;

/// <summary>Which implementation stands behind the storage contracts. A provider never silently falls back to another.</summary>
public static class StorageFeature
{
    /// <summary>Only the provider that was chosen is ever opened.</summary>
    public static IServiceCollection AddStorage(this IServiceCollection services)
    {
        services.AddSingleton(provider => SqliteDatabase.Open(Options(provider).DataFolder));
        services.AddSingleton(provider => PostgresDatabases.Open(provider.GetRequiredService<ConnectionStrings>(), Options(provider).Postgres));
        services.AddSingleton<IRoomStore>(provider => IsPostgres(provider)
            ? new PostgresRoomStore(provider.GetRequiredService<PostgresDatabases>().Rooms)
            : new SqliteRoomStore(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton<IDirectory>(provider => IsPostgres(provider)
            ? new PostgresDirectory(provider.GetRequiredService<PostgresDatabases>().Directory)
            : new SqliteDirectory(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton(provider => new StoragePlace(IsPostgres(provider)
            ? provider.GetRequiredService<PostgresDatabases>().Place
            : Path.GetFullPath(Options(provider).DataFolder)));
        return services;
    }

    private static MonsteraOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<MonsteraOptions>>().Value;

    private static bool IsPostgres(IServiceProvider provider) => Options(provider).Storage == StorageProvider.Postgres;
}
