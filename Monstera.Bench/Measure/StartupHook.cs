using System.Globalization;
using System.Net.Sockets;
using System.Text;

#pragma warning disable IDE0130, CA1050, MA0047 // The runtime looks for this name without a namespace.

/// <summary>
/// Runs inside a measured process (DOTNET_STARTUP_HOOKS), server and baseline alike, and tells the runtime's counters to whoever connects to a socket file: what was
/// allocated cannot be seen from outside. It also ends the process when the measuring one is gone. Threads that wait: they do nothing unless asked, and know nothing of the
/// program around them.
/// </summary>
internal static class StartupHook
{
    /// <summary>Names the environment variable with the path of the socket file.</summary>
    internal const string SocketVariable = "MONSTERA_BENCH_COUNTERS";

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 0 } path)
        {
            new Thread(() => Serve(path)) { IsBackground = true, Name = "bench counters" }.Start();
            new Thread(EndWithParent) { IsBackground = true, Name = "bench end" }.Start();
        }
    }

    /// <summary>The other end of standard input is held by who measures. It closes when that ends, in whatever way: nothing is left running.</summary>
    private static void EndWithParent()
    {
        using Stream input = Console.OpenStandardInput();
        byte[] ignored = new byte[16];
        while (input.Read(ignored) > 0)
        {
            // Nothing is ever said.
        }

        Environment.Exit(1);
    }

    private static void Serve(string path)
    {
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        while (true)
        {
            using Socket asker = listener.Accept();
            string counters = string.Create(
                CultureInfo.InvariantCulture,
                $"{GC.GetTotalAllocatedBytes()} {GC.CollectionCount(0)} {GC.CollectionCount(1)} {GC.CollectionCount(2)} {GC.GetTotalPauseDuration().TotalMilliseconds}");
            asker.Send(Encoding.ASCII.GetBytes(counters));
        }
    }
}
