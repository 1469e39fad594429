using Microsoft.Extensions.Options;
using Monstera.Data.Postgres;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands;

/// <summary>What commands are told: the same settings as <c>serve</c>, from the same places. Connection strings may be set whatever the storage is: a move needs both.</summary>
internal sealed class CommandSettings
{
    private CommandSettings(MonsteraOptions options, ConnectionStrings strings)
    {
        Options = options;
        Strings = strings;
    }

    public MonsteraOptions Options { get; }

    public ConnectionStrings Strings { get; }

    /// <param name="settings">Of the command line: <c>--Monstera:DataFolder=…</c>, or with the value as the next word.</param>
    /// <exception cref="OptionsValidationException">A setting is wrong, or a word is none.</exception>
    public static CommandSettings Read(IReadOnlyList<string> settings)
    {
        RefuseOtherWords(settings);
        ConfigurationManager configuration = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = [.. settings], ContentRootPath = AppContext.BaseDirectory }).Configuration;
        configuration.AddSecretFiles();
        MonsteraOptions options = configuration.GetSection(MonsteraOptions.Section).Get<MonsteraOptions>() ?? new MonsteraOptions();
        ValidateOptionsResult valid = new MonsteraOptionsValidator().Validate(name: null, options);
        return valid.Failed
            ? throw new OptionsValidationException(MonsteraOptions.Section, typeof(MonsteraOptions), valid.Failures)
            : new CommandSettings(options, new ConnectionStrings(configuration));
    }

    /// <summary>The directory's database and those of the shards by number, with their owners, whom every command needs.</summary>
    /// <exception cref="OptionsValidationException">A connection string is missing or wrong.</exception>
    public (PostgresOptions Directory, IReadOnlyDictionary<short, PostgresOptions> Shards) Postgres()
    {
        List<string> failures = [];
        int count = Math.Max(Strings.ShardCount, 1);
        string directory = Checked(ConnectionStrings.DirectoryKey, Strings.Directory, failures);
        string directoryOwner = Checked(ConnectionStrings.DirectoryOwnerKey, Strings.DirectoryOwner, failures);
        Dictionary<short, PostgresOptions> shards = [];
        for (int shard = 0; shard < count; shard++)
        {
            shards[(short)shard] = Of(
                Checked(ConnectionStrings.ShardKey(shard), Strings.Shard(shard), failures),
                Checked(ConnectionStrings.ShardOwnerKey(shard), Strings.ShardOwner(shard), failures));
        }

        return failures.Count > 0
            ? throw new OptionsValidationException("ConnectionStrings", typeof(ConnectionStrings), failures)
            : (Of(directory, directoryOwner), shards);
    }

    /// <summary>A mistyped option must not be taken for a setting that nobody reads: <c>--dryrun</c> would not be dry.</summary>
    private static void RefuseOtherWords(IReadOnlyList<string> words)
    {
        for (int i = 0; i < words.Count; i++)
        {
            if (!words[i].StartsWith("--", StringComparison.Ordinal) || !words[i].Contains(':', StringComparison.Ordinal))
            {
                throw new OptionsValidationException("command line", typeof(CommandSettings), [$"'{words[i]}' is neither an option of this command nor a setting (--Monstera:Key=value)."]);
            }

            i += words[i].Contains('=', StringComparison.Ordinal) ? 0 : 1;
        }
    }

    private static string Checked(string key, string? connectionString, List<string> failures)
    {
        if (connectionString is null)
        {
            failures.Add($"{key} is missing: this command works on PostgreSQL and needs it, in the form Host=…;Database=…;Username=…;Password=…");
        }
        else if (PostgresConnectionString.FindFault(connectionString) is { } fault)
        {
            failures.Add($"{key} (not shown) {fault}.");
        }

        return connectionString ?? "";
    }

    private PostgresOptions Of(string connectionString, string owner) => new()
    {
        ConnectionString = connectionString,
        OwnerConnectionString = owner,
        ConnectTimeout = TimeSpan.FromSeconds(Options.Postgres.ConnectTimeoutSeconds),
    };
}
