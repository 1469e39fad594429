using Monstera.Data.Archive;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>The installation to which a directory belongs: one directory and its shards.</summary>
public static class PostgresInstallation
{
    /// <summary>What <see cref="ReadRow"/> reads.</summary>
    internal const string Query = "SELECT id, state, moved_to, moved_at FROM directory.installation";

    /// <param name="directory">Opened with <see cref="PostgresParts.Directory"/>.</param>
    /// <exception cref="StorageUnavailableException">It cannot be reached.</exception>
    public static Installation Read(PostgresDatabase directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return PostgresFailure.Translate(() =>
        {
            using NpgsqlConnection connection = directory.Source.OpenConnection();
            using var command = new NpgsqlCommand(Query, connection);
            using NpgsqlDataReader reader = command.ExecuteReader();
            return reader.Read()
                ? ReadRow(reader)
                : throw new StorageRefusedException($"The directory {directory.Place} has no id of its installation: its row in directory.installation was removed. Restore it.");
        });
    }

    internal static Installation ReadRow(NpgsqlDataReader row) =>
        new(row.GetGuid(0), (InstallationState)row.GetInt16(1), row.Text(2), row.IsDBNull(3) ? null : row.Time(3));
}
