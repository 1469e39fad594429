using System.Globalization;
using Monstera.Data.Postgres;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Faults;

namespace Monstera.Tests.Storage;

/// <summary>A server that is pointed at PostgreSQL wrongly says so in a line with the key, and never shows a password.</summary>
public sealed class PostgresSettingsTests
{
    private const string Password = "hunter2";
    private const string Good = $"Host=127.0.0.1;Port=1;Database=monstera;Username=monstera_app;Password={Password}";

    private static readonly string Folder = Path.Combine(Path.GetTempPath(), "monstera-" + Guid.NewGuid().ToString("N"));

    public static TheoryData<string, string[]> Wrong => new()
    {
        { "ConnectionStrings:Directory is missing", ["Storage=postgres", $"ConnectionStrings:Shards:0={Good}"] },
        { "ConnectionStrings:Shards:0 is missing", ["Storage=postgres", $"ConnectionStrings:Directory={Good}"] },
        { "ConnectionStrings:Shards:0 is missing", ["Storage=postgres", $"ConnectionStrings:Directory={Good}", "ConnectionStrings:Shards:0= "] },
        { "ConnectionStrings:Shards:1 equals ConnectionStrings:Shards:0", [.. Both(Good), $"ConnectionStrings:Shards:1={Good}"] },
        { "ConnectionStrings:Shards:1 is missing", [.. Both(Good), $"ConnectionStrings:Shards:2={Good};Timeout=1"] },
        { "ConnectionStrings:Shards:one names no shard", [.. Both(Good), $"ConnectionStrings:Shards:one={Good}"] },
        { "ConnectionStrings:Shards:256 names no shard", [.. Both(Good), $"ConnectionStrings:Shards:256={Good}"] },
        { "ConnectionStrings:Shards:01 names no shard", [.. Both(Good), $"ConnectionStrings:Shards:01={Good}"] },
        { "ConnectionStrings:Shards:1 (not shown) names no Host", [.. Both(Good), $"ConnectionStrings:Shards:1=Username=a;Password={Password}"] },
        { "ConnectionStrings:Owners:Shards:1 is set, but", [.. Both(Good), $"ConnectionStrings:Owners:Shards:1={Good}"] },
        { "ConnectionStrings:Replicas:1 is set, but", [.. Both(Good), $"ConnectionStrings:Replicas:1={Good}"] },
        { "ConnectionStrings:Replicas:0 equals", [.. Both(Good), $"ConnectionStrings:Replicas:0={Good}"] },
        { "ConnectionStrings:Replicas:0 (not shown) is not", [.. Both(Good), $"ConnectionStrings:Replicas:0=Host=a;Username=b;Password=x;{Password}=y"] },
        { "ConnectionStrings:Replicas:0 is set", ["Storage=sqlite", $"ConnectionStrings:Replicas:0={Good}"] },
        { "ConnectionStrings:Owners:Shards:0 differs", [.. Both(Good), $"ConnectionStrings:Owners:Directory={Good}", $"ConnectionStrings:Owners:Shards:0={Good};Timeout=1"] },
        { "ConnectionStrings:Directory is set", [$"ConnectionStrings:Directory={Good}"] },
        { "ConnectionStrings:Shards:1 is set", ["Storage=sqlite", $"ConnectionStrings:Shards:1={Good}"] },
        { "ConnectionStrings:Directory (not shown) is not", ["Storage=postgres", $"ConnectionStrings:Shards:0={Good}", $"ConnectionStrings:Directory=Host=a;Username=b;Password=x;{Password}=y"] },
        { "ConnectionStrings:Directory (not shown) is not", ["Storage=postgres", $"ConnectionStrings:Shards:0={Good}", $"ConnectionStrings:Directory=postgres://a:{Password}@127.0.0.1/b"] },
        { "ConnectionStrings:Directory (not shown) is not", ["Storage=postgres", $"ConnectionStrings:Shards:0={Good}", $"ConnectionStrings:Directory={Good};Port={Password}"] },
        { "ConnectionStrings:Directory (not shown) names no Host", ["Storage=postgres", $"ConnectionStrings:Shards:0={Good}", $"ConnectionStrings:Directory=Username=a;Password={Password}"] },
        { "ConnectionStrings:Owners:Directory (not shown) names no Username", [.. Both(Good), $"ConnectionStrings:Owners:Directory=Host=a;Password={Password}"] },
        { "Monstera:Postgres:ConnectionsMax is '0'", [.. Both(Good), "Postgres:ConnectionsMax=0"] },
        { "Monstera:Postgres:LockTimeoutSeconds is '301'", [.. Both(Good), "Postgres:LockTimeoutSeconds=301"] },
        { "Monstera:Storage", ["Storage=oracle"] },
        { "Monstera:Storage is '7'", ["Storage=7"] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_wrong_setting_is_named_and_not_shown(string says, string[] settings)
    {
        string error = await Fail(2, settings);

        Assert.Contains(says, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_said()
    {
        string nobody = Good.Replace("Port=1", "Port=" + PostgresTools.FreePort().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

        Assert.Contains("PostgreSQL cannot be reached", await Fail(1, Both(nobody)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_without_schema_a_role_that_owns_it_and_an_owner_without_rights_are_refused()
    {
        PostgresServer postgres = PostgresServer.Shared;
        string empty = postgres.CreateEmptyDatabase();
        string made = PostgresStorage.CreateDatabase(postgres);

        Assert.Contains("no schema", await Fail(1, Both(postgres.AppConnection(empty))), StringComparison.Ordinal);
        Assert.Contains("a role of its own", await Fail(1, Both(postgres.OwnerConnection(made))), StringComparison.Ordinal);
        Assert.Contains("lacks a right", await Fail(1, [.. Both(postgres.AppConnection(empty)), $"ConnectionStrings:Owners:Directory={postgres.AppConnection(empty)}"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=a;Username=b")]
    [InlineData("Host=a,b;Username=c;Target Session Attributes=primary")]
    public void Strings_as_documented_are_taken(string connectionString) => Assert.Null(PostgresConnectionString.FindFault(connectionString));

    [Fact]
    public void Options_do_not_print_their_connection_strings() =>
        Assert.DoesNotContain(Password, new PostgresOptions { ConnectionString = Good, OwnerConnectionString = Good }.ToString(), StringComparison.Ordinal);

    private static string[] Both(string connectionString) =>
        ["Storage=postgres", $"ConnectionStrings:Directory={connectionString}", $"ConnectionStrings:Shards:0={connectionString}"];

    /// <param name="settings">Each is key=value.</param>
    private static async Task<string> Fail(int expected, string[] settings)
    {
        (int exitCode, string error) = await ServerProcess.Fail(
            Folder, [.. settings.Select(setting => setting.Split('=', 2)).Select(parts => (parts[0], parts[1]))]);

        Assert.True(exitCode == expected, $"exit code {exitCode}: {error}");
        Assert.DoesNotContain(Password, error, StringComparison.Ordinal);
        KillTests.AssertOneLine(error);
        Assert.False(Directory.Exists(Folder), "It went to the file after all.");
        return error;
    }
}
