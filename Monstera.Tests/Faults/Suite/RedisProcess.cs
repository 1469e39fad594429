using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Faults.Suite;

/// <summary>A real Redis that keeps nothing on disk, for what is done to processes. It ends with this process, however that ends.</summary>
internal sealed class RedisProcess : IDisposable
{
    // Says which process it is, and ends it when its input ends, which is also that of the tests' process.
    private const string WatchdogScript = """ "$@" > /dev/null 2>&1 & echo $!; cat > /dev/null; kill -KILL $! """;

    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(5);

    private int? _primary;
    private Process? _watchdog;
    private int _id;

    /// <param name="primary">The port of the one that it copies; null: it is a primary.</param>
    public RedisProcess(int? primary = null)
    {
        _primary = primary;
        Port = PostgresTools.FreePort();
        Start();
    }

    public int Port { get; }

    /// <summary>Empty, on the same port. Back when it answers.</summary>
    public void Start()
    {
        string? program = Array.Find(["/usr/bin/redis-server", "/usr/local/bin/redis-server"], File.Exists);
        Requires.That(program is not null, "Redis is not installed.");
        string[] arguments = ["--port", $"{Port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", Path.GetTempPath(), "--repl-diskless-sync-delay", "0"];
        string[] role = _primary is { } primary ? ["--replicaof", "127.0.0.1", $"{primary}"] : [];
        _watchdog = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", WatchdogScript, "watchdog", program!, .. arguments, .. role])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        _id = int.Parse(_watchdog.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    /// <summary>Back when it answers.</summary>
    public Task Ready() => Signal.Poll(() => TryTell("PING") == "+PONG", "Redis to answer");

    public void Kill9()
    {
        _watchdog!.StandardInput.Close();
        _watchdog.WaitForExit();
        _watchdog.Dispose();
        _watchdog = null;
    }

    /// <summary>A replica becomes a primary, and stays one when it is started again.</summary>
    public void Promote()
    {
        Assert.Equal("+OK", Tell("REPLICAOF NO ONE"));
        _primary = null;
    }

    /// <summary>It keeps its connections and does nothing.</summary>
    public void Freeze() => ProcessSignal.Send("STOP", _id);

    public void Thaw() => ProcessSignal.Send("CONT", _id);

    /// <summary>One command in words.</summary>
    /// <returns>The first line of the answer.</returns>
    public string Tell(string command)
    {
        using TcpClient client = new() { ReceiveTimeout = (int)AnswerMax.TotalMilliseconds };
        client.Connect(IPAddress.Loopback, Port);
        NetworkStream stream = client.GetStream();
        stream.Write(Encoding.ASCII.GetBytes(command + "\r\n"));
        using StreamReader reader = new(stream, Encoding.ASCII);
        return reader.ReadLine() ?? "";
    }

    public void Dispose()
    {
        if (_watchdog is not null)
        {
            Kill9();
        }
    }

    private string? TryTell(string command)
    {
        try
        {
            return Tell(command);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return null;
        }
    }
}

/// <summary>Signals that .NET does not send.</summary>
internal static class ProcessSignal
{
    public static void Send(string signal, int process)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }
}
