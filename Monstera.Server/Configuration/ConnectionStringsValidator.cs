using Microsoft.Extensions.Options;
using Monstera.Data.Postgres;

namespace Monstera.Server.Configuration;

/// <summary>Checks at start that the connection strings fit the storage that was chosen. A message names the key and never shows the string.</summary>
public sealed class ConnectionStringsValidator(ConnectionStrings strings) : IValidateOptions<MonsteraOptions>
{
    public ValidateOptionsResult Validate(string? name, MonsteraOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> failures = [];
        if (options.Storage == StorageProvider.Postgres)
        {
            CheckPostgres(failures);
        }
        else if (options.Storage == StorageProvider.Sqlite)
        {
            // Whoever gives one believes that the data goes there.
            failures.AddRange(ConnectionStrings.Known.Where(key => strings[key] is not null).Concat(strings.FurtherShards()).Select(key =>
                $"{key} is set, but Monstera:Storage is 'sqlite', and nothing would be kept there: set Monstera:Storage to postgres, or remove the connection string."));
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private void CheckPostgres(List<string> failures)
    {
        foreach (string key in new[] { ConnectionStrings.DirectoryKey, ConnectionStrings.ShardKey }.Where(key => strings[key] is null))
        {
            failures.Add($"{key} is missing: Monstera:Storage is 'postgres' and needs it, in the form Host=…;Database=…;Username=…;Password=…");
        }

        foreach (string key in strings.FurtherShards())
        {
            failures.Add($"{key} is set, but several shards are not there yet: all rooms are in {ConnectionStrings.ShardKey}. Remove it.");
        }

        foreach (string key in ConnectionStrings.Known)
        {
            if (strings[key] is { } connectionString && PostgresConnectionString.FindFault(connectionString) is { } fault)
            {
                failures.Add($"{key} (not shown) {fault}.");
            }
        }

        if (strings.IsOneDatabase && strings is { DirectoryOwner: { } directory, ShardOwner: { } shard } && directory != shard)
        {
            failures.Add($"{ConnectionStrings.ShardOwnerKey} differs from {ConnectionStrings.DirectoryOwnerKey}, although directory and shard are one database: give one of them.");
        }
    }
}
