using Microsoft.Win32.SafeHandles;
using Monstera.Server.Metrics;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Metrics;

/// <summary>What the process knows of itself from Linux.</summary>
public sealed class ProcFilesTests : IDisposable
{
    private const int Opened = 400;

    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_size_is_what_the_system_says()
    {
        Requires.That(OperatingSystem.IsLinux(), "/proc is Linux' own.");
        string file = Path.Combine(_folder, "日本語");
        File.WriteAllBytes(file, new byte[12_345]);
        Assert.Equal(12_345, ProcFiles.SizeOf(file));
        Assert.Null(ProcFiles.SizeOf(file + "-that-is-not-there"));
    }

    /// <summary>Other tests open and close files meanwhile, fewer than these.</summary>
    [Fact]
    public void Each_open_file_counts()
    {
        Requires.That(OperatingSystem.IsLinux(), "/proc is Linux' own.");
        long before = ProcFiles.OpenFiles()!.Value;
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        SafeFileHandle[] handles = [.. Enumerable.Range(0, Opened).Select(_ => File.OpenHandle(file))];
        Assert.InRange(ProcFiles.OpenFiles()!.Value - before, Opened / 2, Opened * 2);
        Array.ForEach(handles, handle => handle.Dispose());
    }
}
