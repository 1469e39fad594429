using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Monstera.Server.Configuration;
using Monstera.Server.Redis;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Deploy;

[assembly: AssemblyFixture(typeof(Monstera.Tests.Redis.RedisServers))]

namespace Monstera.Tests.Redis;

/// <summary>
/// A real redis-server (or sentinel) of the tests' own, on a free port of 127.0.0.1, in a folder that goes with it. One is shared by all tests that leave it running
/// (<see cref="Shared"/>); who stops it starts a private one. It ends with this process, however that ends.
/// </summary>
public sealed class RedisServer : IDisposable
{
    private const string Program = "redis-server";

    // Says the server's id, reads its input to the end, which is also that of the tests' process, and kills the server.
    private const string WatchdogScript = "\"$@\" > /dev/null 2>&1 < /dev/null & echo $!; cat > /dev/null; kill -9 $! 2> /dev/null";

    private static readonly Lock Gate = new();
    private static RedisServer? _shared;

    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-redis-").FullName;
    private readonly string[] _settings;
    private readonly bool _isSentinel;
    private Process? _watchdog;
    private string _id = "";

    private RedisServer(bool isSentinel, int? port, string[] settings)
    {
        _isSentinel = isSentinel;
        Port = port ?? PostgresTools.FreePort();
        _settings = settings;
        Restart();
    }

    public int Port { get; }

    /// <summary>The server of all tests that leave it as it is. Started at the first use. Use a prefix of your own, which <see cref="NewClient"/> does.</summary>
    public static RedisServer Shared
    {
        get
        {
            lock (Gate)
            {
                return _shared ??= Start();
            }
        }
    }

    /// <summary>For <c>ConnectionStrings:Redis</c>.</summary>
    public string ConnectionString => $"127.0.0.1:{Port}";

    /// <summary>What it has written to its log.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    private string LogFile => Path.Combine(_folder, "log");

    /// <summary>A server of the caller's own. Back when it answers.</summary>
    /// <param name="settings">Words of redis.conf: <c>--requirepass</c>, <c>secret</c> …</param>
    public static RedisServer Start(params string[] settings) => StartAt(null, settings);

    public static RedisServer StartAt(int? port, params string[] settings)
    {
        RequireServer();
        return new RedisServer(isSentinel: false, port, settings);
    }

    /// <summary>A sentinel with these lines as its file, which it writes to.</summary>
    public static RedisServer StartSentinel(params string[] lines)
    {
        RequireServer();
        return new RedisServer(isSentinel: true, null, lines);
    }

    /// <summary>A client with a prefix that nobody else has.</summary>
    public static RedisClient NewClient(string connectionString, string? prefix = null, ILogger<RedisClient>? log = null) =>
        NewUnstartedClient(connectionString, prefix, log).Start();

    public static RedisClient NewUnstartedClient(string connectionString, string? prefix = null, ILogger<RedisClient>? log = null) => new(
        RedisSettings.Read(connectionString), prefix ?? Guid.NewGuid().ToString("N"), new RedisOptions(), TimeProvider.System, log ?? NullLogger<RedisClient>.Instance);

    /// <summary>The same, of this server, when it is connected.</summary>
    public async Task<RedisClient> Connect(string? prefix = null)
    {
        RedisClient client = NewClient(ConnectionString, prefix);
        await Signal.Poll(() => !client.IsAway, "a connection to Redis");
        return client;
    }

    /// <summary>Killed: nothing is said, sockets are closed by the system.</summary>
    public void Stop()
    {
        _watchdog?.StandardInput.Close();
        _watchdog?.WaitForExit();
        _watchdog?.Dispose();
        _watchdog = null;
    }

    /// <summary>SIGSTOP: it is there and does nothing.</summary>
    public void Freeze() => Kill("-STOP");

    public void Thaw() => Kill("-CONT");

    /// <summary>Back when it answers, empty, at the same port.</summary>
    public void Restart()
    {
        Stop();
        ProcessStartInfo start = new("/bin/sh", ["-c", WatchdogScript, "watchdog", Program, .. Words()])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false, WorkingDirectory = _folder,
        };
        _watchdog = Process.Start(start)!;
        _id = _watchdog.StandardOutput.ReadLine()!;
        long begun = TimeProvider.System.GetTimestamp();
        while (!Answers())
        {
            if (TimeProvider.System.GetElapsedTime(begun) > Signal.Patience)
            {
                throw new TimeoutException($"Redis does not answer:\n{Log}");
            }
        }
    }

    /// <summary>A command by hand, in words without spaces; gives the first line of the answer, or the whole of a string.</summary>
    public string Command(string command)
    {
        using TcpClient client = new("127.0.0.1", Port) { ReceiveTimeout = 5_000 };
        NetworkStream stream = client.GetStream();
        stream.Write(Encoding.UTF8.GetBytes(command + "\r\n"));
        using StreamReader reader = new(stream, Encoding.Latin1);
        string line = reader.ReadLine() ?? "";
        if (!line.StartsWith('$') || line == "$-1")
        {
            return line;
        }

        char[] text = new char[int.Parse(line[1..], CultureInfo.InvariantCulture)];
        reader.ReadBlock(text);
        return new string(text);
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(_folder, recursive: true);
    }

    internal static void DisposeShared()
    {
        lock (Gate)
        {
            _shared?.Dispose();
            _shared = null;
        }
    }

    private static void RequireServer() => Requires.That(!OperatingSystem.IsWindows() && Tool.Find(Program) is not null, $"{Program} is not installed.");

    private string[] Words()
    {
        string port = Port.ToString(CultureInfo.InvariantCulture);
        if (!_isSentinel)
        {
            return ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _folder, "--logfile", LogFile, .. _settings];
        }

        string file = Path.Combine(_folder, "sentinel.conf");
        if (!File.Exists(file))
        {
            File.WriteAllLines(file, [$"port {port}", "bind 127.0.0.1", $"dir {_folder}", $"logfile {LogFile}", .. _settings]);
        }

        return [file, "--sentinel"];
    }

    private bool Answers()
    {
        try
        {
            return Command("PING") is "+PONG" or ['-', 'N', 'O', 'A', 'U', 'T', 'H', ..];
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    private void Kill(string signal)
    {
        using Process kill = Process.Start("kill", [signal, _id]);
        kill.WaitForExit();
    }
}

/// <summary>Stops the shared server when the assembly's tests are done.</summary>
public sealed class RedisServers : IDisposable
{
    public void Dispose() => RedisServer.DisposeShared();
}
