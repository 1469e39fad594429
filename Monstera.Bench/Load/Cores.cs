using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Monstera.Bench.Load;

/// <summary>Which processors this process runs on.</summary>
internal static unsafe class Cores
{
    private const int MaskBytes = 128;

    /// <summary>Keeps all threads that there are, and so those that they start, on these processors: <c>1</c>, <c>0,2</c>, <c>4-7</c>.</summary>
    public static void Pin(string list)
    {
        byte* mask = stackalloc byte[MaskBytes];
        new Span<byte>(mask, MaskBytes).Clear();
        foreach (int core in Parse(list))
        {
            mask[core / 8] |= (byte)(1 << (core % 8));
        }

        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            int thread = int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture);
            const int goneAlready = 3;
            if (Libc.SetAffinity(thread, MaskBytes, mask) < 0 && Marshal.GetLastPInvokeError() != goneAlready)
            {
                throw new BenchFailedException($"processors {list}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
            }
        }
    }

    public static IEnumerable<int> Parse(string list)
    {
        foreach (string part in list.Split(','))
        {
            string[] ends = part.Split('-');
            if (!int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int last)
                || ends.Length > 2 || last < first || last >= MaskBytes * 8)
            {
                throw new BenchFailedException($"'{list}' names no processors: write 1, 0,2 or 4-7");
            }

            for (int core = first; core <= last; core++)
            {
                yield return core;
            }
        }
    }
}
