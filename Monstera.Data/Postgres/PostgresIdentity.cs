using Npgsql;
using NpgsqlTypes;

namespace Monstera.Data.Postgres;

/// <summary>Which database of which cluster: a physical standby has the same as its primary, and nothing else has.</summary>
internal sealed record PostgresIdentity(long System, uint Database)
{
    private const string Ask = "SELECT c.system_identifier, d.oid FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()";

    private const string AskStandby = $"SELECT pg_is_in_recovery() AND (i.system_identifier, i.oid) = ($1, $2) FROM ({Ask}) i";

    public static async ValueTask<PostgresIdentity> Of(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(Ask, connection);
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return new PostgresIdentity(row.GetInt64(0), row.GetFieldValue<uint>(1));
    }

    /// <summary>Whether this is a standby, and of this database. Asked with each read: one that is promoted keeps its connections.</summary>
    public void AskWhetherStandby(PostgresBatch batch, Action<bool> answer) => batch.Read(
        AskStandby, row => answer(row.GetBoolean(0)), Sql.Of(System), new NpgsqlParameter { Value = Database, NpgsqlDbType = NpgsqlDbType.Oid });

    public static void RefuseUnless(bool isStandby)
    {
        if (!isStandby)
        {
            throw new StorageUnavailableException("What should be a replica is no standby of the primary's database.");
        }
    }
}
