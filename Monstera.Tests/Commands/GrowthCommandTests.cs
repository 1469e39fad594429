using System.Text.Json;
using Monstera.Data.Growth;
using Monstera.Data.Sqlite;
using Monstera.Server.Commands;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Growth;

namespace Monstera.Tests.Commands;

/// <summary><c>monstera advise</c> and <c>monstera capacity</c> as they are shipped, beside the server as it is shipped.</summary>
public sealed class GrowthCommandTests
{
    [Fact]
    public async Task The_advisor_reads_what_the_server_notes_while_it_runs_and_when_it_is_stopped()
    {
        Requires.Unix("SIGTERM");
        await using ServerProcess server = await ServerProcess.Start(("NodeName", "leaf"));
        JsonElement running = await Advise(("DataFolder", server.Folder));
        Assert.Equal((1, 1, "sqlite"), (running.GetProperty("phase").GetInt32(), running.GetProperty("nodes").GetInt32(), running.GetProperty("storage").GetString()));
        JsonElement memory = running.GetProperty("limits").EnumerateArray().Single(limit => limit.GetProperty("limit").GetString() == "memory");
        Assert.InRange(memory.GetProperty("value").GetDouble(), 0.0001, 1);

        await server.Terminate();
        using (SqliteDatabase file = SqliteDatabase.Open(server.Folder))
        {
            DateTimeOffset today = new(TimeProvider.System.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
            await new SqliteGrowthLog(file).Write(
                [.. Enumerable.Range(1, 30).Select(ago => new GrowthRow(GrowthSpan.Day, "", today.AddDays(-ago), new GrowthSample { Users = 48 - ago, LargestDatabaseBytes = 1 << 30 }))],
                TestContext.Current.CancellationToken);
        }

        string text = await CommandProcess.Run(0, "advise", ("DataFolder", server.Folder), MadeUp.AnyDisk);
        Assert.Contains("Phase 1 of 4 (10–50 people): SQLite, 1 node.", text, StringComparison.Ordinal);
        Assert.Contains("users\t47\t50\t94", text, StringComparison.Ordinal);
        Assert.Contains("the first limit to be reached is users, on ", text, StringComparison.Ordinal);
        Assert.Contains("Go to phase 2. Now 30 USD a month by the table of prices, then 36", text, StringComparison.Ordinal);
        Assert.Contains("  monstera move --from sqlite --to postgres --wait", text, StringComparison.Ordinal);
        Assert.Contains("  1. PostgreSQL with a standby", text, StringComparison.Ordinal);
        Assert.Contains("There is no database", await CommandProcess.Run(1, "advise", ("DataFolder", server.Folder + "-elsewhere")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_PostgreSQL_the_role_that_serves_is_enough()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        await using ServerProcess server = await ServerProcess.Start([("Storage", "postgres"), .. postgres.Settings]);
        (string, string)[] settings = [.. postgres.Settings.Where(setting => !setting.Item1.Contains("Owners", StringComparison.Ordinal)), ("Storage", "postgres")];
        JsonElement report = await Advise(settings);
        Assert.Equal((2, 1, 1), (report.GetProperty("phase").GetInt32(), report.GetProperty("nodes").GetInt32(), report.GetProperty("shards").GetInt32()));
        Assert.Equal(["backplane", "nodes"], report.GetProperty("lacks").EnumerateArray().Select(lack => lack.GetString()));
        JsonElement database = report.GetProperty("limits").EnumerateArray().Single(limit => limit.GetProperty("limit").GetString() == "database");
        Assert.InRange(database.GetProperty("value").GetDouble(), 0.001, 1);
        Assert.Contains("ConnectionStrings:Directory is missing", await CommandProcess.Run(2, "advise", ("Storage", "postgres")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_thresholds_that_is_wrong_is_refused_with_its_place_by_commands_and_by_the_server()
    {
        string folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;
        string file = Path.Combine(folder, "mine.json");
        await File.WriteAllTextAsync(file, """{ "history": { "daysMin": 14 } }""", TestContext.Current.CancellationToken);
        string said = await CommandProcess.Run(2, "capacity --users 100", ("Growth:File", file));
        Assert.Contains($"monstera: Monstera:Growth:File: {file}, line 1, $.history: ", said, StringComparison.Ordinal);
        (int exitCode, string error) = await ServerProcess.Fail(folder, ("Growth:File", file));
        Assert.Equal(2, exitCode);
        Assert.Contains($"Monstera:Growth:File: {file}", error, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Capacity_tells_its_assumptions_its_plan_and_its_error()
    {
        string text = await CommandProcess.Run(0, "capacity --users 10000 --messages-per-user-day 30 --rooms 1500");
        Assert.Contains("Assumed: 10,000 people, of whom 50", text, StringComparison.Ordinal);
        Assert.Contains("30 messages a day", text, StringComparison.Ordinal);
        Assert.Contains("1,500 rooms, each person in 12", text, StringComparison.Ordinal);
        Assert.Contains("Phase 4, PostgreSQL:", text, StringComparison.Ordinal);
        Assert.Contains("USD a month", text, StringComparison.Ordinal);
        Assert.Contains("the model was off by:", text, StringComparison.Ordinal);

        JsonElement json = JsonDocument.Parse(await CommandProcess.Run(0, "capacity --users 40 --json")).RootElement;
        Assert.Equal((1, 1), (json.GetProperty("plan").GetProperty("phase").GetInt32(), json.GetProperty("plan").GetProperty("nodes").GetInt32()));
        Assert.Equal(40, json.GetProperty("assumed").GetProperty("users").GetInt64());
        Assert.True(json.GetProperty("checks").GetArrayLength() >= 2);
    }

    [Theory]
    [InlineData("capacity")]
    [InlineData("capacity", "--users", "0")]
    [InlineData("capacity", "--users", "many")]
    [InlineData("capacity", "--users", "10", "--online-share", "2")]
    [InlineData("capacity", "--users", "10", "--online-share", "NaN")]
    [InlineData("capacity", "--users", "10", "--rooms", "0")]
    [InlineData("capacity", "--users", "10", "--romms", "7")]
    [InlineData("advise", "--jsn")]
    public async Task Nonsense_has_exit_code_2(params string[] arguments) => Assert.Equal(2, await MonsteraCommand.Run(arguments));

    /// <summary>A server that has just started may not have noted anything yet.</summary>
    private static async Task<JsonElement> Advise(params (string, string)[] settings)
    {
        JsonElement report = default;
        for (int attempt = 0; attempt < 5 && (attempt == 0 || report.GetProperty("nodes").GetInt32() == 0); attempt++)
        {
            report = JsonDocument.Parse(await CommandProcess.Run(0, "advise --json", settings)).RootElement;
        }

        return report;
    }
}
