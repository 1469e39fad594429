using Microsoft.Extensions.Options;
using Monstera.Data.Postgres;
using Monstera.Server.Redis;

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
            failures.AddRange(strings.Given().Select(key =>
                $"{key} is set, but Monstera:Storage is 'sqlite', and nothing would be kept there: set Monstera:Storage to postgres, or remove the connection string."));
        }

        CheckRedis(options.Backplane, failures);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private void CheckRedis(BackplaneProvider backplane, List<string> failures)
    {
        if (backplane == BackplaneProvider.Memory && strings.Redis is not null)
        {
            // Whoever gives one believes that nodes are joined by it.
            failures.Add(
                $"{ConnectionStrings.RedisKey} is set, but Monstera:Backplane is 'memory', and nodes would not hear of each other: set Monstera:Backplane to redis, or remove the connection string.");
        }
        else if (backplane == BackplaneProvider.Redis && strings.Redis is null)
        {
            failures.Add($"{ConnectionStrings.RedisKey} is missing: Monstera:Backplane is 'redis' and needs it, in the form host:port,user=…,password=… or redis://user:password@host:port");
        }
        else if (strings.Redis is { } redis && RedisSettings.FindFault(redis) is { } fault)
        {
            failures.Add($"{ConnectionStrings.RedisKey} (not shown) {fault}.");
        }
    }

    private void CheckPostgres(List<string> failures)
    {
        foreach (string key in new[] { ConnectionStrings.DirectoryKey, ConnectionStrings.ShardKey(0) }.Where(key => strings[key] is null))
        {
            failures.Add($"{key} is missing: Monstera:Storage is 'postgres' and needs it, in the form Host=…;Database=…;Username=…;Password=…");
        }

        foreach (string key in strings.Given())
        {
            if (key is not (ConnectionStrings.DirectoryKey or ConnectionStrings.DirectoryOwnerKey))
            {
                CheckNumber(key, failures);
            }

            if (PostgresConnectionString.FindFault(strings[key]!) is { } fault)
            {
                failures.Add($"{key} (not shown) {fault}.");
            }
        }

        CheckDatabases(failures);
    }

    private void CheckNumber(string key, List<string> failures)
    {
        if (ConnectionStrings.ShardOf(key) is not { } shard)
        {
            failures.Add($"{key} names no shard: they are numbered from 0 to {ConnectionStrings.ShardsMax - 1}.");
        }
        else if (key != ConnectionStrings.ShardKey(shard) && strings.Shard(shard) is null)
        {
            failures.Add($"{key} is set, but {ConnectionStrings.ShardKey(shard)} is not: there is no such shard. Remove it, or give the shard.");
        }
        else if (key == ConnectionStrings.ShardKey(shard) && shard > 1 && strings.Shard(shard - 1) is null)
        {
            failures.Add($"{ConnectionStrings.ShardKey(shard - 1)} is missing: shards are numbered from 0 without a gap, and {key} is set.");
        }
    }

    private void CheckDatabases(List<string> failures)
    {
        for (int shard = 0; shard < ConnectionStrings.ShardsMax && strings.Shard(shard) is { } one; shard++)
        {
            for (int other = 0; other < shard; other++)
            {
                if (strings.Shard(other) == one)
                {
                    failures.Add($"{ConnectionStrings.ShardKey(shard)} equals {ConnectionStrings.ShardKey(other)}: each shard is a database of its own.");
                }
            }

            if (strings.Replica(shard) == one)
            {
                failures.Add($"{ConnectionStrings.ReplicaKey(shard)} equals {ConnectionStrings.ShardKey(shard)}: a replica is another server. Remove it when there is none.");
            }

            if (strings.IsWithDirectory(shard) && strings.DirectoryOwner is { } owner && strings.ShardOwner(shard) != owner)
            {
                failures.Add(
                    $"{ConnectionStrings.ShardOwnerKey(shard)} differs from {ConnectionStrings.DirectoryOwnerKey}, although directory and shard are one database: give one of them.");
            }
        }
    }
}
