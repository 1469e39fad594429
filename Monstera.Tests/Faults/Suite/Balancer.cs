using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Faults.Suite;

/// <summary>A real haproxy before the nodes, with the configuration that is shipped but for addresses, and who it runs as. It ends with this process, however that ends.</summary>
internal sealed class Balancer : IDisposable
{
    // Ends with its input, which is also that of the tests' process.
    private const string WatchdogScript = """ "$@" > /dev/null 2>&1 & cat > /dev/null; kill -KILL $! """;

    private static readonly string[] Programs = ["/usr/sbin/haproxy", "/usr/bin/haproxy", "/usr/local/sbin/haproxy"];

    /// <summary>Lines that need rights or folders of a machine that is set up for it.</summary>
    private static readonly string[] OfTheMachine = ["user ", "group ", "stats socket "];

    private readonly Process _watchdog;
    private readonly string _file = Path.GetTempFileName();
    private readonly int _port = PostgresTools.FreePort();

    private Balancer(string program, IReadOnlyList<Uri> nodes)
    {
        File.WriteAllLines(_file, Configuration(nodes));
        _watchdog = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", WatchdogScript, "watchdog", program, "-db", "-f", _file])
        {
            RedirectStandardInput = true,
            UseShellExecute = false,
        })!;
    }

    public Uri Address => new($"http://127.0.0.1:{_port}");

    /// <summary>Back when it takes connections.</summary>
    public static async Task<Balancer> Start(IReadOnlyList<Uri> nodes)
    {
        string? program = Array.Find(Programs, File.Exists);
        Requires.That(program is not null, "HAProxy is not installed.");
        Balancer balancer = new(program!, nodes);
        await Signal.Poll(balancer.Takes, "HAProxy to take connections");
        return balancer;
    }

    public void Dispose()
    {
        _watchdog.StandardInput.Close();
        _watchdog.WaitForExit();
        _watchdog.Dispose();
        File.Delete(_file);
    }

    private IEnumerable<string> Configuration(IReadOnlyList<Uri> nodes)
    {
        foreach (string line in File.ReadLines(Path.Combine(Repository.Root, "deploy", "haproxy", "haproxy.cfg")))
        {
            string words = line.TrimStart();
            if (Array.Exists(OfTheMachine, start => words.StartsWith(start, StringComparison.Ordinal)) || words.StartsWith("server node2", StringComparison.Ordinal))
            {
                continue;
            }

            if (!words.StartsWith("server node1 ", StringComparison.Ordinal))
            {
                yield return line.Replace("127.0.0.1:8080", $"127.0.0.1:{_port}", StringComparison.Ordinal);
                continue;
            }

            // As many as there are, each written like the first.
            for (int i = 0; i < nodes.Count; i++)
            {
                yield return line.Replace("node1", $"node{i + 1}", StringComparison.Ordinal).Replace("127.0.0.1:5081", nodes[i].Authority, StringComparison.Ordinal);
            }
        }
    }

    private bool Takes()
    {
        try
        {
            using TcpClient client = new();
            client.Connect(IPAddress.Loopback, _port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
