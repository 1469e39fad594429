using System.Globalization;

namespace Monstera.Bench.Measure;

/// <summary>What the system says of a process, read from outside: its processor time and its memory.</summary>
internal static class ProcessMeter
{
    /// <summary>USER_HZ: what /proc counts in, 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>utime and stime of all its threads, to 10 ms.</summary>
    public static double CpuSeconds(int process)
    {
        string stat = File.ReadAllText($"/proc/{process}/stat");

        // The name, second, is in brackets and may hold anything.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        const int userTime = 14 - 3;
        return (long.Parse(fields[userTime], CultureInfo.InvariantCulture) + long.Parse(fields[userTime + 1], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    /// <summary>VmRSS: resident now, in KiB.</summary>
    public static long ResidentKb(int process) => Status(process, "VmRSS:");

    /// <summary>VmHWM: the most that was ever resident, in KiB.</summary>
    public static long ResidentPeakKb(int process) => Status(process, "VmHWM:");

    private static long Status(int process, string name)
    {
        foreach (string line in File.ReadLines($"/proc/{process}/status"))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                return long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
            }
        }

        throw new BenchFailedException($"/proc/{process}/status has no {name}");
    }
}
