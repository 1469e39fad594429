using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Metrics;
using Monstera.Tests.Clients;
using Monstera.Tests.Deploy;

namespace Monstera.Tests.Metrics;

/// <summary>What the metrics tell of the process and its disk is what the system itself tells.</summary>
public sealed class ProcessFiguresTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Figures_of_the_process_are_those_that_the_system_has()
    {
        Requires.That(OperatingSystem.IsLinux(), "Only Linux has /proc.");
        Dictionary<string, double> before = await OfSystem();
        Dictionary<string, double> shown = Shown();
        Dictionary<string, double> after = await OfSystem();
        Assert.Equal(5, before.Count);
        Assert.All(before, one => Assert.InRange(shown[one.Key], one.Value, after[one.Key]));

        using var self = Process.GetCurrentProcess();
        Assert.Equal(new DateTimeOffset(self.StartTime).ToUnixTimeSeconds(), shown["process_start_time_seconds"], 1.0);
        string limits = (await File.ReadAllLinesAsync("/proc/self/limits", Cancel)).Single(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        Assert.Equal(Number(limits.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]), shown["process_max_fds"]);

        // Other tests open and close files meanwhile.
        int files = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        Assert.InRange(shown["process_open_fds"], files / 3, files * 3);
        Assert.InRange(shown["process_resident_memory_bytes"], self.WorkingSet64 / 3, self.WorkingSet64 * 3);
    }

    [Fact]
    public async Task The_disk_is_that_of_the_data_folder()
    {
        Tool.Require("df");
        Dictionary<string, double> shown = Shown();
        string[] said = (await Tool.Run(0, "df", ["--block-size=1", "--output=size,avail", Path.GetTempPath()])).Split('\n')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Number(said[0]), shown["data_disk_size_bytes"]);
        Assert.Equal(Number(said[1]), shown["data_disk_free_bytes"], 2e9);
    }

    [Fact]
    public void With_PostgreSQL_there_is_no_disk_of_data() => Assert.DoesNotContain(Shown(StorageProvider.Postgres).Keys, name => name.StartsWith("data_disk", StringComparison.Ordinal));

    /// <summary>Counters, which only grow.</summary>
    private static async Task<Dictionary<string, double>> OfSystem()
    {
        Dictionary<string, double> io = (await File.ReadAllLinesAsync("/proc/self/io", Cancel)).ToDictionary(line => line.Split(':')[0], line => Number(line.Split(':')[1]), StringComparer.Ordinal);
        string[][] net = [.. (await File.ReadAllLinesAsync("/proc/self/net/netstat", Cancel)).Where(line => line.StartsWith("IpExt:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
        Dictionary<string, double> ip = net[0].Skip(1).Zip(net[1].Skip(1)).ToDictionary(one => one.First, one => Number(one.Second), StringComparer.Ordinal);
        return new(StringComparer.Ordinal)
        {
            ["process_disk_read_bytes_total"] = io["read_bytes"],
            ["process_disk_written_bytes_total"] = io["write_bytes"],
            ["process_network_receive_bytes_total"] = ip["InOctets"],
            ["process_network_transmit_bytes_total"] = ip["OutOctets"],
            ["process_cpu_seconds_total"] = Environment.CpuUsage.TotalTime.TotalSeconds,
        };
    }

    private static Dictionary<string, double> Shown(StorageProvider storage = StorageProvider.Sqlite)
    {
        using CollectedMeters meters = new();
        _ = new ProcessMeter(meters.Meters, Options.Create(new MonsteraOptions { Storage = storage, DataFolder = Path.GetTempPath() }));
        return meters.Expose().Split('\n').Where(line => line.StartsWith("process_", StringComparison.Ordinal) || line.StartsWith("data_", StringComparison.Ordinal))
            .ToDictionary(line => line.Split(' ')[0], line => Number(line.Split(' ')[1]), StringComparer.Ordinal);
    }

    private static double Number(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
}
