using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>A real balancer with the configuration that is shipped, of which only addresses and places of files are replaced. It ends with this process, however that ends.</summary>
internal sealed class Balancer : IAsyncDisposable
{
    // Ends with its input, which is also that of the tests' process.
    private const string WatchdogScript = """ "$@" & pid=$!; cat > /dev/null; kill -TERM $pid; wait $pid """;

    private readonly Process _process;
    private readonly string _folder;
    private readonly ConcurrentQueue<string> _output = new();

    private Balancer(string folder, int port, string program, params string[] arguments)
    {
        _folder = folder;
        Address = new Uri($"http://127.0.0.1:{port}");
        ProcessStartInfo start = new("/bin/sh", ["-c", WatchdogScript, "watchdog", program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        _process.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address { get; }

    /// <summary>What it wrote, its log included.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Two nodes as they are set up behind it, and quick to go.</summary>
    public static Task<TwoProcesses> StartNodes() =>
        TwoProcesses.Start(redis: null, ("Proxies:0", "127.0.0.1"), ("Lifecycle:SettleSeconds", "1"), ("Lifecycle:DrainSeconds", "1"));

    public static async Task<Balancer> StartHaproxy(TwoProcesses nodes)
    {
        string? program = Tool.Find("haproxy");
        Requires.That(program is not null, "HAProxy is not installed.");
        (string folder, int port) = (Directory.CreateTempSubdirectory("monstera-haproxy-").FullName, PostgresTools.FreePort());
        string config = Shipped("haproxy/haproxy.cfg");
        Replace(ref config, "127.0.0.1:8080", $"127.0.0.1:{port}");
        Replace(ref config, "/run/haproxy/admin.sock", Path.Combine(folder, "admin.sock"));
        ReplaceNodes(ref config, nodes);
        if (!Environment.IsPrivilegedProcess)
        {
            Replace(ref config, "user haproxy", "");
            Replace(ref config, "group haproxy", "");
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "haproxy.cfg"), config);
        Balancer balancer = new(folder, port, program!, "-db", "-f", Path.Combine(folder, "haproxy.cfg"));
        await balancer.Until("node1", "UP");
        await balancer.Until("node2", "UP");
        return balancer;
    }

    public static async Task<Balancer> StartNginx(TwoProcesses nodes)
    {
        string? program = Tool.Find("nginx");
        Requires.That(program is not null, "nginx is not installed.");
        (string folder, int port) = (Directory.CreateTempSubdirectory("monstera-nginx-").FullName, PostgresTools.FreePort());
        string config = Shipped("nginx/nginx.conf");
        Replace(ref config, "127.0.0.1:8080", $"127.0.0.1:{port}");
        Replace(ref config, "/run/nginx.pid", Path.Combine(folder, "nginx.pid"));
        Replace(ref config, "/var/log/nginx/access.log", "/dev/stdout");
        Replace(ref config, "/var/log/nginx/error.log", "/dev/stderr");
        ReplaceNodes(ref config, nodes);

        // Where it may write when it is not root.
        string temporary = string.Concat(((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(kind => $"    {kind}_temp_path {folder}/{kind};\n"));
        Replace(ref config, "http {\n", "http {\n" + temporary);
        string file = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(file, config);
        using (Process check = Process.Start(new ProcessStartInfo(program!, ["-t", "-q", "-c", file]) { RedirectStandardError = true, UseShellExecute = false })!)
        {
            string error = await check.StandardError.ReadToEndAsync();
            await check.WaitForExitAsync();
            Assert.True(check.ExitCode == 0, error);
        }

        Balancer balancer = new(folder, port, program!, "-c", file, "-g", "daemon off;");
        await Signal.Poll(() => balancer.Listens(), $"nginx to listen:\n{balancer.Output}");
        return balancer;
    }

    /// <summary>Waits until HAProxy thinks this of a node: UP, NOLB (no new connections), DOWN.</summary>
    public Task Until(string node, string state) =>
        Signal.Poll(() => StateOf(node) == state, $"HAProxy to see {node} as {state}; it said:\n{Output}");

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Shipped(string name) => Repository.Read("deploy", name);

    private static void ReplaceNodes(ref string config, TwoProcesses nodes)
    {
        Replace(ref config, "127.0.0.1:5081", $"127.0.0.1:{nodes.First.Address.Port}");
        Replace(ref config, "127.0.0.1:5082", $"127.0.0.1:{nodes.Second.Address.Port}");
    }

    private static void Replace(ref string config, string shipped, string here)
    {
        Assert.Contains(shipped, config, StringComparison.Ordinal);
        config = config.Replace(shipped, here, StringComparison.Ordinal);
    }

    private bool Listens()
    {
        try
        {
            using TcpClient client = new();
            client.Connect("127.0.0.1", Address.Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The status of the node in the backend of everything but WebSockets, which follows it.</summary>
    private string StateOf(string node)
    {
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(_folder, "admin.sock")));
            socket.Send("show stat\n"u8);
            StringBuilder answer = new();
            byte[] buffer = new byte[16_384];
            for (int read; (read = socket.Receive(buffer)) > 0;)
            {
                answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
            }

            return answer.ToString().Split('\n').Select(line => line.Split(',')).FirstOrDefault(row => row is ["nodes", var name, ..] && name == node)?[17] ?? "";
        }
        catch (SocketException)
        {
            return "";
        }
    }
}
