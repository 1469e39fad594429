using Monstera.Bench;
using Monstera.Bench.Commands;
using Monstera.Bench.Report;
using Monstera.Bench.Scenarios;
using Monstera.Bench.Storage;
using Monstera.Bench.Subjects;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Redis;
using Npgsql;

namespace Monstera.Tests.Bench;

/// <summary>The scenarios on a real PostgreSQL, small, and that nothing of them is left there.</summary>
[Lengthy]
public sealed class PostgresBenchTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-bench-test-").FullName;

    private static string Administrator => PostgresServer.Shared.SuperuserConnection("postgres");

    private BenchOptions Options => new()
    {
        IsQuick = true,
        IsPostgres = true,
        ServerAssembly = BuiltServer.Find(),
        WorkFolder = _folder,
        ManyClients = 400,
        HistoryMessages = 500,
        AppendMessages = 2_000,
        WarmUp = TimeSpan.FromSeconds(0.2),
        Measure = TimeSpan.FromSeconds(0.5),
    };

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task The_server_is_measured_on_databases_of_its_own_that_are_removed(int shards)
    {
        string[] before = Names();
        await using (PostgresDataSets data = await PostgresDataSets.Start(Administrator, shards))
        {
            MonsteraSubject subject = new(BuiltServer.Find(), null, data, TimeProvider.System, CancellationToken.None);
            Figures figures = await Measure(subject);
            Assert.True(figures[Figure.Messages] > 0);
            Assert.True(figures[Figure.DeliveriesPerSecond] > 0);
            Assert.NotEqual(before, Names());
        }

        Assert.Equal(before, Names());
    }

    [Fact]
    public async Task Two_nodes_are_measured_together_and_all_that_one_takes_arrives_at_the_other()
    {
        await using PostgresDataSets data = await PostgresDataSets.Start(Administrator, 1);
        MonsteraSubject subject = new(BuiltServer.Find(), null, data, TimeProvider.System, CancellationToken.None);
        Layout layout = new(2, 6);
        Figures figures = await new RoomLoad(layout, SendersPerRoom: 2) { InFlight = 4 }.Run(
            subject, () => subject.StartNodes(layout, 2, RedisServer.Shared.ConnectionString), Options);

        // The run waits until each message has come to every member, of whom every other one is at the other node.
        Assert.True(figures[Figure.Messages] > 0);
        Assert.True(figures[Figure.ResidentMb] > 100);
    }

    /// <summary>Also by the command line. That the pages hold what they should is checked in the run.</summary>
    [Fact]
    public async Task Appending_and_reading_history_are_measured_and_correct()
    {
        string[] before = Names();
        IScenario[] scenarios = [.. AllScenarios.List.Where(scenario => scenario.Name is "append" or "history")];
        string report = Path.Combine(_folder, "results.json");
        Assert.Equal(
            0,
            await BenchCommand.Run(
                ["--all", "--quick", "--storage", "postgres", "--postgres", Administrator, "--append-messages", "2000", "--history-messages", "500", "--json", report], scenarios));
        string json = await File.ReadAllTextAsync(report);
        Assert.Contains("\"storage\": \"postgres\"", json, StringComparison.Ordinal);
        Assert.Contains("\"rowsPerSecond\"", json, StringComparison.Ordinal);
        Assert.Contains("\"middleP99Ms\"", json, StringComparison.Ordinal);
        Assert.Equal(before, Names());
    }

    [Fact]
    public async Task A_server_that_is_away_is_said_without_the_password()
    {
        string away = $"Host=127.0.0.1;Port={PostgresTools.FreePort()};Username=a;Password=hunter2";
        BenchFailedException failure = await Assert.ThrowsAsync<BenchFailedException>(() => PostgresDataSets.Start(away, shards: 1));
        Assert.StartsWith("PostgreSQL: ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>A machine that does something else meanwhile may leave the window empty: then in one four times as long, and so on.</summary>
    private async Task<Figures> Measure(MonsteraSubject subject)
    {
        BenchOptions options = Options;
        for (int attempt = 1; ; attempt++)
        {
            Figures figures = await new RoomLoad(new Layout(6, 5), SendersPerRoom: 2) { InFlight = 4 }.Run(subject, options);
            if (figures[Figure.DeliveriesPerSecond] > 0 || attempt == 4)
            {
                return figures;
            }

            options = options with { Measure = options.Measure * 4 };
        }
    }

    /// <summary>Databases and roles that begin as those of a benchmark; other tests run meanwhile.</summary>
    private static string[] Names()
    {
        using var connection = new NpgsqlConnection(Administrator);
        connection.Open();
        using var command = new NpgsqlCommand("SELECT datname FROM pg_database WHERE datname LIKE 'bench%' UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'bench%' ORDER BY 1", connection);
        using NpgsqlDataReader reader = command.ExecuteReader();
        List<string> names = [];
        while (reader.Read())
        {
            names.Add(reader.GetString(0));
        }

        return [.. names];
    }
}
