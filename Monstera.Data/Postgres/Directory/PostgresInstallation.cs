using Monstera.Data.Archive;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>The installation to which a directory belongs: one directory and its shards.</summary>
public static class PostgresInstallation
{
    /// <param name="directory">Opened with <see cref="PostgresParts.Directory"/>.</param>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static Installation Read(PostgresDatabase directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return PostgresFailure.Translate(() =>
        {
            using NpgsqlConnection connection = directory.Source.OpenConnection();
            using var command = new NpgsqlCommand("SELECT id, state, moved_to, moved_at FROM directory.installation", connection);
            using NpgsqlDataReader reader = command.ExecuteReader();
            return reader.Read()
                ? new Installation(reader.GetGuid(0), (InstallationState)reader.GetInt16(1), reader.Text(2), reader.IsDBNull(3) ? null : reader.Time(3))
                : throw new StorageRefusedException($"The directory {directory.Place} has no id of its installation: its row in directory.installation was removed. Restore it.");
        });
    }
}
