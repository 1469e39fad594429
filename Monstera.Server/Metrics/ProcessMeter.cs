using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Metrics;

/// <summary>What the process uses of the machine, under the names that Prometheus' own clients have. What the system does not tell is absent.</summary>
public sealed class ProcessMeter
{
    /// <summary>Of the <see cref="Meter"/>.</summary>
    public const string Name = "Monstera.Process";

    public ProcessMeter(IMeterFactory meters, IOptions<MonsteraOptions> options)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(options);
        Meter meter = meters.Create(Name);
        using var self = Process.GetCurrentProcess();
        double startedAt = (self.StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds;
        meter.CreateObservableGauge("process_start_time_seconds", () => startedAt, "s", "When the process began, in seconds since 1970.");
        meter.CreateObservableCounter("process_cpu_seconds", Cpu, "s", "Time on processors, of the program and of the system for it.");
        meter.CreateObservableGauge("process_resident_memory_bytes", () => Environment.WorkingSet, "By", "Memory that is in use and not swapped out.");
        meter.CreateObservableGauge("process_open_fds", () => Some(ProcFiles.OpenFiles()), null, "Open files and sockets.");
        meter.CreateObservableGauge("process_max_fds", () => Some(ProcFiles.OpenFilesMax()), null, "How many may be open.");
        meter.CreateObservableCounter("process_disk_read_bytes", () => Some(ProcFiles.Io("read_bytes")), "By", "What was read from disks, and not from the system's memory.");
        meter.CreateObservableCounter("process_disk_written_bytes", () => Some(ProcFiles.Io("write_bytes")), "By", "What was written to disks.");
        meter.CreateObservableCounter(
            "process_network_receive_bytes",
            () => Some(ProcFiles.Network("InOctets")),
            "By",
            "What came over IP into the process's network namespace: in a container its own, otherwise the machine's.");
        meter.CreateObservableCounter("process_network_transmit_bytes", () => Some(ProcFiles.Network("OutOctets")), "By", "What left over IP, likewise.");

        MonsteraOptions monstera = options.Value;
        if (monstera.Storage == StorageProvider.Sqlite)
        {
            string folder = Path.GetFullPath(monstera.DataFolder);
            meter.CreateObservableGauge("data_disk_free_bytes", () => Some(OfDisk(folder, disk => disk.AvailableFreeSpace)), "By", "What is free on the disk of the data folder.");
            meter.CreateObservableGauge("data_disk_size_bytes", () => Some(OfDisk(folder, disk => disk.TotalSize)), "By", "How large that disk is.");
        }
    }

    private static double Cpu() => Environment.CpuUsage.TotalTime.TotalSeconds;

    /// <summary>One measurement, or none.</summary>
    private static IEnumerable<Measurement<long>> Some(long? value) => value is { } there ? [new Measurement<long>(there)] : [];

    private static long? OfDisk(string folder, Func<DriveInfo, long> value)
    {
        try
        {
            return value(new DriveInfo(folder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
