using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Growth;
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
        services.AddSingleton(provider => RefuseUnlessServed(
            SqliteDatabase.Open(Options(provider).DataFolder), SqliteInstallationArchive.Read, database => $"SQLite ({database.Path})"));
        services.AddSingleton(provider => RefuseUnlessServed(
            PostgresDatabases.Open(provider.GetRequiredService<ConnectionStrings>(), Options(provider).Postgres),
            databases => PostgresInstallation.Read(databases.Directory), databases => databases.Place));
        services.AddSingleton<IRoomStore>(provider => IsPostgres(provider)
            ? provider.GetRequiredService<PostgresDatabases>().OpenRooms(
                provider.GetRequiredService<ShardReplicas>(), provider.GetRequiredService<IMeterFactory>().Create(StorageMeter.Name), provider.GetRequiredService<TimeProvider>())
            : new MeasuredRoomStore(new SqliteRoomStore(provider.GetRequiredService<SqliteDatabase>()), Meter(provider, "0")));
        services.AddSingleton(provider => new StoredDirectory(new MeasuredDirectory(
            IsPostgres(provider)
                ? new PostgresDirectory(provider.GetRequiredService<PostgresDatabases>().Directory)
                : new SqliteDirectory(provider.GetRequiredService<SqliteDatabase>()),
            Meter(provider, PostgresDatabases.DirectoryName))));
        services.AddSingleton(provider => new StoragePlace(IsPostgres(provider)
            ? provider.GetRequiredService<PostgresDatabases>().Place
            : Path.GetFullPath(Options(provider).DataFolder)));
        services.AddSingleton(provider => new InstallationId((IsPostgres(provider)
            ? PostgresInstallation.Read(provider.GetRequiredService<PostgresDatabases>().Directory)
            : SqliteInstallationArchive.Read(provider.GetRequiredService<SqliteDatabase>())).Id));
        services.AddSingleton<IGrowthLog>(provider => IsPostgres(provider)
            ? new PostgresGrowthLog(provider.GetRequiredService<PostgresDatabases>().Directory)
            : new SqliteGrowthLog(provider.GetRequiredService<SqliteDatabase>()));
        services.AddSingleton(provider => new DataSizes(IsPostgres(provider)
            ? provider.GetRequiredService<PostgresDatabases>().MeasureSizes
            : null, Options(provider).DataFolder));
        services.AddSingleton<ShardReplicas>();
        services.AddHostedService<ShardWatch>();
        services.AddHostedService<ReplicationLagWatch>();
        services.AddHostedService<DatabaseWatch>();
        services.AddHostedService<BackupWatch>();
        return services;
    }

    /// <summary>A database that receives a copy, or was moved elsewhere, must not be served.</summary>
    private static T RefuseUnlessServed<T>(T database, Func<T, Installation> installation, Func<T, string> place)
        where T : IDisposable
    {
        try
        {
            installation(database).RefuseUnlessServed(place(database));
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private static StorageMeter Meter(IServiceProvider provider, string shard) =>
        new(provider.GetRequiredService<IMeterFactory>().Create(StorageMeter.Name), shard, provider.GetRequiredService<TimeProvider>());

    private static MonsteraOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<MonsteraOptions>>().Value;

    private static bool IsPostgres(IServiceProvider provider) => Options(provider).Storage == StorageProvider.Postgres;
}

/// <summary>The directory as the storage has it. All but the cache in front of it ask for <see cref="IDirectory"/>.</summary>
public sealed record StoredDirectory(IDirectory Directory);
