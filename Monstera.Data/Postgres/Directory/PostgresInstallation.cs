using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>What the data of an installation is there for. The numbers are stored.</summary>
public enum InstallationState : short
{
    /// <summary>It is served.</summary>
    Served = 1,

    /// <summary>It receives a copy, and nobody serves it yet.</summary>
    Receiving = 2,

    /// <summary>It was moved elsewhere, and nobody serves it any more.</summary>
    Moved = 3,
}

/// <summary>The installation to which a directory belongs: one directory and its shards.</summary>
/// <param name="Id">Moves between kinds of storage, and restored backups, keep it.</param>
public sealed record PostgresInstallation(Guid Id, InstallationState State)
{
    /// <param name="directory">Opened with <see cref="PostgresParts.Directory"/>.</param>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static PostgresInstallation Read(PostgresDatabase directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return PostgresFailure.Translate(() =>
        {
            using NpgsqlConnection connection = directory.Source.OpenConnection();
            using var command = new NpgsqlCommand("SELECT id, state FROM directory.installation", connection);
            using NpgsqlDataReader reader = command.ExecuteReader();
            return reader.Read()
                ? new PostgresInstallation(reader.GetGuid(0), (InstallationState)reader.GetInt16(1))
                : throw new StorageRefusedException($"The directory {directory.Place} has no id of its installation: its row in directory.installation was removed. Restore it.");
        });
    }
}
