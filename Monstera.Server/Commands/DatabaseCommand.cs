using System.CommandLine;
using Microsoft.Extensions.Options;
using Monstera.Data.Postgres;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands;

/// <summary><c>monstera database create</c>: makes the roles and databases that the connection strings name, and the schemas in them.</summary>
internal static class DatabaseCommand
{
    /// <summary>Read from the environment by preference: a command line is visible to others on the machine.</summary>
    public const string AdminKey = "ConnectionStrings:Admin";

    public static Command Make()
    {
        Option<string?> admin = new("--admin") { Description = "An administrator's connection string. Better in the environment, as ConnectionStrings__Admin: others on the machine see a command line." };
        Command create = new("create", "Makes the roles and databases that the connection strings name, and brings their schemas up to date. May be run again.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { admin },
        };
        create.SetAction((parsed, _) => CommandRun.Run(cancel => Create(CommandSettings.Read(parsed.UnmatchedTokens), parsed.GetValue(admin), cancel)));
        return new Command("database", "Prepares PostgreSQL.") { Subcommands = { create } };
    }

    private static async Task<int> Create(CommandSettings settings, string? admin, CancellationToken cancel)
    {
        List<string> failures = [];
        admin = Checked(admin is null ? AdminKey : "--admin", admin ?? settings.Strings[AdminKey], failures);
        List<WantedDatabase> databases = Databases(settings, failures);
        if (failures.Count > 0)
        {
            throw new OptionsValidationException("ConnectionStrings", typeof(ConnectionStrings), failures);
        }

        await new PostgresProvisioning(admin, Console.WriteLine).Make(databases, cancel);
        Console.WriteLine("Ready. Servers need the owners' connection strings only after an upgrade; the administrator's is needed no more.");
        return CommandRun.Done;
    }

    /// <summary>The directory's first. One database that is both has one entry.</summary>
    private static List<WantedDatabase> Databases(CommandSettings settings, List<string> failures)
    {
        ConnectionStrings strings = settings.Strings;
        int[] shards = [.. strings.Given().Select(ConnectionStrings.ShardOf).OfType<int>().Append(0).Distinct().Order()];
        int? shared = strings.SharedShard;
        List<WantedDatabase> databases =
        [
            Wanted(settings, ConnectionStrings.DirectoryKey, strings.Directory, ConnectionStrings.DirectoryOwnerKey, strings.DirectoryOwner, PostgresParts.Directory, null, failures),
        ];
        foreach (int shard in shards)
        {
            if (shard == shared)
            {
                databases[0] = databases[0] with { Parts = PostgresParts.Directory | PostgresParts.Rooms, Shard = (short)shard };
                continue;
            }

            databases.Add(Wanted(
                settings, ConnectionStrings.ShardKey(shard), strings.Shard(shard), ConnectionStrings.ShardOwnerKey(shard), strings.ShardOwner(shard), PostgresParts.Rooms,
                (short)shard, failures));
        }

        return databases;
    }

    private static WantedDatabase Wanted(
        CommandSettings settings, string key, string? connectionString, string ownerKey, string? owner, PostgresParts parts, short? shard, List<string> failures) => new(
        new PostgresOptions
        {
            ConnectionString = Checked(key, connectionString, failures),
            OwnerConnectionString = Checked(ownerKey, owner, failures),
            Pooler = settings.Options.Postgres.Pooler,
            ConnectTimeout = TimeSpan.FromSeconds(settings.Options.Postgres.ConnectTimeoutSeconds),
        },
        parts, shard);

    private static string Checked(string key, string? connectionString, List<string> failures)
    {
        if (connectionString is null)
        {
            failures.Add($"{key} is missing: it is needed, in the form Host=…;Database=…;Username=…;Password=…");
        }
        else if (PostgresConnectionString.FindFault(connectionString) is { } fault)
        {
            failures.Add($"{key} (not shown) {fault}.");
        }

        return connectionString ?? "";
    }
}
