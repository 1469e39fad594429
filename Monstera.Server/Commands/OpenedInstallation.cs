using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Sqlite;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands;

/// <summary>Opens the installation of a storage for a command.</summary>
internal static class OpenedInstallation
{
    /// <summary>What is there, to be copied: an SQLite file beside its server, if one owns it.</summary>
    public static async Task<IInstallationArchive> Source(CommandSettings settings, StorageProvider provider, CancellationToken cancel) => provider switch
    {
        StorageProvider.Sqlite => HasSqlite(settings)
            ? SqliteInstallationArchive.Open(settings.Options.DataFolder)
            : throw new StorageRefusedException($"There is no database in {Path.GetFullPath(settings.Options.DataFolder)}."),
        _ => await Postgres(settings, migrate: false, cancel),
    };

    /// <summary>The installation that the settings name, to be mended where it is: an SQLite file without its server.</summary>
    public static async Task<IInstallationArchive> ToChange(CommandSettings settings, CancellationToken cancel)
    {
        if (settings.Options.Storage != StorageProvider.Sqlite)
        {
            return await Postgres(settings, migrate: false, cancel);
        }

        return HasSqlite(settings)
            ? SqliteInstallationArchive.OpenOwned(settings.Options.DataFolder)
            : throw new StorageRefusedException($"There is no database in {Path.GetFullPath(settings.Options.DataFolder)}.");
    }

    /// <summary>Made when it is not there.</summary>
    public static async Task<IInstallationArchive> Destination(CommandSettings settings, StorageProvider provider, CancellationToken cancel) => provider switch
    {
        StorageProvider.Sqlite => SqliteInstallationArchive.OpenOwned(settings.Options.DataFolder),
        _ => await Postgres(settings, migrate: true, cancel),
    };

    /// <summary>Changes nothing.</summary>
    /// <returns>Null: there is nothing yet.</returns>
    public static async Task<IInstallationArchive?> ToRead(CommandSettings settings, StorageProvider provider, CancellationToken cancel)
    {
        if (provider == StorageProvider.Sqlite)
        {
            return HasSqlite(settings) ? SqliteInstallationArchive.Open(settings.Options.DataFolder, readOnly: true) : null;
        }

        return PostgresInstallationArchive.IsMade(settings.Postgres().Directory) ? await Postgres(settings, migrate: false, cancel) : null;
    }

    public static async Task<PostgresInstallationArchive> Postgres(CommandSettings settings, bool migrate, CancellationToken cancel)
    {
        (PostgresOptions directory, IReadOnlyDictionary<short, PostgresOptions> shards) = settings.Postgres();
        return await PostgresInstallationArchive.Open(directory, shards, migrate, cancel);
    }

    private static bool HasSqlite(CommandSettings settings) => File.Exists(Path.Combine(settings.Options.DataFolder, SqliteDatabase.FileName));
}
