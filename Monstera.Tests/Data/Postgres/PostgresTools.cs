using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Monstera.Tests.Data.Postgres;

/// <summary>Where PostgreSQL's programs are, and how they are run: never as root, which they refuse.</summary>
internal sealed class PostgresTools
{
    // Reads its input to the end, which is also that of the tests' process; then stops what runs and cleans up. Signals that end the whole group of the tests' processes end it not.
    private const string WatchdogScript = """trap '' HUP INT TERM; cat > /dev/null; "$@" > /dev/null 2>&1; rm -rf "$folder" """;

    private static readonly string[] Programs = ["initdb", "pg_ctl", "pg_basebackup"];

    private readonly string _bin;
    private readonly string? _user;

    private PostgresTools(string bin, string? user)
    {
        _bin = bin;
        _user = user;
    }

    public static PostgresTools? Find(out string reason)
    {
        reason = "PostgreSQL's server (initdb, pg_ctl, pg_basebackup) is not installed.";
        if (OperatingSystem.IsWindows() || FindFolder() is not { } bin)
        {
            return null;
        }

        if (!Environment.IsPrivilegedProcess)
        {
            return new PostgresTools(bin, user: null);
        }

        reason = "PostgreSQL does not run as root, and no other user can run it: that needs setpriv, and a /dev/null which everybody may write.";
        string? user = Array.Find(["postgres", "nobody"], name => TryRun("setpriv", Drop(name, "sh", "-c", ": > /dev/null")) is null);
        return user is null ? null : new PostgresTools(bin, user);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A folder of the user that the programs run as.</summary>
    public string MakeFolder()
    {
        string folder = System.IO.Directory.CreateTempSubdirectory("monstera-postgres-").FullName;
        if (_user is not null && TryRun("chown", [_user, folder]) is { } error)
        {
            throw new InvalidOperationException(error);
        }

        return folder;
    }

    public void Run(string program, params string[] arguments)
    {
        (string name, string[] all) = Command(Path.Combine(_bin, program), arguments);
        if (TryRun(name, all) is { } error)
        {
            throw new InvalidOperationException($"{program}: {error}");
        }
    }

    /// <summary>A folder and all that is in it, as the user that the programs run as.</summary>
    public void Copy(string folder, string to)
    {
        (string name, string[] all) = Command("cp", "-R", folder, to);
        if (TryRun(name, all) is { } error)
        {
            throw new InvalidOperationException(error);
        }
    }

    /// <summary>The command as the user that the programs run as.</summary>
    public (string Program, string[] Arguments) Command(string program, params string[] arguments) =>
        _user is null ? (program, arguments) : ("setpriv", Drop(_user, [program, .. arguments]));

    /// <summary>Stops the server in <paramref name="data"/> and removes the folder once its input is closed.</summary>
    public Process Watch(string data, string folder)
    {
        (string stop, string[] arguments) = Command(Path.Combine(_bin, "pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop");
        ProcessStartInfo start = new("/bin/sh", ["-c", WatchdogScript, "watchdog", stop, .. arguments]) { RedirectStandardInput = true, UseShellExecute = false };
        start.Environment["folder"] = folder;
        return Process.Start(start)!;
    }

    private static string[] Drop(string user, params string[] command) => [$"--reuid={user}", $"--regid={GroupOf(user)}", "--clear-groups", "--", .. command];

    private static string GroupOf(string user) => user == "nobody" ? "65534" : user;

    private static string? FindFolder()
    {
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        const string Debian = "/usr/lib/postgresql";
        IEnumerable<string> packaged = System.IO.Directory.Exists(Debian)
            ? System.IO.Directory.GetDirectories(Debian)
                .OrderByDescending(folder => double.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out double version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin"))
            : [];
        return path.Concat(packaged).FirstOrDefault(folder => Array.TrueForAll(Programs, program => File.Exists(Path.Combine(folder, program))));
    }

    /// <returns>What went wrong; null: nothing.</returns>
    private static string? TryRun(string program, string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false, WorkingDirectory = "/" };
            start.Environment["LC_ALL"] = "C";
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string error = process.StandardError.ReadToEnd() + output.GetAwaiter().GetResult();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"exit code {process.ExitCode}: {error}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return e.Message;
        }
    }
}
