using System.Diagnostics;

namespace Monstera.Tests.Data.Sqlite;

/// <summary>A file system of 6 MiB, for filling up. Needs the right to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    public string Folder { get; }

    public static SmallDisk? TryMount(out string? reason)
    {
        reason = null;
        if (!OperatingSystem.IsLinux() || !string.Equals(Environment.UserName, "root", StringComparison.Ordinal))
        {
            reason = "Only root on Linux may mount a small file system.";
            return null;
        }

        string folder = System.IO.Directory.CreateTempSubdirectory("monstera-disk-").FullName;
        if (Run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder))
        {
            return new SmallDisk(folder);
        }

        System.IO.Directory.Delete(folder);
        reason = "Mounting a tmpfs is not allowed here.";
        return null;
    }

    public void Dispose()
    {
        Run("umount", "-l", Folder);
        System.IO.Directory.Delete(Folder);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
