using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Monstera.Server.Metrics;

/// <summary>What Linux says of the process; null where there is no such file, or it may not be read.</summary>
internal static class ProcFiles
{
    private const string Descriptors = "/proc/self/fd";

    // Of statx(2), the same on all architectures: the current folder, the field wanted, and where in the answer of 256 bytes it is.
    private const int CurrentFolder = -100, SizeAt = 40, StatxBytes = 256;
    private const uint StatxSize = 0x200;

    /// <summary>Linux 6.2 and later say it as the size of the folder; before, the entries are counted, 7 µs each.</summary>
    public static long? OpenFiles() => Read(() => !Directory.Exists(Descriptors) ? null : SizeOf(Descriptors) is { } size and > 0 ? size : CountOf(Descriptors));

    private static long CountOf(string folder) => Directory.EnumerateFileSystemEntries(folder).LongCount();

    /// <returns>Null: the system does not say.</returns>
    internal static long? SizeOf(string path)
    {
        byte[] answer = new byte[StatxBytes];
        try
        {
            return Statx(CurrentFolder, Encoding.UTF8.GetBytes(path + '\0'), 0, StatxSize, answer) == 0 ? BitConverter.ToInt64(answer, SizeAt) : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>"Max open files            1024                 524288               files": the limit that holds is the first.</summary>
    public static long? OpenFilesMax() => Read(() => Lines("/proc/self/limits")
        .Where(line => line.StartsWith("Max open files", StringComparison.Ordinal))
        .Select(line => Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]))
        .FirstOrDefault());

    /// <summary>"read_bytes: 4096".</summary>
    public static long? Io(string key) => Read(() => Lines("/proc/self/io")
        .Where(line => line.StartsWith(key + ":", StringComparison.Ordinal))
        .Select(line => Number(line[(key.Length + 1)..].Trim()))
        .FirstOrDefault());

    /// <summary>"IpExt: InNoRoutes InOctets …", and under it "IpExt: 0 4711 …".</summary>
    public static long? Network(string key) => Read(() =>
    {
        string[][] rows = [.. Lines("/proc/self/net/netstat").Where(line => line.StartsWith("IpExt:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
        int column = rows.Length == 2 ? Array.IndexOf(rows[0], key) : -1;
        return column > 0 && column < rows[1].Length ? Number(rows[1][column]) : null;
    });

    private static IEnumerable<string> Lines(string path) => File.Exists(path) ? File.ReadLines(path) : [];

    private static long? Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static long? Read(Func<long?> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "statx")]
    private static extern int Statx(int folder, byte[] path, int flags, uint mask, byte[] answer);
}
