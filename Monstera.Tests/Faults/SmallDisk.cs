using System.Diagnostics;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults;

/// <summary>A disk in memory that is soon full.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    public string Folder { get; }

    public static async Task<SmallDisk> Mount(int megabytes)
    {
        Requires.Root("Mounting a small disk");
        string folder = Directory.CreateTempSubdirectory("monstera-disk-").FullName;
        if (await Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", folder) != 0)
        {
            Directory.Delete(folder);
            Requires.That(false, "A tmpfs cannot be mounted here.");
        }

        return new SmallDisk(folder);
    }

    public async ValueTask DisposeAsync()
    {
        await Run("umount", "-l", Folder);
        Directory.Delete(Folder);
    }

    private static async Task<int> Run(string command, params string[] arguments)
    {
        using Process process = Process.Start(command, arguments);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
