namespace Monstera.Bench.Load;

/// <summary>How many files, and so connections, a process may have open. The runtime has raised the soft limit to the hard one already.</summary>
internal static class OpenFiles
{
    private const string Name = "Max open files";
    private const int Beside = 500;

    public static void Check(int clients) => Check(clients, File.ReadLines("/proc/self/limits"));

    /// <param name="limits">The lines of /proc/self/limits.</param>
    public static void Check(int clients, IEnumerable<string> limits)
    {
        string line = limits.First(line => line.StartsWith(Name, StringComparison.Ordinal));
        string soft = line[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        if (long.TryParse(soft, out long max) && max < clients + Beside)
        {
            throw new BenchFailedException($"{clients} connections need {clients + Beside} open files in a process, and {max} are allowed: raise `ulimit -n`, or give --clients.");
        }
    }
}
