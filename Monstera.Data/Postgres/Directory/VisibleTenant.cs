using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>
/// Says before each command of a <see cref="DirectoryContext"/> whose rows it is about, for row level security. In the same message as the command, so that it costs no round trip:
/// statements that are sent together are one transaction, at whose end the setting is gone.
/// </summary>
internal sealed class VisibleTenant : DbCommandInterceptor
{
    public override DbCommand CommandInitialized(CommandEndEventData eventData, DbCommand result)
    {
        if (eventData.Context is DirectoryContext context)
        {
#pragma warning disable CA2100 // The command is EF's, and what comes before it ours.
            result.CommandText = $"{context.Settings}, set_config('monstera.tenants', @visible_tenants, true);\n{result.CommandText}";
#pragma warning restore CA2100
            result.Parameters.Add(new NpgsqlParameter<string>("visible_tenants", $"{{{context.Tenant}}}"));
        }

        return result;
    }

    /// <summary>The setting's own answer comes first; who asked wants the one after.</summary>
    public override async ValueTask<DbDataReader> ReaderExecutedAsync(
        DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is DirectoryContext)
        {
            await result.NextResultAsync(cancellationToken);
        }

        return result;
    }

    public override DbDataReader ReaderExecuted(DbCommand command, CommandExecutedEventData eventData, DbDataReader result) =>
        throw new NotSupportedException("The directory is asked asynchronously.");
}
