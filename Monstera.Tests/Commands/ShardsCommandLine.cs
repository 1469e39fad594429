using Monstera.Server.Commands;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Npgsql;

namespace Monstera.Tests.Commands;

/// <summary><c>monstera shards …</c> with the settings of an installation, whose first database has the directory too.</summary>
internal static class ShardsCommandLine
{
    /// <summary>The tests' PostgreSQL lets everybody in and does not look at it.</summary>
    public const string Password = "hunter2-never-shown";

    /// <summary>In this process, which is quicker; what it says goes where the tests' output goes.</summary>
    /// <param name="databases">By shard.</param>
    public static Task<int> Run(IReadOnlyList<string> databases, params string[] arguments) => MonsteraCommand.Run(
    [
        "shards", .. arguments,
        .. Settings(databases).Where(s => !arguments.Any(a => a.StartsWith($"--{s.Key}=", StringComparison.Ordinal))).Select(s => $"--{s.Key}={s.Value}"),
    ]);

    public static CommandProcess Start(IReadOnlyList<string> databases, params string[] arguments) => CommandProcess.Start(
        "shards " + string.Join(' ', arguments), [.. Settings(databases).Select(s => (s.Key.Replace("Monstera:", "", StringComparison.Ordinal), s.Value))]);

    private static IEnumerable<(string Key, string Value)> Settings(IReadOnlyList<string> databases)
    {
        yield return ("Monstera:Storage", "postgres");
        yield return ("ConnectionStrings:Directory", With(PostgresServer.Shared.AppConnection(databases[0])));
        yield return ("ConnectionStrings:Owners:Directory", With(PostgresServer.Shared.OwnerConnection(databases[0])));
        for (int shard = 0; shard < databases.Count; shard++)
        {
            yield return ($"ConnectionStrings:Shards:{shard}", With(PostgresServer.Shared.AppConnection(databases[shard])));
            yield return ($"ConnectionStrings:Owners:Shards:{shard}", With(PostgresServer.Shared.OwnerConnection(databases[shard])));
        }
    }

    private static string With(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Password = Password }.ConnectionString;
}
