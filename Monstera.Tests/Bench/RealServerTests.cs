using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Monstera.Bench;
using Monstera.Bench.Commands;
using Monstera.Bench.Load;
using Monstera.Bench.Report;
using Monstera.Bench.Scenarios;
using Monstera.Bench.Storage;
using Monstera.Bench.Subjects;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Bench;

/// <summary>The generator and the real processes, small: that their frames are understood, and that nothing is left behind.</summary>
public sealed partial class RealServerTests : IDisposable
{
    private static readonly RoomLoad Load = new(new Layout(2, 5), SendersPerRoom: 2) { InFlight = 4 };
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-bench-test-").FullName;

    private BenchOptions Options => new()
    {
        IsQuick = true,
        ServerAssembly = BuiltServer.Find(),
        WorkFolder = _folder,
        ManyClients = 400,
        HistoryMessages = 1_000,
        WarmUp = TimeSpan.FromSeconds(0.2),
        Measure = TimeSpan.FromSeconds(0.5),
    };

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Monstera_is_measured_and_is_correct() =>
        Check(await Load.Run(new MonsteraSubject(BuiltServer.Find(), null, new SqliteDataSets(_folder), TimeProvider.System, CancellationToken.None), Options));

    [Fact]
    public async Task The_baseline_is_measured_and_is_correct() => Check(await Load.Run(new BaselineSubject(null, CancellationToken.None), Options));

    [Fact]
    public async Task Clients_resume_and_pages_are_read()
    {
        Session session = new(Options, new SqliteDataSets(_folder), TimeProvider.System, _ => { }, CancellationToken.None);
        ScenarioResult resumed = await new ResumeScenario().Run(session);
        Assert.Equal(2 * 20, resumed.Measures.Single(measured => measured.Row.Figure == Figure.Messages).Value);
    }

    [Fact]
    public async Task A_cancelled_run_kills_the_process_it_measures()
    {
        using CancellationTokenSource cancel = new();
        await using ChildProcess child = await new BaselineSubject(null, cancel.Token).Start(Load.Layout);
        await cancel.CancelAsync();
        await child.Ended.WaitAsync(Signal.Patience);
    }

    [Fact]
    public async Task A_measured_process_ends_with_the_one_that_measures()
    {
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(LoadLoop).Assembly.Location, "baseline", "--urls", "http://127.0.0.1:0"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(LoadLoop).Assembly.Location;
        start.Environment[StartupHook.SocketVariable] = Path.Combine(_folder, "counters");
        using Process process = Process.Start(start)!;
        while (await process.StandardOutput.ReadLineAsync().WaitAsync(Signal.Patience) is { } line && !Listening().IsMatch(line))
        {
            // Not yet.
        }

        Assert.False(process.HasExited);
        process.StandardInput.Close();
        using CancellationTokenSource patience = new(Signal.Patience);
        await process.WaitForExitAsync(patience.Token);
    }

    [Fact]
    public async Task A_program_that_does_not_start_says_why()
    {
        BenchFailedException failure = await Assert.ThrowsAsync<BenchFailedException>(
            () => ChildProcess.Start(typeof(LoadLoop).Assembly.Location, ["baseline", "--nonsense"], new Dictionary<string, string>(StringComparer.Ordinal), null, CancellationToken.None));
        Assert.Matches("^Monstera.Bench.dll ended before it listened:(.|\n)*nonsense", failure.Message);
    }

    [Fact]
    public void Too_few_files_are_said_before()
    {
        string[] limits = ["Limit                     Soft Limit           Hard Limit           Units     ", "Max open files            1024                 1024                 files     "];
        OpenFiles.Check(524, limits);
        Assert.Equal(
            "525 connections need 1025 open files in a process, and 1024 are allowed: raise `ulimit -n`, or give --clients.",
            Assert.Throws<BenchFailedException>(() => OpenFiles.Check(525, limits)).Message);
        OpenFiles.Check(1_000_000, ["Max open files            unlimited            unlimited            files     "]);
    }

    [Theory]
    [InlineData("1", "1")]
    [InlineData("0,2", "0 2")]
    [InlineData("4-7,9", "4 5 6 7 9")]
    public void Processors_are_named_as_for_taskset(string list, string cores) =>
        Assert.Equal(cores, string.Join(' ', Cores.Parse(list).Select(core => core.ToString(CultureInfo.InvariantCulture))));

    private static void Check(Figures figures)
    {
        Assert.True(figures[Figure.Messages] > 0);
        Assert.True(figures[Figure.DeliveriesPerSecond] > 0);
        Assert.Equal(figures[Figure.SendsPerSecond] * Load.Layout.MembersPerRoom, figures[Figure.DeliveriesPerSecond], figures[Figure.DeliveriesPerSecond] * 0.2);
        Assert.True(figures[Figure.CpuUsPerDelivery] > 0);
        Assert.InRange(figures[Figure.P50Ms], 0.001, figures[Figure.P99Ms]);
        Assert.InRange(figures[Figure.P99Ms], figures[Figure.P50Ms], 10_000);
        Assert.True(figures[Figure.AllocatedKbPerSend] >= 0);
        Assert.Equal((0, 0), (figures[Figure.Gaps], figures[Figure.Cuts]));
    }

    [GeneratedRegex("listening on: http://", RegexOptions.ExplicitCapture)]
    private static partial Regex Listening();
}
